// What every PartialStore must do, and what closing windows over it must give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "core/base/error.h"
#include "core/base/json.h"
#include "tasks/windows/close.h"
#include "tests/redis_server.h"

namespace tamis::windows {
namespace {

using base::Instant;
using base::Json;
using std::chrono::minutes;
using std::chrono::seconds;
using tamis::testing::RedisServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RedisServer& server() {
  static RedisServer instance;
  return instance;
}

const WindowKey key{"iot", "clean", "by_minute"};

Instant minute(int n) {
  return Instant(minutes(n));
}

records::Slice kafka(int partition, int64_t start, int64_t end) {
  return {{{"topic", "readings"}, {"partition", partition}, {"start", start}, {"end", end}}};
}
records::Slice file(const std::string& path, int64_t start, int64_t end) {
  return {{{"file", path}, {"start", start}, {"end", end}}};
}

records::Layout layout() {
  return {{{"g", records::Type::keyword, 0}, {"v", records::Type::double_, 1}}};
}

WindowSpec sums(std::vector<std::string> groups = {"g"}) {
  WindowSpec spec{"by_minute", minutes(1), minutes(1), std::move(groups), {}, {}};
  spec.group_types.assign(spec.group_by.size(), records::Type::keyword);
  spec.aggregates = {{"n", Function::count, ""},
                     {"sum", Function::sum, "v", records::Type::double_, records::Type::double_},
                     {"first", Function::first, "v", records::Type::double_, records::Type::double_}};
  return spec;
}

/// A record in minute `at` of group `g`.
struct Row {
  int at;
  std::string g;
  double v;
};

std::vector<Partial> partials(const WindowSpec& spec, const std::vector<Row>& rows) {
  records::Batch batch;
  batch.columns.resize(2);
  batch.columns[0].resize(records::Type::keyword, rows.size());
  batch.columns[1].resize(records::Type::double_, rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    batch.input.records.emplace_back().offset = static_cast<int64_t>(i);
    batch.state.push_back(records::RowState::live);
    batch.event_time.push_back(minute(rows[i].at) + seconds(5));
    batch.columns[0].valid[i] = batch.columns[1].valid[i] = 1;
    batch.columns[0].texts[i] = rows[i].g;
    batch.columns[1].doubles[i] = rows[i].v;
  }
  WindowSet set({spec}, layout());
  set.add(batch);
  return set.finish(0);
}

class PartialStoreContract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      store_ = make_memory_partial_store();
      return;
    }
    redis_ = server().client("contract:");
    redis_->run({"FLUSHALL"});
    store_ = make_redis_partial_store(redis_);
  }

  void put(const std::string& run, const records::Slice& slice, const std::vector<Row>& rows) {
    store_->put(key, run, slice, partials(sums(), rows));
  }

  std::vector<std::string> slices(int at) {
    std::vector<std::string> names;
    for (const auto& partial : store_->partials(key, minute(at))) names.push_back(partial.slice);
    return names;
  }

  struct Document {
    Json body;
    int64_t version;
    std::string id;
    friend bool operator==(const Document&, const Document&) = default;
  };
  /// By start and group.
  using Documents = std::map<std::string, Document>;

  Documents close(const std::string& run, const WindowSpec& spec = sums(), CloseOptions options = {}) {
    Documents documents;
    uint64_t count = 0;
    closed_ = close_windows(
        *store_, key, spec, run,
        [&](records::DocumentBatch batch, std::span<const Instant> starts) {
          EXPECT_FALSE(batch.entries.empty());
          EXPECT_LE(batch.entries.size(), options.batch_documents);
          for (const auto& entry : batch.entries) {
            ++count;
            const auto body = Json::parse(batch.body(entry));
            EXPECT_EQ(base::format_rfc3339(starts[entry.index]), body["window_start"]);
            documents[body["window_start"].get<std::string>().substr(11, 5) + " " + body.value("g", "")] = {
                body, entry.version, std::string(batch.id(entry))};
          }
        },
        options);
    EXPECT_EQ(count, closed_.documents);
    EXPECT_EQ(count, documents.size());
    return documents;
  }

  std::unique_ptr<PartialStore> store_;
  std::shared_ptr<redis::Client> redis_;
  Closed closed_;
};

