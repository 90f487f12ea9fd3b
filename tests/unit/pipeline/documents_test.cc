#include "tasks/pipeline/documents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/json.h"

namespace tamis::pipeline {
namespace {

using records::Type;

/// Rows with the fields a (keyword), n (long), d (double), b (boolean), t (timestamp), that share their
/// values.
struct Rows {
  EtlSpec spec;
  SinkSpec sink;
  sources::Provenance provenance{R"({"topic":"t","partition":2,"offset":)", "t-2-", false, true};
  std::vector<std::string> texts;
  records::Batch batch;

  explicit Rows(std::string_view index = "i") {
    std::string error;
    sink.target = *Target::parse(index, error);
    spec.has_time = true;
    spec.layout.fields = {{"a", Type::keyword, 0},
                          {"n", Type::long_, 1},
                          {"d", Type::double_, 2},
                          {"b", Type::boolean, 3},
                          {"t", Type::timestamp, 4}};
    batch.columns.resize(5);
  }
  void add(std::vector<std::pair<std::string, int64_t>> rows) {
    const size_t n = rows.size();
    for (auto& row : rows) texts.push_back(row.first);
    batch.state.resize(n, records::RowState::live);
    batch.unknown.resize(n);
    for (const auto& field : spec.layout.fields) batch.columns[field.column].resize(field.type, n);
    for (size_t i = 0; i < n; ++i) {
      records::Record record;
      record.offset = static_cast<int64_t>(i) + 10;
      batch.input.records.push_back(record);
      batch.event_time.push_back(base::Instant(base::Duration(rows[i].second)));
      for (auto& column : batch.columns) column.valid[i] = 1;
      batch.columns[0].texts[i] = texts[i];
      batch.columns[1].longs[i] = 9007199254740993;
      batch.columns[2].doubles[i] = 0.1;
      batch.columns[3].longs[i] = 1;
      batch.columns[4].longs[i] = rows[i].second;
    }
  }
  records::DocumentBatch build() {
    records::DocumentBatch out;
    DocumentBuilder(spec, sink, provenance).build(batch, out);
    return out;
  }
};

constexpr int64_t march_first = 1772355600000000;  // 2026-03-01T09:00:00Z

TEST(Documents, HoldTheFieldsInOrderWithTimeAndSource) {
  Rows rows("i-{event_time:%Y.%m.%d}");
  rows.add({{"x\"y", march_first}});
  const auto out = rows.build();
  ASSERT_EQ(out.entries.size(), 1u);
  EXPECT_EQ(out.index(out.entries[0]), "i-2026.03.01");
  EXPECT_EQ(out.id(out.entries[0]), "t-2-10");
  EXPECT_EQ(out.entries[0].version, -1);
  EXPECT_EQ(
      out.body(out.entries[0]),
      R"({"@timestamp":"2026-03-01T09:00:00.000Z","source":{"topic":"t","partition":2,"offset":10},"a":"x\"y",)"
      R"("n":9007199254740993,"d":0.1,"b":true,"t":"2026-03-01T09:00:00.000Z"})");
}

TEST(Documents, LeaveOutNullsAndRowsThatAreNotLive) {
  Rows rows;
  rows.add({{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}});
  rows.batch.columns[0].valid[0] = 0;
  rows.batch.state[1] = records::RowState::filtered;
  rows.batch.state[2] = records::RowState::rejected;
  rows.batch.input.records[3].is_lookback = true;
  const auto out = rows.build();
  ASSERT_EQ(out.entries.size(), 1u);
  EXPECT_FALSE(base::Json::parse(out.body(out.entries[0])).contains("a"));
}

TEST(Documents, HaveNoTimestampWithoutEventTimeAndTellTheLineOfAFile) {
  Rows rows;
  rows.spec.has_time = false;
  rows.provenance = {R"({"file":"a.jsonl","line":)", "a.jsonl-", true, false};
  rows.add({{"a", 0}});
  rows.batch.input.records[0].line = 7;
  const auto out = rows.build();
  EXPECT_TRUE(out.body(out.entries[0]).starts_with(R"({"source":{"file":"a.jsonl","line":7},"a":)"));
  EXPECT_EQ(out.id(out.entries[0]), "a.jsonl-10");
}

TEST(Documents, GoToTheIndexOfTheirHourInAnyOrder) {
  Rows rows("{event_time:%H}");
  std::vector<std::pair<std::string, int64_t>> times;
  for (int i = 0; i < 200; ++i) times.emplace_back("a", march_first + (i * 7 % 24) * 3600000000);
  rows.add(times);
  const auto out = rows.build();
  EXPECT_EQ(out.indices.size(), 24u);
  for (size_t i = 0; i < out.entries.size(); ++i) {
    const auto hour = base::civil(rows.batch.event_time[i]).hour;
    EXPECT_EQ(std::stoi(out.index(out.entries[i])), hour);
  }
}

TEST(Documents, DeriveIdsFromFieldsUnlessOneIsNull) {
  Rows rows;
  rows.sink.id = {"a", "n"};
  rows.add({{"a", 5}, {"a", 6}, {"b", 5}, {"a", 5}});
  rows.batch.columns[1].valid[3] = 0;
  const auto out = rows.build();
  EXPECT_EQ(out.id(out.entries[0]), out.id(out.entries[1]));
  EXPECT_NE(out.id(out.entries[0]), out.id(out.entries[2]));
  EXPECT_EQ(out.id(out.entries[0]).size(), 32u);
  EXPECT_EQ(out.id(out.entries[3]), "t-2-13");
  EXPECT_LT(out.entries[0].version, out.entries[1].version);
  EXPECT_EQ(out.entries[3].version, -1);
}

TEST(Documents, KeepUnknownMembersThatMeetNoName) {
  Rows rows;
  rows.spec.fields.keep_unknown = true;
  rows.add({{"x", 0}, {"x", 0}});
  rows.batch.columns[1].valid[0] = 0;
  rows.batch.unknown[0] =
      R"("y":[1,{"a":2}],"n":9,"source":1,"@timestamp":2,"z\"":"a,b}","\u0061":3,"w":null)";
  const auto out = rows.build();
  const auto body = out.body(out.entries[0]);
  EXPECT_TRUE(body.ends_with(R"(,"y":[1,{"a":2}],"z\"":"a,b}","w":null})")) << body;
  EXPECT_EQ(base::Json::parse(out.body(out.entries[1]))["a"], "x");
}

