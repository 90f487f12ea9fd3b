// What every store of runs must do: one suite for the one in Redis and the one in memory.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "core/base/error.h"
#include "core/workflow/run_store.h"
#include "tests/redis_server.h"

namespace tamis::workflow {
namespace {

using base::from_civil;
using base::Json;

struct Stores {
  std::shared_ptr<tamis::testing::RedisServer> server;
  MemoryRunStores stores;
};

Stores in_memory() {
  return {nullptr, make_memory_run_stores()};
}

Stores in_redis() {
  auto server = std::make_shared<tamis::testing::RedisServer>();
  auto client = server->client();
  return {server,
          {make_redis_run_store(client), make_redis_run_writer(client), make_redis_leader_lease(client)}};
}

struct Kind {
  const char* name;
  Stores (*make)();
};

class RunStoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  RunStoreContract()
      : all_(GetParam().make()),
        store_(*all_.stores.store),
        writer_(*all_.stores.writer),
        lease_(*all_.stores.lease) {}

  static Dag dag(const std::string& version = "v1") {
    Dag dag;
    dag.dag_id = "sales";
    dag.version = version;
    dag.max_active_runs = 3;
    TaskSpec task;
    task.task_id = "clean";
    task.operator_name = "etl";
    task.body = {{"task_id", "clean"}, {"operator", "etl"}};
    dag.tasks.push_back(task);
    return dag;
  }
  static DagRun run(const std::string& id, int day = 1, const std::string& type = "manual") {
    DagRun run;
    run.dag_id = "sales";
    run.run_id = id;
    run.run_type = type;
    run.dag_version = "v1";
    run.logical_date = from_civil(2026, 3, day);
    run.data_interval = {run.logical_date, from_civil(2026, 3, day + 1)};
    run.queued_at = from_civil(2026, 3, day, 12);
    run.conf = {{"x", 1}};
    TaskInstance task;
    task.task_id = "clean";
    run.tasks.push_back(task);
    return run;
  }
  static RunChange change(const std::string& id, RunState from, RunState to) {
    RunChange change;
    change.dag_id = "sales";
    change.run_id = id;
    change.from = from;
    change.to = to;
    return change;
  }

  Stores all_;
  RunStore& store_;
  RunWriter& writer_;
  LeaderLease& lease_;
};

TEST_P(RunStoreContract, KeepsDagsWithTheirVersions) {
  EXPECT_FALSE(store_.dag("sales"));
  DagEntry entry{dag()};
  entry.is_paused = true;
  entry.next_run = from_civil(2026, 1, 1);
  store_.put_dag(entry);
  EXPECT_EQ(store_.dag("sales")->dag.json(), dag().json());
  EXPECT_EQ(store_.dag("sales")->next_run, from_civil(2026, 1, 1));
  store_.put_dag({dag("v2")});
  EXPECT_TRUE(store_.dag("sales")->is_paused) << "a new version leaves the pause alone";
  EXPECT_EQ(store_.dags().size(), 1u);
  EXPECT_EQ(store_.dag_version("sales", "v1")->version, "v1");
  EXPECT_FALSE(store_.dag_version("sales", "v3"));
  EXPECT_TRUE(store_.set_paused("sales", false));
  EXPECT_FALSE(store_.dag("sales")->is_paused);
  EXPECT_FALSE(store_.set_paused("nobody", true));
  store_.remove_dag("sales");
  EXPECT_FALSE(store_.dag("sales"));
  EXPECT_TRUE(store_.dag_version("sales", "v1")) << "runs under way need their version";
}

TEST_P(RunStoreContract, KeepsImportErrors) {
  store_.set_import_errors({{"a.yaml", "wrong", Json::array({Json{{"line", 3}}}), from_civil(2026, 1, 1)}});
  const auto errors = store_.import_errors();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].file, "a.yaml");
  EXPECT_EQ(errors[0].findings[0]["line"], 3);
  store_.set_import_errors({});
  EXPECT_TRUE(store_.import_errors().empty());
}

