#include "tasks/sources/kafka_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "core/base/error.h"

namespace tamis::sources {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Notice = KafkaFeed::Notice;

/// What a test tells a feed to give, in order.
struct Script {
  struct Step {
    std::vector<int64_t> offsets;
    Notice notice;
  };
  std::deque<Step> steps;
  KafkaRange range{0, 1000};
  int64_t log_end = 1000;
  std::vector<int64_t> starts;
  bool stopped = false;
  std::function<void()> before_poll = [] {};
};

class ScriptedFeed : public KafkaFeed {
 public:
  explicit ScriptedFeed(Script& script) : script_(script) {}
  void start(const std::string&, int32_t, int64_t offset) override { script_.starts.push_back(offset); }
  void stop() override { script_.stopped = true; }
  Notice poll(KafkaMessages& messages, size_t, base::Duration) override {
    script_.before_poll();
    if (script_.steps.empty()) return {};
    auto step = std::move(script_.steps.front());
    script_.steps.pop_front();
    for (const int64_t offset : step.offsets)
      messages.records.push_back({.bytes = "0123456789", .offset = offset});
    return step.notice;
  }
  KafkaRange range(const std::string&, int32_t) override { return script_.range; }
  int64_t log_end(const std::string&, int32_t) override { return script_.log_end; }
  std::string trouble() const override { return "connection refused"; }

