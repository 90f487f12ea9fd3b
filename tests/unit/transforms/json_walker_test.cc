#include "tasks/transforms/json_walker.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "core/base/json.h"

namespace tamis::transforms {
namespace {

using Outcome = JsonWalker::Outcome;

const std::vector<std::string> seeds = {
    R"({"sensor_id":"s-1","site":{"name":"roof","x":[1,2,{"a":null}]},"v":-1.5e3,"ok":true,"t":"2026-03-01T09:00:00Z"})",
    R"({"v":"\u00e9\ud83d\ude00\n\\","w":[[],{},[{}]],"x":{"y":{"z":false}},"v":0})",
    "[1,2.5,-0,\"a\",{\"b\":[null,true]}]",
    "  {\"\xc3\xa9\" :\t\"\xf0\x9f\x98\x80\",\r\n\"n\":123456789012345678901234567890 } ",
    "{}",
    "\"text\"",
    "-12.5E-3",
    "null",
};

PathTree tree() {
  PathTree out;
  out.add({"v"});
  out.add({"site", "name"});
  out.add({"site", "x"});
  out.add({"x", "y", "z"});
  return out;
}

TEST(JsonWalker, AgreesWithAnotherReaderAboutWhatIsJson) {
  const auto paths = tree();
  JsonWalker walker(paths, true);
  std::vector<Slot> slots(static_cast<size_t>(paths.slots));
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"\"",      "\\",
                                           "{",       "}",
                                           "[",       "]",
                                           ",",       ":",
                                           " ",       "\n",
                                           "\f",      "\x1a",
                                           "0",       "-",
                                           "1e5",     ".",
                                           "true",    "nul",
                                           "\\u",     "\\ud800",
                                           "\\udc00", "\xff",
                                           "\xc3",    "\xed\xa0\x80",
                                           "\"a\"",   "{}",
                                           "[]",      "e",
                                           "+",       "\x7f",
                                           "\x1f",    "\"v\":1,",
                                           "/",       "\xf4\x90\x80\x80",
                                           "\xc0\x80"};
  int accepted = 0;
  std::string kept;
  for (int i = 0; i < 300000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (auto changes = random() % 4; changes > 0; --changes) {
      const size_t at = text.empty() ? 0 : random() % text.size();
      switch (random() % 4) {
        case 0:
          text.erase(at, random() % 3 + 1);
          break;
        case 1:
          text.insert(at, pieces[random() % pieces.size()]);
          break;
        case 2:
          text.insert(at, text.substr(random() % (text.size() + 1), random() % 8));
          break;
        default:
          if (!text.empty()) text[at] = static_cast<char>(random() % 255 + 1);
      }
    }
    // The other reader knows no number beyond a double, skips a byte-order mark, and may not end at a NUL.
    if (text.starts_with("\xef\xbb\xbf")) continue;
    const auto outcome = walker.walk(text, slots.data());
    bool expected = nlohmann::json::accept(text);
    if (!expected && outcome != Outcome::malformed) {
      try {
        [[maybe_unused]] const auto ignored = nlohmann::json::parse(text);
      } catch (const nlohmann::json::out_of_range&) {
        expected = true;
      } catch (const nlohmann::json::exception&) {
      }
    }
    ASSERT_EQ(outcome != Outcome::malformed, expected) << text << "\n"
                                                       << walker.problem() << "\nseed " << seed;
    if (outcome != Outcome::object) continue;
    ++accepted;
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (parsed.is_discarded()) continue;
    kept = "{";
    walker.write_kept(kept);
    kept += "}";
    auto without = parsed;
    for (const auto* name : {"v", "site", "x"}) without.erase(name);
    ASSERT_EQ(nlohmann::json::parse(kept, nullptr, false), without) << text << "\n"
                                                                    << kept << "\nseed " << seed;
    const bool has_v = parsed.contains("v");
    ASSERT_EQ(slots[0].kind != Slot::Kind::missing, has_v) << text << " seed " << seed;
    if (has_v && parsed["v"].is_number()) {
      ASSERT_EQ(to_double(slots[0].number), parsed["v"].get<double>()) << text << " seed " << seed;
    }
    const bool has_name =
        parsed.contains("site") && parsed["site"].is_object() && parsed["site"].contains("name");
    ASSERT_EQ(slots[1].kind != Slot::Kind::missing, has_name) << text << " seed " << seed;
  }
  EXPECT_GT(accepted, 10000);
}

/// What a walk found, as text.
std::string found(JsonWalker& walker, std::string_view record, size_t slots, bool is_padded) {
  std::vector<Slot> filled(slots);
  const auto outcome = walker.walk(record, filled.data(), is_padded);
  if (outcome == Outcome::malformed)
    return std::string(walker.problem()) + " at " + std::to_string(walker.problem_at());
  if (outcome == Outcome::not_an_object) return "no object";
  std::string out = "{";
  walker.write_kept(out);
  for (const Slot& slot : filled) {
    out += "|" + std::to_string(static_cast<int>(slot.kind));
    if (slot.kind != Slot::Kind::number && slot.kind != Slot::Kind::text) continue;
    out += std::string(slot.text()) + "@" + std::to_string(slot.text().data() - record.data());
    if (slot.kind == Slot::Kind::text) out += slot.escaped ? "e" : "";
    if (slot.kind == Slot::Kind::number)
      out += ":" + std::to_string(slot.number.mantissa) + "e" + std::to_string(slot.number.exponent) +
             (slot.number.negative ? "-" : "+") + (slot.number.exact ? "" : "~");
  }
  return out;
}

TEST(JsonWalker, FindsTheSameInRecordsOfAKnownShape) {
  const auto paths = tree();
  const std::vector<std::string> records = {
      R"({"v":12.25,"site":{"name":"roof","floor":7},"x":{"y":{"z":true}},"other":"text","list":[1,"two",null,{}]})",
      R"({ "other with a name that is longer than one comparison reads" : -1.5e3 , "v" : "21.5", "site": {"x":null} })",
      "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\",\"v\":123456789012345678901234567890,\"n\":{\"a\":[],\"b\":false}}",
      R"({"a":1,"a":2,"v":"\u00e9\n","site":{"name":"n","name":"m"},"t":"2026-03-01T09:00:00.123Z"})",
      R"({"site":{"x":1,"name":"a"},"site":{"x":0},"v":0})",
      "{}",
      R"({"e":{},"f":[[]]})"};
  const std::vector<std::string> values = {"1",
                                           "-0",
                                           "0.5",
                                           "123456",
                                           "1234567",
                                           "12345678",
                                           "123456.7",
                                           "-12.5",
                                           "01",
                                           "1.",
                                           "-",
                                           ".5",
                                           "1e5",
                                           "1E+05",
                                           "1e",
                                           "true",
                                           "false",
                                           "null",
                                           "nul",
                                           "truex",
                                           "\"\"",
                                           "\"a\"",
                                           "\"a very long text without anything special in it\"",
                                           "\"\\u00e9\"",
                                           "\"\\x\"",
                                           "\"\xff\"",
                                           "\"\xc3\xa9\"",
                                           "\"\t\"",
                                           "\"\n",
                                           "{}",
                                           "[]",
                                           "",
                                           "12345678901234567890",
                                           "1.2.3",
                                           "--1",
                                           "\"\\"};
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  size_t same_shape = 0;
  for (const auto& record : records) {
    // Where values stand: behind a colon, up to a comma or bracket; roughly, which is enough.
    std::vector<std::pair<size_t, size_t>> places;
    for (size_t at = record.find(':'); at != std::string::npos; at = record.find(':', at + 1))
      places.emplace_back(at + 1, record.find_first_of(",}]", at + 1) - at - 1);
    JsonWalker primed(paths, true);
    found(primed, record, 4, true);
    for (int i = 0; i < 20000; ++i) {
      std::string text = record;
      if (!places.empty() && random() % 8 != 0) {
        const auto [at, size] = places[random() % places.size()];
        text.replace(at, size, values[random() % values.size()]);
      }
      if (random() % 4 == 0) text.resize(random() % (text.size() + 1));
      if (random() % 16 == 0) text += "  \n";
      const size_t size = text.size();
      // What follows a record may look as if it went on.
      text += random() % 2 == 0 ? record.substr(random() % record.size()) : "1\"}]e5";
      text.append(64, random() % 2 == 0 ? '0' : '}');
      const std::string_view view = std::string_view(text).substr(0, size);
      JsonWalker fresh(paths, true);
      const auto expected = found(fresh, view, 4, false);
      ASSERT_EQ(found(primed, view, 4, true), expected) << view << "\nseed " << seed;
      same_shape += expected[0] == '{';
    }
  }
  EXPECT_GT(same_shape, 10000u);
}

TEST(JsonWalker, GoesA1024LevelsDeep) {
  const auto paths = tree();
  JsonWalker walker(paths, false);
  std::vector<Slot> slots(static_cast<size_t>(paths.slots));
  const auto nested = [](size_t n, const char* open, const char* close) {
    std::string text = "{\"a\":";
    for (size_t i = 0; i < n; ++i) text += open;
    text += "1";
    for (size_t i = 0; i < n; ++i) text += close;
    return text + "}";
  };
  EXPECT_EQ(walker.walk(nested(1023, "[", "]"), slots.data()), Outcome::object);
  EXPECT_EQ(walker.walk(nested(1024, "[", "]"), slots.data()), Outcome::malformed);
  EXPECT_EQ(walker.walk(nested(1023, "{\"v\":", "}"), slots.data()), Outcome::object);
  EXPECT_EQ(walker.walk(nested(1024, "{\"v\":", "}"), slots.data()), Outcome::malformed);
  EXPECT_EQ(walker.walk(nested(100000, "[", "]"), slots.data()), Outcome::malformed);
  std::string in_path = nested(1023, "{\"y\":", "}");
  in_path.replace(0, 4, "{\"x\"");
  EXPECT_EQ(walker.walk(in_path, slots.data()), Outcome::object);
  in_path = nested(1024, "{\"y\":", "}");
  in_path.replace(0, 4, "{\"x\"");
  EXPECT_EQ(walker.walk(in_path, slots.data()), Outcome::malformed);
}

TEST(JsonWalker, ReadsNothingBeyondTheRecord) {
  const auto paths = tree();
  JsonWalker walker(paths, true);
  std::vector<Slot> slots(static_cast<size_t>(paths.slots));
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* memory =
      static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + page, page, PROT_NONE), 0);
  std::string out;
  for (const size_t before : {0, 1, 15, 16, 40, 63, 64, 65})
    for (const auto& text : seeds)
      for (size_t size = 0; size <= text.size(); ++size) {
        char* at = memory + page - before - size;
        std::memcpy(at, text.data(), size);
        if (walker.walk({at, size}, slots.data()) == Outcome::object) walker.write_kept(out);
      }
  munmap(memory, 2 * page);
}

}  // namespace
}  // namespace tamis::transforms