TEST_P(RunStoreContract, CreatesARunOnce) {
  store_.create(run("manual__1"));
  EXPECT_THROW(store_.create(run("manual__1")), base::Conflict);
  const auto read = store_.run("sales", "manual__1");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->json(), run("manual__1").json());
  EXPECT_FALSE(store_.run("sales", "other"));
  EXPECT_EQ(store_.live_runs().size(), 1u);
  EXPECT_EQ(store_.live_runs()[0].tasks.size(), 1u);
}

TEST_P(RunStoreContract, AllowsOneAutomaticRunOfALogicalDate) {
  store_.put_dag({dag()});
  store_.create(run("scheduled__2026-03-05T00:00:00+00:00", 5, "scheduled"));
  EXPECT_THROW(store_.create(run("backfill__2026-03-05T00:00:00+00:00", 5, "backfill")), base::Conflict);
  store_.create(run("manual__x", 5));
  store_.create(run("scheduled__2026-03-04T00:00:00+00:00", 4, "scheduled"));
  EXPECT_EQ(store_.dag("sales")->last_interval->begin, from_civil(2026, 3, 5)) << "the newest stays";
}

TEST_P(RunStoreContract, ListsRunsNewestFirst) {
  for (int day = 1; day <= 5; ++day) store_.create(run("r" + std::to_string(day), day));
  const auto token = lease_.hold("me", std::chrono::seconds(5));
  writer_.apply({change("r2", RunState::queued, RunState::running)}, *token);
  auto page = store_.runs({"sales", std::nullopt, 2, 1});
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].run_id, "r4");
  EXPECT_TRUE(page[0].tasks.empty());
  EXPECT_EQ(store_.runs({"", std::nullopt, 10, 0}).size(), 5u);
  EXPECT_EQ(store_.runs({"", RunState::running, 10, 0}).at(0).run_id, "r2");
  EXPECT_EQ(store_.count_runs({"sales", RunState::queued}), 4u);
  EXPECT_EQ(store_.count_runs({"other"}), 0u);
}

TEST_P(RunStoreContract, AppliesAChangeWhole) {
  store_.put_dag({dag()});
  store_.create(run("r"));
  const auto token = *lease_.hold("me", std::chrono::seconds(5));
  auto first = change("r", RunState::queued, RunState::running);
  first.start_date = from_civil(2026, 3, 2);
  first.plans = {{"clean", {{"cursor", 7}}}};
  first.progress = {{"clean", {{"cursor", 7}}}};
  TaskInstance gone;
  gone.task_id = "clean";
  TaskInstance slice = gone;
  slice.map_index = 0;
  slice.state = TaskState::queued;
  slice.try_number = 1;
  slice.slice = {{"start", 0}};
  first.tasks = {{TaskState::none, 0, gone, true}, {std::nullopt, 0, slice, false}};
  EXPECT_EQ(writer_.apply({first}, token), std::vector{Applied::yes});
  auto read = *store_.run("sales", "r");
  EXPECT_EQ(read.state, RunState::running);
  EXPECT_EQ(read.start_date, from_civil(2026, 3, 2));
  EXPECT_EQ(read.plans["clean"]["cursor"], 7);
  ASSERT_EQ(read.tasks.size(), 1u);
  EXPECT_EQ(read.tasks[0].json(), slice.json());
  EXPECT_EQ(store_.dag("sales")->progress["clean"]["cursor"], 7);

  auto last = change("r", RunState::running, RunState::success);
  last.end_date = from_civil(2026, 3, 3);
  TaskInstance done = slice;
  done.state = TaskState::success;
  last.tasks = {{TaskState::queued, 1, done, false}};
  EXPECT_EQ(writer_.apply({last}, token), std::vector{Applied::yes});
  EXPECT_TRUE(store_.live_runs().empty());
  EXPECT_EQ(store_.run("sales", "r")->end_date, from_civil(2026, 3, 3));
}

