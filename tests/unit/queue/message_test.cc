#include "core/queue/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "core/base/error.h"
#include "core/queue/base64.h"
#include "core/queue/python_json.h"
#include "core/queue/results.h"

namespace tamis::queue {
namespace {

using base::Json;
using ::testing::HasSubstr;

std::vector<std::filesystem::path> captures() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(TAMIS_ROOT "/tests/golden/celery"))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class Captured : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  Json capture() const {
    std::ifstream in(GetParam());
    return Json::parse(in);
  }
};

TEST_P(Captured, MessageIsReadAndWrittenAgainByteForByte) {
  const Json all = capture();
  for (const auto& captured : all["messages"]) {
    const std::string envelope = captured["envelope"];
    const auto message = TaskMessage::decode(envelope);
    EXPECT_EQ(message.encode(), envelope);
    EXPECT_EQ(list_name(message.queue, message.priority), captured["list"]);
    EXPECT_EQ(message.id, TaskMessage::id_of(envelope));
  }
}

TEST_P(Captured, ResultIsReadAndWrittenAgainByteForByte) {
  const Json all = capture();
  for (const auto& captured : all["results"]) {
    const std::string document = captured;
    auto result = Results::decode(Json::parse(document)["task_id"], document);
    const auto done = result.meta["date_done"];
    const auto instant = done.is_string() ? *base::parse_instant(done.get<std::string>()) : base::Instant{};
    auto written = Results::encode(result, instant);
    // Celery before 5.4 writes the time without its offset.
    if (done.is_string() && !done.get<std::string>().ends_with("+00:00"))
      written.erase(written.find("+00:00\""), 6);
    EXPECT_EQ(written, document);
  }
}