TEST_P(PartialStoreContract, GivesBackWhatWasPutInTheOrderOfSlices) {
  put("r1", kafka(10, 0, 100), {{0, "a", 1}});
  put("r1", kafka(2, 1000, 1100), {{0, "a", 1}, {1, "a", 1}});
  put("r1", kafka(2, 200, 300), {{0, "a", 1}});
  EXPECT_THAT(slices(0), ElementsAre("readings-2-200", "readings-2-1000", "readings-10-0"));
  EXPECT_THAT(slices(1), ElementsAre("readings-2-1000"));
  EXPECT_THAT(slices(2), IsEmpty());
  EXPECT_THAT(store_->touched(key, "r1"), ElementsAre(minute(0), minute(1)));
  EXPECT_THAT(store_->touched(key, "r2"), IsEmpty());
  const auto stored = store_->partials(key, minute(0));
  EXPECT_EQ(stored[0].span, 100);
  EXPECT_EQ(stored[0].bytes, partials(sums(), {{0, "a", 1}})[0].bytes);
}

TEST_P(PartialStoreContract, KeepsWindowsOfOtherTasksApart) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}});
  EXPECT_THAT(store_->touched({"iot", "clean", "by_hour"}, "r1"), IsEmpty());
  EXPECT_THAT(store_->partials({"iot2", "clean", "by_minute"}, minute(0)), IsEmpty());
}

TEST_P(PartialStoreContract, PuttingASliceAgainChangesNothing) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {0, "b", 2}});
  put("r1", kafka(1, 0, 10), {{0, "a", 4}});
  const auto before = close("r1");
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {0, "b", 2}});
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {0, "b", 2}});
  const auto after = close("r1");
  EXPECT_EQ(before, after);
  EXPECT_EQ(after.at("00:00 a").body["sum"], 5.0);
  EXPECT_EQ(after.at("00:00 a").version, 20);
}

TEST_P(PartialStoreContract, ASliceLeavesWindowsThatItNoLongerTouches) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {1, "a", 1}});
  put("r1", kafka(1, 0, 10), {{1, "a", 16}});
  const auto before = close("r1");
  put("r2", kafka(0, 0, 10), {{2, "a", 1}});
  EXPECT_THAT(slices(0), IsEmpty());
  EXPECT_THAT(slices(1), ElementsAre("readings-1-0"));
  EXPECT_THAT(store_->touched(key, "r2"), ElementsAre(minute(0), minute(1), minute(2)));
  const auto after = close("r2");
  EXPECT_EQ(after.at("00:01 a").body["sum"], 16.0);
  EXPECT_GE(after.at("00:01 a").version, before.at("00:01 a").version) << "a version must not shrink";
  // What it wrote last is what the next attempt replaces.
  put("r2", kafka(0, 0, 10), {});
  EXPECT_THAT(slices(2), IsEmpty());
}

TEST_P(PartialStoreContract, VersionsDontShrinkWhenAFileDoes) {
  put("r1", file("data/a.jsonl", 0, 1000), {{0, "a", 1}});
  put("r1", file("data/a.jsonl", 1000, 2000), {{0, "a", 2}});
  const auto before = close("r1");
  put("r2", file("data/a.jsonl", 0, 700), {{0, "a", 8}});
  store_->drop(key, "r2", {"data/a.jsonl-1000", "data/a.jsonl-2000"});
  EXPECT_THAT(slices(0), ElementsAre("data/a.jsonl-0"));
  const auto after = close("r2");
  EXPECT_EQ(after.at("00:00 a").body["sum"], 8.0);
  EXPECT_GE(after.at("00:00 a").version, before.at("00:00 a").version);
  EXPECT_EQ(after.at("00:00 a").id, before.at("00:00 a").id);
}

TEST_P(PartialStoreContract, ALaterRunWritesTheWholeWindow) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {0, "b", 1}, {1, "a", 1}});
  const auto first = close("r1");
  EXPECT_EQ(closed_.windows, 2u);
  put("r2", kafka(0, 10, 20), {{0, "a", 2}});
  const auto second = close("r2");
  EXPECT_EQ(second.size(), 2u);
  EXPECT_EQ(second.at("00:00 a").body["sum"], 3.0);
  EXPECT_EQ(second.at("00:00 a").body["first"], 1.0);
  EXPECT_EQ(second.at("00:00 b").body["sum"], 1.0);
  EXPECT_GT(second.at("00:00 a").version, first.at("00:00 a").version);
  EXPECT_EQ(second.at("00:00 a").id, first.at("00:00 a").id);
  EXPECT_NE(first.at("00:00 a").id, first.at("00:01 a").id);
  EXPECT_NE(first.at("00:00 a").id, first.at("00:00 b").id);
}

TEST_P(PartialStoreContract, ReplayAfterLosingEverythingGivesTheSameVersions) {
  const auto work = [&] {
    put("r1", kafka(1, 5, 10), {{0, "a", 0.1}});
    put("r1", kafka(0, 0, 10), {{0, "a", 0.2}});
    put("r2", kafka(0, 10, 15), {{0, "a", 0.3}});
    return close("r2");
  };
  const auto before = work();
  SetUp();
  EXPECT_EQ(work(), before);
}

