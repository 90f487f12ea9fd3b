#include "tasks/windows/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/base/error.h"
#include "tests/unit/windows/sample.h"
#include "tasks/windows/entry.h"
#include "tasks/windows/json_text.h"
#include "tasks/windows/slice_order.h"

namespace tamis::windows {
namespace {

using sample::aggregate;
using std::chrono::seconds;

WindowSpec all_states() {
  return sample::spec(seconds(10), seconds(10), {"g", "b", "v"},
                      {aggregate("c", Function::count), aggregate("s", Function::sum, "n"),
                       aggregate("a", Function::avg, "v"), aggregate("x", Function::max, "s"),
                       aggregate("f", Function::first, "s"), aggregate("l", Function::last, "t"),
                       aggregate("d", Function::distinct, "n"), aggregate("p", Function::p95, "n"),
                       aggregate("sd", Function::stddev, "n"), aggregate("m", Function::min, "t")});
}

Partial partial_of(int rows, int groups) {
  std::vector<sample::Row> all;
  for (int i = 0; i < rows; ++i) {
    sample::Row row;
    row.g = "g" + std::to_string(i % groups);
    row.b = i % 2 == 0;
    row.v = 0.5;
    row.s = std::string(static_cast<size_t>(i % 5), 's');
    row.n = i * 7919;
    row.t = i;
    row.offset = i;
    all.push_back(row);
  }
  return sample::partials(all_states(), all).at(0);
}

StoredPartial stored(std::string bytes) {
  return {"topic-0-0", 1, std::move(bytes), false};
}

TEST(Codec, MergingOnePartialAndEncodingItGivesTheSameDocuments) {
  for (const int rows : {1, 100, 5000}) {
    const auto partial = partial_of(rows, 3);
    Merger once(sample::key(), all_states()), twice(sample::key(), all_states());
    once.begin(partial.start);
    once.add(stored(partial.bytes));
    twice.begin(partial.start);
    twice.add({"", 1, once.encode(), false});
    EXPECT_EQ(sample::documents_of(once), sample::documents_of(twice));
    EXPECT_EQ(once.encode(), twice.encode());
    EXPECT_TRUE(once.is_complete());
  }
}

TEST(Codec, RefusesOtherVersionsByName) {
  Merger merger(sample::key(), all_states());
  merger.begin({});
  try {
    merger.add(stored("\x09"));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("version 9"));
  }
}

TEST(Codec, CorruptBytesAreAnErrorOrOtherNumbers) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t errors = 0;
  for (const auto& partial : {partial_of(20, 3), partial_of(3000, 1), partial_of(30000, 1)}) {
    Merger merger(sample::key(), all_states());
    for (int i = 0; i < 600; ++i) {
      std::string bytes = partial.bytes;
      if (random() % 3 == 0) bytes.resize(random() % bytes.size());
      for (uint64_t k = random() % 3; !bytes.empty() && k > 0; --k)
        bytes[random() % std::min<size_t>(bytes.size(), random() % 2 != 0 ? 400 : bytes.size())] =
            static_cast<char>(random());
      merger.begin({});
      try {
        merger.add(stored(bytes));
        records::DocumentBatch batch;
        merger.documents(0, 0, batch, [] { return 0u; });
        merger.encode();
      } catch (const base::Error&) {
        ++errors;
      }
    }
  }
  EXPECT_GT(errors, 300u);
}

TEST(SliceOrder, ReadsNumbersAsNumbers) {
  EXPECT_TRUE(slice_before("t-2-5", "t-10-0"));
  EXPECT_TRUE(slice_before("t-2-5", "t-2-10"));
  EXPECT_TRUE(slice_before("a-9-9", "b-0-0"));
  EXPECT_FALSE(slice_before("t-2-5", "t-2-5"));
  EXPECT_TRUE(slice_before("data/a.jsonl-0", "data/a.jsonl-100"));
  EXPECT_TRUE(slice_before("data/a.jsonl-100", "data/b.jsonl-0"));
  EXPECT_EQ(parse_slice_name("iot-data-2-250").origin, "iot-data-2");
  EXPECT_EQ(parse_slice_name("iot-data-2-250").start, 250);
}

TEST(SliceOrder, IsStrictAndTotal) {
  const std::vector<std::string> names = {"t-1-1", "t-1",  "t",     "t-01-1", "t-1-01", "u-1-1", "-",
                                          "",      "1-1-", "t-x-1", "t--1",   "t-1-2",  "t-2-1"};
  for (const auto& a : names)
    for (const auto& b : names) {
      EXPECT_EQ(slice_before(a, b) || slice_before(b, a), a != b) << a << " " << b;
      for (const auto& c : names) {
        if (slice_before(a, b) && slice_before(b, c)) {
          EXPECT_TRUE(slice_before(a, c)) << a << " " << b << " " << c;
        }
      }
    }
}

TEST(Coverage, JoinsWhatTouches) {
  Coverage coverage;
  coverage.add("t-0-0", 10);
  coverage.add("t-0-20", 10);
  coverage.add("t-1-5", 5);
  EXPECT_EQ(coverage.text(), "t-0:0+10,20+10;t-1:5+5");
  EXPECT_FALSE(coverage.holds("t-0-5", 10));
  coverage.add("t-0-10", 10);
  EXPECT_EQ(coverage.text(), "t-0:0+30;t-1:5+5");
  EXPECT_TRUE(coverage.holds("t-0-5", 10));
  EXPECT_TRUE(coverage.holds("t-0-0", 30));
  EXPECT_FALSE(coverage.holds("t-0-0", 31));
  EXPECT_FALSE(coverage.holds("t-2-0", 1));
  EXPECT_EQ(Coverage::parse(coverage.text()).text(), coverage.text());
  EXPECT_EQ(Coverage::parse("").text(), "");
  for (const char* text : {"x", "t:1", "t:1+x", "t:9223372036854775807+5", "t:-1+5"})
    EXPECT_THROW(Coverage::parse(text), base::Error) << text;
}

TEST(Entry, IsReadBack) {
  const records::Slice slice{{{"topic", "t"}, {"partition", 0}, {"start", 5}, {"end", 12}}};
  const auto text = slice_entry(slice, "run", "a\nb");
  const Entry entry = parse_entry(text);
  EXPECT_EQ(entry.span, 7);
  EXPECT_TRUE(entry.is_immutable);
  EXPECT_EQ(entry.run, run_mark("run"));
  EXPECT_EQ(entry.bytes, "a\nb");
  for (const char* wrong : {"", "s", "s 1\n", "s 1 z r\n", "x 1 k r\n", "s -1 k r\n", "s 1 k r"})
    EXPECT_THROW(parse_entry(wrong), base::Error) << wrong;
}

TEST(JsonText, IsJsonWhateverTheText) {
  std::string out;
  std::string text = "\"\\/\b\n\t\x01é\x1f";
  append_text(out, text);
  EXPECT_EQ(base::Json::parse(out), text);
}

TEST(JsonText, WritesTheShortestNumbers) {
  const auto written = [](double value) {
    std::string out;
    EXPECT_TRUE(append_double(out, value));
    return out;
  };
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(12), "12.0");
  EXPECT_EQ(written(-0.0), "0.0");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_EQ(written(1.0 / 3), "0.3333333333333333");
  std::string out;
  EXPECT_FALSE(append_double(out, std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(append_timestamp(out, base::Instant::max()));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace tamis::windows