TEST_P(RunStoreContract, RefusesAStaleChangeWhole) {
  store_.create(run("r"));
  const auto token = *lease_.hold("me", std::chrono::seconds(5));
  EXPECT_EQ(writer_.apply({change("r", RunState::running, RunState::success)}, token),
            std::vector{Applied::stale});
  EXPECT_EQ(writer_.apply({change("nobody", RunState::queued, RunState::running)}, token),
            std::vector{Applied::stale});
  auto wrong = change("r", RunState::queued, RunState::running);
  TaskInstance task;
  task.task_id = "clean";
  task.state = TaskState::running;
  task.try_number = 2;
  wrong.tasks = {{TaskState::queued, 1, task, false}};
  EXPECT_EQ(writer_.apply({wrong}, token), std::vector{Applied::stale});
  wrong.tasks = {{TaskState::none, 1, task, false}};
  EXPECT_EQ(writer_.apply({wrong}, token), std::vector{Applied::stale}) << "another try";
  wrong.tasks = {{std::nullopt, 0, task, false}};
  EXPECT_EQ(writer_.apply({wrong}, token), std::vector{Applied::stale}) << "it exists";
  EXPECT_EQ(store_.run("sales", "r")->json(), run("r").json());
}

TEST_P(RunStoreContract, FencesAFormerLeader) {
  store_.create(run("r"));
  const auto first = *lease_.hold("one", std::chrono::seconds(5));
  EXPECT_EQ(lease_.hold("one", std::chrono::seconds(5)), first);
  EXPECT_FALSE(lease_.hold("two", std::chrono::seconds(5)));
  EXPECT_EQ(lease_.leader(), "one");
  lease_.release("two");
  EXPECT_EQ(lease_.leader(), "one") << "only its holder gives it back";
  lease_.release("one");
  const auto second = *lease_.hold("two", std::chrono::seconds(5));
  EXPECT_GT(second, first);
  EXPECT_EQ(writer_.apply({change("r", RunState::queued, RunState::running)}, first),
            std::vector{Applied::fenced});
  EXPECT_EQ(writer_.apply({change("r", RunState::queued, RunState::running)}, second),
            std::vector{Applied::yes});
}

TEST_P(RunStoreContract, TrimsTheOldestEndedRuns) {
  const auto token = *lease_.hold("me", std::chrono::seconds(5));
  for (int day = 1; day <= 6; ++day) {
    const auto id = "r" + std::to_string(day);
    store_.create(run(id, day));
    if (day == 2) continue;
    writer_.apply({change(id, RunState::queued, RunState::running)}, token);
    writer_.apply({change(id, RunState::running, RunState::success)}, token);
  }
  EXPECT_EQ(writer_.trim("sales", 3, 100), 2u);
  EXPECT_FALSE(store_.run("sales", "r1"));
  EXPECT_TRUE(store_.run("sales", "r2")) << "a live run stays";
  EXPECT_FALSE(store_.run("sales", "r3"));
  EXPECT_EQ(store_.count_runs({"sales"}), 4u);
  EXPECT_EQ(store_.count_runs({""}), 4u);
}

TEST_P(RunStoreContract, TakesARequestOnce) {
  EXPECT_TRUE(store_.requests().empty());
  const auto first = store_.ask({{"request", "clear"}, {"n", 1}});
  const auto second = store_.ask({{"request", "clear"}, {"n", 2}});
  const auto waiting = store_.requests();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].id, first);
  EXPECT_EQ(waiting[1].body["n"], 2);
  EXPECT_FALSE(store_.answer_of(first));

  const auto former = *lease_.hold("one", std::chrono::seconds(5));
  lease_.release("one");
  const auto token = *lease_.hold("two", std::chrono::seconds(5));
  EXPECT_EQ(writer_.answer({first, {{"error", "no"}}}, former), Applied::fenced);
  EXPECT_FALSE(store_.answer_of(first));
  EXPECT_EQ(writer_.answer({first, {{"error", "no"}}}, token), Applied::yes);
  EXPECT_EQ(writer_.answer({first, {{"cleared", 1}}}, token), Applied::stale);
  EXPECT_EQ(store_.answer_of(first)->at("error"), "no");
  EXPECT_FALSE(store_.withdraw(first)) << "it was taken";
  EXPECT_TRUE(store_.withdraw(second));
  EXPECT_FALSE(store_.withdraw(second));
  EXPECT_TRUE(store_.requests().empty());
  EXPECT_FALSE(store_.answer_of(second));
}