 private:
  Script& script_;
};

struct Outcome {
  std::vector<int64_t> offsets;
  std::vector<size_t> batches;
  ReadReport report;
};

Outcome read_all(Script& script, int64_t start, int64_t end, KafkaReaderOptions options = {},
                 size_t max = 100) {
  KafkaReader reader(std::make_unique<ScriptedFeed>(script), {"t", 2, start, end}, options);
  Outcome outcome;
  records::RecordBatch batch;
  while (reader.read(batch, max, {})) {
    outcome.batches.push_back(batch.records.size());
    for (const auto& record : batch.records)
      outcome.offsets.push_back(record.is_lookback ? -record.offset : record.offset);
  }
  EXPECT_FALSE(reader.read(batch, max, {}));
  outcome.report = reader.report();
  return outcome;
}

template <typename Failure>
std::string failure(Script& script, int64_t start, int64_t end, KafkaReaderOptions options = {}) {
  try {
    read_all(script, start, end, options);
  } catch (const Failure& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

const Notice out_of_range{Notice::Kind::out_of_range, 0, ""};
Notice end_at(int64_t offset) {
  return {Notice::Kind::end_of_partition, offset, ""};
}

TEST(KafkaReader, EndsWithTheLastOffsetOfTheSlice) {
  Script script;
  script.steps = {{{5, 6}, {}}, {{7, 8, 9}, {}}};
  const auto outcome = read_all(script, 5, 10);
  EXPECT_THAT(outcome.offsets, ElementsAre(5, 6, 7, 8, 9));
  EXPECT_EQ(outcome.report.holes, 0);
  EXPECT_TRUE(script.stopped);
  EXPECT_THAT(script.starts, ElementsAre(5));
}

TEST(KafkaReader, DropsWhatLiesBeyondTheSlice) {
  Script script;
  script.steps = {{{5, 6, 7, 12, 13}, {}}};
  const auto outcome = read_all(script, 5, 10);
  EXPECT_THAT(outcome.offsets, ElementsAre(5, 6, 7));
  EXPECT_EQ(outcome.report.holes, 2);
}

TEST(KafkaReader, FillsBatchesAcrossFetchesAndOnlyTheLastIsShort) {
  Script script;
  script.steps = {{{0, 1}, {}}, {{2}, {}}, {{3, 4, 5, 6}, {}}, {{7}, {}}};
  EXPECT_THAT(read_all(script, 0, 8, {}, 3).batches, ElementsAre(3, 3, 2));
}

TEST(KafkaReader, EndsABatchEarlyWhenItHoldsManyBytesAndAlwaysAtTheSameRecord) {
  for (const bool at_once : {true, false}) {
    Script script;
    if (at_once)
      script.steps = {{{0, 1, 2, 3, 4}, {}}};
    else
      script.steps = {{{0}, {}}, {{1}, {}}, {{2, 3}, {}}, {{4}, {}}};
    EXPECT_THAT(read_all(script, 0, 5, {.batch_bytes = 15}).batches, ElementsAre(2, 2, 1));
  }
}

TEST(KafkaReader, CountsMarkersAtTheEndAsHolesOnceTheEndOfThePartitionPassedThem) {
  Script script;
  script.range = {0, 10};
  script.steps = {{{5, 6}, end_at(10)}};
  const auto outcome = read_all(script, 5, 10);
  EXPECT_THAT(outcome.offsets, ElementsAre(5, 6));
  EXPECT_EQ(outcome.report.holes, 3);
}

TEST(KafkaReader, TakesAGapAtTheStartForAHoleWhenTheLogStillBeginsBefore) {
  Script script;
  script.steps = {{{7, 8, 9}, {}}};
  EXPECT_EQ(read_all(script, 5, 10).report.holes, 2);
}

TEST(KafkaReader, NamesTheExactRangeThatRetentionDeleted) {
  Script script;
  script.range = {8, 1000};
  EXPECT_THAT(failure<base::UserError>(script, 5, 10),
              HasSubstr("topic \"t\", partition 2: offsets 5 to 7 were deleted"));
}

TEST(KafkaReader, NamesWhatRetentionDeletedWhileItWasReading) {
  Script script;
  script.steps = {{{5, 6}, out_of_range}};
  int polls = 0;
  script.before_poll = [&] {
    if (++polls == 1) script.range.low = 9;
  };
  EXPECT_THAT(failure<base::UserError>(script, 5, 20), HasSubstr("offsets 7 to 8 were deleted"));
}

TEST(KafkaReader, NamesWhatRetentionDeletedBeforeTheFirstFetch) {
  Script script;
  script.steps = {{{8, 9}, {}}};
  script.before_poll = [&] { script.range.low = 8; };
  EXPECT_THAT(failure<base::UserError>(script, 5, 10), HasSubstr("offsets 5 to 7 were deleted"));
}

TEST(KafkaReader, GoesOnWithoutWhatIsLostWhenToldTo) {
  Script script;
  script.range = {8, 1000};
  script.steps = {{{8, 9}, {}}};
  const auto outcome = read_all(script, 5, 10, {.record_loss = true});
  EXPECT_THAT(outcome.offsets, ElementsAre(8, 9));
  EXPECT_EQ(outcome.report.lost, base::Json::parse(R"([{"start":5,"end":8}])"));
  EXPECT_EQ(outcome.report.holes, 0);
  EXPECT_THAT(script.starts, ElementsAre(8));
}

TEST(KafkaReader, ReportsASliceThatIsLostAsAWhole) {
  Script script;
  script.range = {500, 1000};
  const auto outcome = read_all(script, 5, 10, {.record_loss = true});
  EXPECT_TRUE(outcome.offsets.empty());
  EXPECT_EQ(outcome.report.lost, base::Json::parse(R"([{"start":5,"end":10}])"));
}

TEST(KafkaReader, RefusesASliceBeyondTheLog) {
  Script script;
  script.range = {0, 7};
  script.log_end = 7;
  EXPECT_THAT(failure<base::UserError>(script, 5, 10),
              HasSubstr("the slice ends at offset 10 but the log ends at 7"));
}

TEST(KafkaReader, NeverTakesAnOpenTransactionForTheEnd) {
  Script script;
  script.range = {0, 7};
  script.steps = {{{5, 6}, end_at(7)}};
  EXPECT_THAT(failure<base::TransientError>(script, 5, 10, {.patience = 10ms}),
              HasSubstr("a transaction that is still open"));
}

TEST(KafkaReader, GoesOnWhenTheTransactionEnds) {
  Script script;
  script.range = {0, 7};
  script.steps = {{{5, 6}, end_at(7)}, {{}, {}}, {{7, 8}, {}}, {{}, end_at(10)}};
  const auto outcome = read_all(script, 5, 10);
  EXPECT_THAT(outcome.offsets, ElementsAre(5, 6, 7, 8));
  EXPECT_EQ(outcome.report.holes, 1);
}

TEST(KafkaReader, NeverTakesSilenceForTheEnd) {
  Script script;
  script.steps = {{{5, 6}, {}}};
  const auto text = failure<base::TransientError>(script, 5, 10, {.patience = 10ms});
  EXPECT_THAT(text, HasSubstr("nothing came from offset 7 on"));
  EXPECT_THAT(text, HasSubstr("connection refused"));
}

TEST(KafkaReader, MarksLookbackAndCountsItNowhere) {
  Script script;
  script.steps = {{{3, 4, 5, 6, 7}, {}}};
  const auto outcome = read_all(script, 5, 8, {.lookback = 2});
  EXPECT_THAT(outcome.offsets, ElementsAre(-3, -4, 5, 6, 7));
  EXPECT_EQ(outcome.report.holes, 0);
  EXPECT_THAT(script.starts, ElementsAre(3));
}

TEST(KafkaReader, BeginsLookbackWhereTheLogBegins) {
  Script script;
  script.range = {4, 1000};
  script.steps = {{{4, 5}, {}}};
  EXPECT_THAT(read_all(script, 5, 6, {.lookback = 100}).offsets, ElementsAre(-4, 5));
  EXPECT_THAT(script.starts, ElementsAre(4));
}

TEST(KafkaReader, ReadsNothingForAnEmptySlice) {
  Script script;
  EXPECT_TRUE(read_all(script, 5, 5).offsets.empty());
  EXPECT_TRUE(script.starts.empty());
}

TEST(KafkaReader, PassesOnWhatWillNeverWork) {
  Script script;
  script.steps = {{{}, {Notice::Kind::refused, 0, "not allowed"}}};
  EXPECT_THAT(failure<base::UserError>(script, 5, 10), HasSubstr("not allowed"));
}

TEST(KafkaReader, StopsWhenAsked) {
  Script script;
  KafkaReader reader(std::make_unique<ScriptedFeed>(script), {"t", 0, 0, 10}, {});
  std::stop_source stop;
  stop.request_stop();
  records::RecordBatch batch;
  EXPECT_THROW(reader.read(batch, 10, stop.get_token()), base::TransientError);
}

TEST(KafkaReader, TellsWhereRecordsComeFrom) {
  Script script;
  const auto provenance =
      KafkaReader(std::make_unique<ScriptedFeed>(script), {"t", 2, 0, 10}, {}).provenance();
  EXPECT_EQ(provenance.before, R"({"topic":"t","partition":2,"offset":)");
  EXPECT_EQ(provenance.id_before, "t-2-");
  EXPECT_TRUE(provenance.has_time);
  EXPECT_FALSE(provenance.by_line);
}

}  // namespace
}  // namespace tamis::sources
