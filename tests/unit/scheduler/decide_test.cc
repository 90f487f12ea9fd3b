#include "scheduler/decide.h"

#include <gtest/gtest.h>

namespace tamis::scheduler {
namespace {

using base::from_civil;
using base::Instant;
using base::Json;
using std::chrono::seconds;
using workflow::RunState;
using workflow::TaskState;

workflow::TaskSpec task(const std::string& id, std::vector<std::string> upstream = {}, bool sliced = false) {
  workflow::TaskSpec task;
  task.task_id = id;
  task.operator_name = "x";
  task.celery_task = "x";
  task.depends_on = std::move(upstream);
  task.is_sliced = sliced;
  task.retry_delay = seconds(10);
  task.body = {{"task_id", id}};
  return task;
}

struct World {
  State state;
  workflow::Dag dag;
  CompiledDagPtr compiled;
  Instant now = from_civil(2026, 3, 1);
  std::vector<Decision> last;

  explicit World(std::vector<workflow::TaskSpec> tasks) {
    dag.dag_id = "d";
    dag.version = "v";
    dag.tasks = std::move(tasks);
  }
  void load() {
    compiled = CompiledDag::of(dag);
    step({DagSeen{compiled, false, std::nullopt, Json::object()}});
  }
  void step(std::vector<Event> events) { last = decide(state, events, now); }
  void trigger(const std::string& id) {
    workflow::DagRun run;
    run.dag_id = "d";
    run.run_id = id;
    run.dag_version = "v";
    run.logical_date = run.queued_at = now;
    step({RunSeen{run, compiled}});
  }
  TaskKey key(const std::string& run, const std::string& id, int map_index = -1, int try_number = 1) {
    return {"d", run, id, map_index, try_number};
  }
  void end(const TaskKey& which, TaskState outcome = TaskState::success, Json result = nullptr,
           bool may_retry = true) {
    TaskEnded ended;
    ended.key = which;
    ended.outcome = outcome;
    ended.result = std::move(result);
    ended.may_retry = may_retry;
    step({ended});
  }
  void plan(const TaskKey& which, int slices, Json cursor) {
    Planned planned;
    planned.key = which;
    for (int i = 0; i < slices; ++i) planned.slices.push_back({{"start", i}});
    planned.cursor = std::move(cursor);
    step({planned});
  }
  template <typename Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> out;
    for (const auto& decision : last)
      if (const auto* found = std::get_if<Kind>(&decision)) out.push_back(*found);
    return out;
  }
  std::vector<std::string> sent() const {
    std::vector<std::string> out;
    for (const auto& send : all<Send>())
      out.push_back(workflow::task_name(send.key.task_id, send.key.map_index));
    return out;
  }
  const workflow::TaskInstance& instance(const std::string& run, uint32_t number, size_t i = 0) {
    return state.dags["d"].runs.at(run)->tasks[number].instances.at(i);
  }
};

using Names = std::vector<std::string>;

TEST(Decide, HandsOverInTheStepThatATaskEnds) {
  World world({task("a"), task("b", {"a"})});
  world.load();
  world.trigger("r");
  EXPECT_EQ(world.sent(), Names{"a"});
  world.end(world.key("r", "a"));
  EXPECT_EQ(world.sent(), Names{"b"});
  world.end(world.key("r", "b"));
  ASSERT_EQ(world.all<RunEnded>().size(), 1u);
  EXPECT_EQ(world.all<RunEnded>()[0].state, RunState::success);
  EXPECT_TRUE(world.state.dags["d"].runs.empty());
}

TEST(Decide, ReleasesEmptyTasksWithoutAWorker) {
  World world({task("a"), task("b", {"a"})});
  for (auto& t : world.dag.tasks) t.celery_task = "";
  world.load();
  world.trigger("r");
  EXPECT_TRUE(world.sent().empty());
  EXPECT_EQ(world.all<RunEnded>().size(), 1u);
}

TEST(Decide, RetriesAfterTheDelayAndFailsAfterTheLastTry) {
  World world({task("a")});
  world.dag.tasks[0].retries = 1;
  world.load();
  world.trigger("r");
  world.end(world.key("r", "a"), TaskState::failed);
  EXPECT_EQ(world.instance("r", 0).state, TaskState::up_for_retry);
  EXPECT_EQ(world.state.wake(), world.now + seconds(10));
  world.now += seconds(9);
  world.step({});
  EXPECT_TRUE(world.sent().empty());
  world.now += seconds(1);
  world.step({});
  EXPECT_EQ(world.sent(), Names{"a"});
  world.end(world.key("r", "a"), TaskState::failed);  // the first try again, told late
  EXPECT_TRUE(world.last.empty());
  world.end(world.key("r", "a", -1, 2), TaskState::failed);
  EXPECT_EQ(world.all<RunEnded>().at(0).state, RunState::failed);
}

TEST(Decide, NeverRetriesWhatOnlyItsAuthorCanMend) {
  World world({task("a")});
  world.dag.tasks[0].retries = 5;
  world.load();
  world.trigger("r");
  world.end(world.key("r", "a"), TaskState::failed, nullptr, false);
  EXPECT_EQ(world.all<RunEnded>().at(0).state, RunState::failed);
}

TEST(Decide, SendsTheWeightiestFirstWithinTheLimit) {
  World world({task("a"), task("b"), task("c")});
  world.dag.max_active_tasks = 2;
  world.dag.tasks[2].priority_weight = 9;
  world.load();
  world.trigger("r");
  EXPECT_EQ(world.sent(), (Names{"c", "a"}));
  EXPECT_EQ(world.instance("r", 1).state, TaskState::scheduled);
  world.end(world.key("r", "c"));
  EXPECT_EQ(world.sent(), Names{"b"});
}

TEST(Decide, PausedDagsFinishWhatRunsAndBeginNothing) {
  World world({task("a"), task("b", {"a"})});
  world.load();
  world.trigger("r");
  world.step({DagPaused{"d", true}});
  world.end(world.key("r", "a"));
  EXPECT_TRUE(world.sent().empty());
  world.step({DagPaused{"d", false}});
  EXPECT_EQ(world.sent(), Names{"b"});
}

TEST(Decide, PlansARunWhenTheOneBeforeHasPlanned) {
  World world({task("clean", {}, true)});
  world.load();
  world.trigger("r1");
  ASSERT_EQ(world.all<AskPlan>().size(), 1u);
  EXPECT_TRUE(world.all<AskPlan>()[0].cursor.is_null());
  world.now += seconds(1);
  world.trigger("r2");
  EXPECT_TRUE(world.all<AskPlan>().empty());
  world.plan(world.key("r1", "clean"), 2, 200);
  EXPECT_EQ(world.sent(), (Names{"clean[0]", "clean[1]"}));
  ASSERT_EQ(world.all<AskPlan>().size(), 1u);
  EXPECT_EQ(world.all<AskPlan>()[0].key.run_id, "r2");
  EXPECT_EQ(world.all<AskPlan>()[0].cursor, 200) << "it goes on where the run before ends";
}

TEST(Decide, TakesTheWatermarkFromRunsThatEnded) {
  World world({task("clean", {}, true)});
  world.load();
  world.trigger("r1");
  world.plan(world.key("r1", "clean"), 2, 200);
  EXPECT_FALSE(world.all<Send>().at(0).watermark);
  world.end(world.key("r1", "clean", 0), TaskState::success,
            {{"max_event_time", "2026-03-01T09:00:00.000Z"}});
  world.end(world.key("r1", "clean", 1), TaskState::success,
            {{"max_event_time", "2026-03-01T08:00:00.000Z"}});
  EXPECT_EQ(world.all<ChangeRun>().at(0).change.progress["clean"]["watermark"], "2026-03-01T09:00:00.000Z");
  world.trigger("r2");
  world.plan(world.key("r2", "clean"), 1, 300);
  EXPECT_EQ(world.all<Send>().at(0).watermark, from_civil(2026, 3, 1, 9));
}

TEST(Decide, CountsAPlanOfNothingAsSuccess) {
  World world({task("clean", {}, true), task("close", {"clean"})});
  world.load();
  world.trigger("r");
  world.plan(world.key("r", "clean"), 0, 7);
  EXPECT_EQ(world.sent(), Names{"close"});
}

TEST(Decide, EndsARunThatTakesTooLong) {
  World world({task("a"), task("b", {"a"})});
  world.dag.dagrun_timeout = seconds(60);
  world.load();
  world.trigger("r");
  world.now += seconds(60);
  world.step({});
  EXPECT_EQ(world.all<RunEnded>().at(0).state, RunState::failed);
  EXPECT_EQ(world.all<Revoke>().size(), 1u);
}

TEST(Decide, CatchesUpOneRunAfterTheOther) {
  World world({task("a")});
  world.dag.schedule = workflow::parse_schedule("@daily");
  world.dag.start_date = from_civil(2026, 2, 20);
  world.dag.catchup = workflow::Catchup::all;
  world.dag.max_active_runs = 1;
  world.load();
  for (int i = 0; i < 9; ++i) {
    ASSERT_EQ(world.all<CreateRun>().size(), 1u) << i;
    const auto run = world.all<CreateRun>()[0].run;
    EXPECT_EQ(run.logical_date, from_civil(2026, 2, 20) + std::chrono::hours(24 * i));
    world.end(world.key(run.run_id, "a"));
  }
  EXPECT_TRUE(world.all<CreateRun>().empty());
  EXPECT_EQ(world.state.wake(), from_civil(2026, 3, 2));
}

TEST(Decide, FailsARunWhoseVersionIsLost) {
  World world({task("a")});
  world.load();
  workflow::DagRun run;
  run.dag_id = "d";
  run.run_id = "r";
  world.step({RunSeen{run, nullptr}});
  EXPECT_EQ(world.all<ChangeRun>().at(0).change.to, RunState::failed);
}

}  // namespace
}  // namespace tamis::scheduler