TEST_P(RunStoreContract, MakesAChangeWithItsRequestsOrNotAtAll) {
  store_.create(run("r"));
  const auto token = *lease_.hold("me", std::chrono::seconds(5));
  const auto kept = store_.ask({{"n", 1}}), gone = store_.ask({{"n", 2}});
  EXPECT_TRUE(store_.withdraw(gone));
  auto both = change("r", RunState::queued, RunState::running);
  both.answers = {{kept, {{"cleared", 1}}}, {gone, {{"cleared", 1}}}};
  EXPECT_EQ(writer_.apply({both}, token), std::vector{Applied::stale}) << "one was withdrawn";
  EXPECT_EQ(store_.run("sales", "r")->state, RunState::queued);
  EXPECT_EQ(store_.requests().size(), 1u);
  EXPECT_FALSE(store_.answer_of(kept));
  both.answers.pop_back();
  EXPECT_EQ(writer_.apply({both}, token), std::vector{Applied::yes});
  EXPECT_TRUE(store_.requests().empty());
  EXPECT_EQ(store_.answer_of(kept)->at("cleared"), 1);
  both.from = RunState::running;
  EXPECT_EQ(writer_.apply({both}, token), std::vector{Applied::stale}) << "a request is fulfilled once";
}

TEST_P(RunStoreContract, ForgetsTheTimesOfARunThatRestarts) {
  store_.create(run("r"));
  const auto token = *lease_.hold("me", std::chrono::seconds(5));
  auto begin = change("r", RunState::queued, RunState::running);
  begin.start_date = from_civil(2026, 3, 2);
  auto end = change("r", RunState::running, RunState::failed);
  end.end_date = from_civil(2026, 3, 3);
  auto again = change("r", RunState::failed, RunState::running);
  again.restart = true;
  again.start_date = from_civil(2026, 3, 4);
  const std::vector all{begin, end, again};
  EXPECT_EQ(writer_.apply(all, token), std::vector(3, Applied::yes));
  EXPECT_EQ(store_.run("sales", "r")->start_date, from_civil(2026, 3, 4));
  EXPECT_FALSE(store_.run("sales", "r")->end_date);
  EXPECT_EQ(store_.live_runs().size(), 1u);
}

TEST_P(RunStoreContract, TrimsVersionsThatNobodyUses) {
  store_.create(run("r"));  // of v1
  for (int i = 1; i <= 6; ++i) store_.put_dag({dag("v" + std::to_string(i))});
  EXPECT_EQ(writer_.trim_versions("sales", 10), 0u);
  EXPECT_EQ(writer_.trim_versions("sales", 2), 3u);
  EXPECT_TRUE(store_.dag_version("sales", "v1")) << "a run uses it";
  EXPECT_FALSE(store_.dag_version("sales", "v4"));
  EXPECT_TRUE(store_.dag_version("sales", "v5"));
  EXPECT_TRUE(store_.dag_version("sales", "v6"));
  EXPECT_EQ(writer_.trim_versions("sales", 0), 1u);
  EXPECT_TRUE(store_.dag_version("sales", "v6")) << "the one in force";
}

TEST_P(RunStoreContract, TellsFollowers) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> events;
  const auto following = store_.follow([&](const std::string& text) {
    std::lock_guard lock(mutex);
    events.push_back(Json::parse(text)["event"]);
    changed.notify_all();
  });
  const auto saw = [&](const std::string& event) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10),
                            [&] { return std::find(events.begin(), events.end(), event) != events.end(); });
  };
  if (all_.server != nullptr) {
    ASSERT_TRUE(saw("connected"));
  }
  store_.put_dag({dag()});
  EXPECT_TRUE(saw("dag"));
  store_.create(run("r"));
  EXPECT_TRUE(saw("run_created"));
  store_.set_paused("sales", true);
  EXPECT_TRUE(saw("dag_paused"));
  store_.ask({{"request", "clear"}});
  EXPECT_TRUE(saw("request"));
}

INSTANTIATE_TEST_SUITE_P(All, RunStoreContract,
                         ::testing::Values(Kind{"memory", in_memory}, Kind{"redis", in_redis}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace tamis::workflow