TEST(LatestVersion, GrowsWithTheTimeOverAllYears) {
  int64_t last = -1;
  for (int year = 0; year <= 9999; year += 3)
    for (const auto offset : {0, 1}) {
      const auto time = base::from_civil(year, 1, 1) + base::Duration(offset);
      // The tie must not weigh more than a microsecond.
      const int64_t least = latest_version(time, 0), most = latest_version(time, ~uint64_t{0});
      EXPECT_GT(least, last) << year;
      EXPECT_GT(most, least) << year;
      last = most;
    }
}

TEST(Rejects, HoldTheReasonAndTheWholeRawText) {
  const RejectBuilder builder({R"({"topic":"t","partition":2,"offset":)", "t-2-", false, true}, "d", "r\"1",
                              "k");
  records::Record record;
  record.offset = 3;
  record.bytes = "{\"v\":\"x\"}\n";
  records::DocumentBatch out;
  builder.add(record, {0, records::Reason::wrong_type, "v", "not a long"}, out);
  EXPECT_EQ(out.id(out.entries[0]), "t-2-3");
  EXPECT_EQ(out.body(out.entries[0]),
            R"({"reason":"wrong_type","field":"v","message":"not a long","raw":"{\"v\":\"x\"}\n",)"
            R"("source":{"topic":"t","partition":2,"offset":3},"dag_id":"d","run_id":"r\"1","task_id":"k"})");
  record.bytes = std::string_view("\xff\x00\x01", 3);
  builder.add(record, {0, records::Reason::malformed_json, "", "bad \xff"}, out);
  const auto second = base::Json::parse(out.body(out.entries[1]));
  EXPECT_EQ(second["raw_base64"], "/wAB");
  EXPECT_FALSE(second.contains("field") || second.contains("raw"));
}

TEST(Rejects, AreCutInResultsOnly) {
  const RejectBuilder builder({"{\"offset\":", "", false, true}, "d", "r", "k");
  std::string big;
  while (big.size() < 100000) big += "é";
  records::Record record;
  record.bytes = big;
  const auto kept = builder.kept(record, {0, records::Reason::malformed_json, "", "m"});
  EXPECT_LE(kept["raw"].get<std::string>().size(), 16u << 10);
  EXPECT_EQ(kept["raw_size"], big.size());
}

}  // namespace
}  // namespace tamis::pipeline