TEST_P(PartialStoreContract, CompactsSlicesOfEndedRuns) {
  CloseOptions options;
  options.compact_above = 4;
  double sum = 0;
  Documents documents;
  for (int i = 0; i < 40; ++i) {
    const std::string run = "r" + std::to_string(i);
    put(run, kafka(i % 2, i * 10, i * 10 + 10), {{0, "a", 0.1 * i}, {0, "g" + std::to_string(i), 1}});
    sum += 0.1 * i;
    documents = close(run, sums(), options);
    EXPECT_LE(slices(0).size(), 7u);
  }
  EXPECT_EQ(slices(0)[0], "");
  EXPECT_NEAR(documents.at("00:00 a").body["sum"].get<double>(), sum, 1e-9);
  EXPECT_EQ(documents.at("00:00 a").body["n"], 40);
  EXPECT_EQ(documents.at("00:00 a").version, 400);
  EXPECT_EQ(documents.size(), 41u);

  // Slices that the compacted one holds are not counted again, and those that it doesn't are.
  for (const int i : {0, 7, 12}) put("again", kafka(i % 2, i * 10, i * 10 + 10), {{0, "a", 0.1 * i}});
  EXPECT_EQ(close("again", sums(), options), documents);
  put("again", kafka(0, 10, 20), {{0, "a", 1000}});
  EXPECT_GT(close("again", sums(), options).at("00:00 a").body["sum"].get<double>(), 1000);
}

TEST_P(PartialStoreContract, DoesNotCompactFilesWhichMayChange) {
  CloseOptions options;
  options.compact_above = 0;
  put("r1", file("a", 0, 10), {{0, "a", 1}});
  put("r1", kafka(0, 0, 10), {{0, "a", 1}});
  put("r2", kafka(0, 10, 20), {{0, "a", 1}});
  close("r2", sums(), options);
  EXPECT_THAT(slices(0), ElementsAre("", "a-0", "readings-0-10"));
}

TEST_P(PartialStoreContract, DoesNotCompactAWindowThatChangedMeanwhile) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}});
  Compaction compaction{{{"readings-0-0", 10}}, partials(sums(), {{0, "a", 1}})[0].bytes, 10, 0};
  compaction.token = store_->read(key, minute(0), "r2", [](StoredPartial&&) {})->token;
  put("r1", kafka(0, 0, 10), {{0, "a", 2}});
  EXPECT_FALSE(store_->compact(key, minute(0), compaction));
  EXPECT_THAT(slices(0), ElementsAre("readings-0-0"));
  compaction.token = store_->read(key, minute(0), "r2", [](StoredPartial&&) {})->token;
  EXPECT_TRUE(store_->compact(key, minute(0), compaction));
  EXPECT_FALSE(store_->compact(key, minute(0), compaction));
  EXPECT_THAT(slices(0), ElementsAre(""));
}

TEST_P(PartialStoreContract, ForgetsWindowsThatNoRecordCanReach) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}, {1, "a", 1}, {2, "a", 1}});
  put("r1", kafka(1, 0, 10), {{0, "a", 1}});
  store_->forget(key, minutes(1), std::nullopt);
  EXPECT_THAT(slices(0), ::testing::SizeIs(2));
  store_->forget(key, minutes(1), minute(2) - std::chrono::microseconds(1));
  EXPECT_THAT(slices(0), IsEmpty());
  EXPECT_THAT(slices(1), ::testing::SizeIs(1));
  store_->forget(key, minutes(1), minute(2));
  EXPECT_THAT(slices(1), IsEmpty());
  EXPECT_THAT(slices(2), ::testing::SizeIs(1));
  store_->forget(key, minutes(1), minute(3));
  EXPECT_THAT(slices(2), IsEmpty());
  EXPECT_TRUE(close("r1").empty());
  if (redis_) {
    const auto left = redis_->run({"KEYS", "*"});
    for (const auto& item : left.items) EXPECT_THAT(item.text, HasSubstr("window-touched"));
  }
}

TEST_P(PartialStoreContract, SlicesOfThousandsOfWindows) {
  std::vector<Row> rows;
  for (int i = 0; i < 5000; ++i) rows.push_back({i, "a", 1});
  put("r1", kafka(0, 0, 5000), rows);
  EXPECT_EQ(store_->touched(key, "r1").size(), 5000u);
  uint64_t documents = 0;
  CloseOptions options;
  options.batch_documents = 700;
  const auto closed = close_windows(
      *store_, key, sums(), "r1",
      [&](records::DocumentBatch batch, std::span<const Instant>) { documents += batch.entries.size(); },
      options);
  EXPECT_EQ(closed.windows, 5000u);
  EXPECT_EQ(documents, 5000u);
  put("r1", kafka(0, 0, 5000), {});
  EXPECT_TRUE(close("r1").empty());
}

