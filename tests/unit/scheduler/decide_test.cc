#include <gtest/gtest.h>

#include "tests/unit/scheduler/world.h"

namespace tamis::scheduler {
namespace {

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