std::string capture_name(const ::testing::TestParamInfo<std::filesystem::path>& capture) {
  auto name = capture.param.parent_path().filename().string() + "_" + capture.param.stem().string();
  for (auto& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Celery, Captured, ::testing::ValuesIn(captures()), capture_name);

TEST(Message, IsWrittenAsCeleryWritesANewOne) {
  std::ifstream in(TAMIS_ROOT "/tests/golden/celery/5.7/01_plain.json");
  const std::string theirs = Json::parse(in)["messages"][0]["envelope"];
  const auto e = Json::parse(theirs);
  TaskMessage message;
  message.task = "interop.add";
  message.id = e["headers"]["id"];
  message.args = {2, 3};
  message.origin = e["headers"]["origin"];
  message.reply_to = e["properties"]["reply_to"];
  message.headers = {{"lang", "py"}};
  message.properties = {};
  auto ours = Json::parse(message.encode());
  EXPECT_NE(ours["properties"]["delivery_tag"], e["properties"]["delivery_tag"]);
  ours["properties"]["delivery_tag"] = e["properties"]["delivery_tag"];
  EXPECT_EQ(python_dumps(ours), theirs);
}

TEST(Message, KeepsEverythingOnItsWay) {
  TaskMessage message;
  message.id = "7";
  message.task = "tamis.etl";
  message.kwargs = Json::parse(R"({"dag_id": "météo", "n": 1.5})");
  message.queue = "etl";
  message.priority = 6;
  message.retries = 2;
  message.eta = base::parse_rfc3339("2026-03-01T09:00:00.25Z");
  message.root_id = "5";
  message.parent_id = "6";
  message.time_limit = 30;
  message.soft_time_limit = 2.5;
  message.ignore_result = true;
  message.headers = {{"x-custom", {1, 2}}};
  const auto again = TaskMessage::decode(message.encode());
  EXPECT_EQ(again.kwargs, message.kwargs);
  EXPECT_EQ(again.queue, "etl");
  EXPECT_EQ(again.priority, 6);
  EXPECT_EQ(again.retries, 2);
  EXPECT_EQ(again.eta, message.eta);
  EXPECT_EQ(again.root_id, "5");
  EXPECT_EQ(again.parent_id, "6");
  EXPECT_EQ(again.time_limit, 30);
  EXPECT_EQ(again.soft_time_limit, 2.5);
  EXPECT_EQ(again.ignore_result, true);
  EXPECT_EQ(again.headers["x-custom"], Json({1, 2}));
  EXPECT_EQ(again.encode(), again.encode());
}

std::string envelope(Json headers, const std::string& body, Json change = Json::object()) {
  Json e = {{"body", base64_encode(body)},
            {"content-encoding", "utf-8"},
            {"content-type", "application/json"},
            {"headers", std::move(headers)},
            {"properties",
             {{"body_encoding", "base64"},
              {"delivery_tag", "t"},
              {"delivery_info", {{"exchange", ""}, {"routing_key", "q"}}}}}};
  e.update(change);
  return e.dump();
}

TEST(Message, ReadsWhatIsLeftOut) {
  const auto message = TaskMessage::decode(envelope({{"task", "a"}, {"id", "1"}}, R"([[], {}, null])"));
  EXPECT_EQ(message.task, "a");
  EXPECT_EQ(message.queue, "q");
  EXPECT_FALSE(message.eta);
  EXPECT_EQ(
      TaskMessage::decode(
          envelope({{"task", "a"}, {"id", "1"}, {"retries", nullptr}, {"timelimit", "x"}}, "[[],{},{}]"))
          .retries,
      0);
}

TEST(Message, ReadsPlainBodiesAndProtocol1) {
  const auto plain = TaskMessage::decode(
      R"({"body": "[[1], {}, {}]", "headers": {"task": "a", "id": "1"}, "properties": {}})");
  EXPECT_EQ(plain.args, Json::array({1}));
  const auto old = TaskMessage::decode(
      envelope(Json::object(), R"({"task": "a", "id": "1", "args": [1], "kwargs": {"b": 2},
      "retries": 3, "eta": "2026-03-01T09:00:00", "taskset": "g", "callbacks": [{"task": "c"}]})"));
  EXPECT_EQ(old.task, "a");
  EXPECT_EQ(old.args, Json::array({1}));
  EXPECT_EQ(old.retries, 3);
  EXPECT_EQ(old.group, "g");
  EXPECT_EQ(old.eta, base::parse_rfc3339("2026-03-01T09:00:00Z"));
  EXPECT_EQ(old.embed["callbacks"][0]["task"], "c");
  EXPECT_EQ(TaskMessage::decode(old.encode()).retries, 3);
}

TEST(Message, ReadsEtasInAllTheirForms) {
  for (const auto* text : {"2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000+00:00", "2026-03-01T09:00:00",
                           "2026-03-01T14:30:00+05:30"})
    EXPECT_EQ(TaskMessage::decode(envelope({{"task", "a"}, {"id", "1"}, {"eta", text}}, "[[],{},{}]")).eta,
              base::parse_rfc3339("2026-03-01T09:00:00Z"))
        << text;
}

TEST(Message, SaysWhatIsWrong) {
  const Json good = {{"task", "a"}, {"id", "1"}};
  const std::pair<std::string, const char*> cases[] = {
      {"nonsense", "no JSON"},
      {"[]", "must be an object"},
      {R"({"headers": {"task": "a", "id": "1"}})", "no body"},
      {envelope({{"task", "a"}}, "[[],{},{}]"), "no id"},
      {envelope(good, "[[],{}]"), "args, kwargs and embed"},
      {envelope(good, "[{},{},{}]"), "args are object"},
      {envelope(good, "[[],null,{}]"), "kwargs are null"},
      {envelope(good, "[[],"), "body is no JSON"},
      {envelope(good, "[]", {{"body", "%%%"}}), "no base64"},
      {envelope(good, "[]", {{"content-type", "application/x-python-serialize"}}), "only application/json"},
      {envelope(good, "[]", {{"content-encoding", "latin-1"}}), "only utf-8"},
      {envelope({{"task", "a"}, {"id", "1"}, {"compression", "application/x-bz2"}}, "[]"), "compression"},
      {envelope({{"task", "a"}, {"id", "1"}, {"compression", "application/x-gzip"}}, "[]"), "damaged"},
      {envelope({{"task", "a"}, {"id", "1"}, {"eta", ""}}, "[[],{},{}]"), "eta"},
      {envelope({{"task", "a"}, {"id", "1"}, {"expires", 17}}, "[[],{},{}]"), "expires"},
      {envelope(nullptr, "[[],{},{}]"), "names no task"},
      {envelope(good, std::string(1000, '[')), "deep"},
  };
  for (const auto& [text, part] : cases) {
    try {
      TaskMessage::decode(text);
      ADD_FAILURE() << "read: " << text;
    } catch (const base::UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(part));
    }
  }
}

TEST(Message, NeverEndsTheProcessWhateverComes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  std::ifstream in(TAMIS_ROOT "/tests/golden/celery/5.2/22_chord.json");
  const std::string good = Json::parse(in)["messages"][0]["envelope"];
  for (int i = 0; i < 3000; ++i) {
    auto text = good;
    for (int n = 0; n < 3; ++n) text[random() % text.size()] = static_cast<char>(random());
    try {
      TaskMessage::decode(text).encode();
    } catch (const base::UserError&) {
    }
    TaskMessage::id_of(text);
  }
}

TEST(Queue, NamesItsListsAsKombuDoes) {
  EXPECT_EQ(list_name("etl", -5), "etl");
  EXPECT_EQ(list_name("etl", 2), "etl");
  EXPECT_EQ(list_name("etl", 3),
            "etl\x06\x16"
            "3");
  EXPECT_EQ(list_name("etl", 8),
            "etl\x06\x16"
            "6");
  EXPECT_EQ(list_name("etl", 255),
            "etl\x06\x16"
            "9");
  EXPECT_EQ(queue_of("etl\x06\x16"
                     "3"),
            "etl");
  EXPECT_EQ(queue_of("etl"), "etl");
}

}  // namespace
}  // namespace tamis::queue