TEST_P(PartialStoreContract, WindowsLargerThanOneAnswer) {
  std::vector<Row> rows;
  for (int i = 0; i < 40000; ++i) rows.push_back({0, "group-with-a-long-name-" + std::to_string(i), 1});
  for (int slice = 0; slice < 5; ++slice) put("r1", kafka(slice, 0, 40000), rows);
  CloseOptions options;
  options.compact_above = 3;
  const auto first = close("r1", sums(), options);
  ASSERT_EQ(first.size(), 40000u);
  EXPECT_EQ(first.begin()->second.body["n"], 5);
  put("r2", kafka(9, 0, 40000), rows);
  const auto second = close("r2", sums(), options);
  EXPECT_EQ(slices(0).size(), 2u);
  EXPECT_EQ(second.begin()->second.body["n"], 6);
  EXPECT_EQ(second.begin()->second.version, 240000);
}

TEST_P(PartialStoreContract, ManySlicesAtOnceLoseNothing) {
  constexpr int threads = 8, slices_each = 20;
  std::vector<std::jthread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0; i < slices_each; ++i)
        put("r1", kafka(t, i * 10, i * 10 + 10), {{0, "a", 1}, {i, "b", 1}});
    });
  workers.clear();
  const auto documents = close("r1");
  EXPECT_EQ(documents.at("00:00 a").body["n"], threads * slices_each);
  EXPECT_EQ(documents.at("00:19 b").body["n"], threads);
}

TEST_P(PartialStoreContract, AnotherVersionsGroupsAreSetAsideAndItsMissingAggregatesAreNull) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}});
  put("r1", kafka(1, 0, 10), {{0, "a", 2}});
  auto wider = sums();
  wider.aggregates.push_back({"max", Function::max, "v", records::Type::double_, records::Type::double_});
  store_->put(key, "r2", kafka(2, 0, 10), partials(wider, {{0, "a", 4}, {1, "a", 4}}));
  CloseOptions options;
  options.compact_above = 0;
  auto documents = close("r2", wider, options);
  EXPECT_EQ(closed_.incompatible, 0u);
  EXPECT_EQ(documents.at("00:00 a").body["sum"], 7.0);
  EXPECT_FALSE(documents.at("00:00 a").body.contains("max")) << "not known for all records";
  EXPECT_EQ(documents.at("00:01 a").body["max"], 4.0);
  EXPECT_EQ(slices(0).size(), 3u) << "what lacks an aggregate is not compacted";

  store_->put(key, "r3", kafka(3, 0, 10), partials(sums({}), {{0, "a", 8}}));
  documents = close("r3", sums({}));
  EXPECT_EQ(closed_.incompatible, 3u);
  EXPECT_EQ(documents.at("00:00 ").body["sum"], 8.0);
  EXPECT_EQ(documents.at("00:00 ").version, 40);
}

TEST_P(PartialStoreContract, CorruptPartialsAreAnErrorAndStopIsHeeded) {
  put("r1", kafka(0, 0, 10), {{0, "a", 1}});
  CloseOptions options;
  std::stop_source stop;
  stop.request_stop();
  options.stop = stop.get_token();
  EXPECT_THROW(close("r1", sums(), options), base::TransientError);
  store_->put(key, "r1", kafka(1, 0, 10), {{minute(0), 1, "\x01nonsense"}});
  EXPECT_THROW(close("r1"), base::Error);
}

INSTANTIATE_TEST_SUITE_P(Each, PartialStoreContract, ::testing::Values("memory", "redis"),
                         [](const auto& instance) { return instance.param; });

TEST(RedisPartialStore, EverythingEndsByItself) {
  const auto redis = server().client("ttl:");
  redis->run({"FLUSHALL"});
  const auto store = make_redis_partial_store(redis);
  store->put(key, "r1", kafka(0, 0, 10), partials(sums(), {{0, "a", 1}}));
  const auto keys = redis->run({"KEYS", "*"});
  EXPECT_EQ(keys.items.size(), 5u);
  for (const auto& item : keys.items) {
    EXPECT_THAT(item.text, ::testing::StartsWith("ttl:tamis:window"));
    EXPECT_GT(redis->run({"TTL", item.text}).integer, 0) << item.text;
  }
}

}  // namespace
}  // namespace tamis::windows
