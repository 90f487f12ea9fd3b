// Clearing, decided: what is set back, what is stopped, and that the run goes on with the same slices.
#include <gtest/gtest.h>

#include "tests/unit/scheduler/world.h"

namespace tamis::scheduler {
namespace {

using Names = std::vector<std::string>;

/// An etl task of two slices and one that follows it, the run ended; what the store holds then.
struct Ended : World {
  workflow::DagRun run;
  explicit Ended(TaskState second = TaskState::success)
      : World({task("clean", {}, true), task("close", {"clean"})}) {
    dag.tasks[0].retries = 1;
    load();
    trigger("r");
    plan(key("r", "clean"), 2, 20);
    end(key("r", "clean", 0), TaskState::success, {{"max_event_time", "2026-03-01T00:00:09Z"}});
    end(key("r", "clean", 1), second, nullptr, false);
    if (second == TaskState::success) {
      run = stored("r");
      end(key("r", "close"));
    } else {
      run = all_changes_of_end();
    }
    run.state = second == TaskState::success ? RunState::success : RunState::failed;
    run.end_date = now;
    for (auto& instance : run.tasks) {
      if (instance.task_id == "close") {
        instance.state = second == TaskState::success ? TaskState::success : TaskState::upstream_failed;
        instance.end_date = now;
      }
      if (instance.map_index == 1) instance.state = second;
    }
    EXPECT_TRUE(state.dags["d"].runs.empty());
    now += seconds(60);
  }
  workflow::DagRun all_changes_of_end() {
    workflow::DagRun stored_run;
    stored_run.dag_id = "d";
    stored_run.run_id = "r";
    stored_run.dag_version = "v";
    stored_run.logical_date = from_civil(2026, 3, 1);
    stored_run.plans = {{"clean", {{"cursor", 20}, {"watermark", nullptr}, {"slices", 2}}}};
    for (int i = 0; i < 2; ++i) {
      workflow::TaskInstance slice;
      slice.task_id = "clean";
      slice.map_index = i;
      slice.state = TaskState::success;
      slice.try_number = 1;
      slice.max_tries = 1;
      slice.slice = {{"start", i}};
      stored_run.tasks.push_back(slice);
    }
    workflow::TaskInstance close;
    close.task_id = "close";
    stored_run.tasks.push_back(close);
    return stored_run;
  }
  const workflow::RunChange& change() const {
    for (const auto& decision : last)
      if (const auto* found = std::get_if<ChangeRun>(&decision)) return found->change;
    throw std::runtime_error("no change");
  }
};

TEST(Clear, RunsAnEndedRunAgainWithTheSameSlices) {
  Ended world;
  const auto progress = world.state.dags["d"].progress;
  world.clear({}, world.run);
  EXPECT_EQ(world.change().from, RunState::success);
  EXPECT_EQ(world.change().to, RunState::running);
  EXPECT_TRUE(world.change().restart);
  EXPECT_EQ(world.change().start_date, world.now);
  ASSERT_EQ(world.change().answers.size(), 1u);
  EXPECT_EQ(world.change().answers[0].answer["cleared"], 3);
  EXPECT_EQ(world.sent(), (Names{"clean[0]", "clean[1]"}));
  EXPECT_EQ(world.all<Send>()[1].slice, (Json{{"start", 1}}));
  EXPECT_EQ(world.all<Send>()[1].key.try_number, 2) << "tries go on, so that ids are new";
  EXPECT_TRUE(world.all<AskPlan>().empty());
  EXPECT_EQ(world.instance("r", 0, 1).max_tries, 2) << "one try done, and the retries anew";
  EXPECT_TRUE(world.instance("r", 0, 1).result.is_null());
  world.end(world.key("r", "clean", 0, 2));
  world.end(world.key("r", "clean", 1, 2));
  EXPECT_EQ(world.sent(), Names{"close"});
  EXPECT_EQ(world.all<Send>()[0].key.try_number, 2);
  world.end(world.key("r", "close", -1, 2));
  ASSERT_EQ(world.all<RunEnded>().size(), 1u);
  EXPECT_EQ(world.all<RunEnded>()[0].state, RunState::success);
  EXPECT_EQ(world.state.dags["d"].progress, progress) << "the cursor and the watermark stay";
}

TEST(Clear, TakesOneSliceAndWhatFollows) {
  Ended world;
  world.clear({.task_ids = {"clean"}, .map_index = 1}, world.run);
  EXPECT_EQ(world.sent(), Names{"clean[1]"});
  EXPECT_EQ(world.instance("r", 0, 0).state, TaskState::success);
  EXPECT_EQ(world.instance("r", 1).state, TaskState::none) << "it waits for its upstream";
  world.end(world.key("r", "clean", 1, 2));
  EXPECT_EQ(world.sent(), Names{"close"});
}

TEST(Clear, LeavesWhatFollowsAloneWhenAskedTo) {
  Ended world;
  world.clear({.task_ids = {"clean"}, .downstream = false}, world.run);
  world.end(world.key("r", "clean", 0, 2));
  world.end(world.key("r", "clean", 1, 2));
  EXPECT_TRUE(world.sent().empty());
  EXPECT_EQ(world.all<RunEnded>().size(), 1u);
}

TEST(Clear, TakesOnlyWhatFailed) {
  Ended world(TaskState::failed);
  world.clear({.only_failed = true}, world.run);
  EXPECT_EQ(world.change().answers.at(0).answer["cleared"], 2);
  EXPECT_EQ(world.sent(), Names{"clean[1]"});
  EXPECT_EQ(world.instance("r", 1).state, TaskState::none);
  // With a full set of new tries.
  world.end(world.key("r", "clean", 1, 2), TaskState::failed);
  EXPECT_EQ(world.instance("r", 0, 1).state, TaskState::up_for_retry);
}

TEST(Clear, OfNothingAnswersAndChangesNothing) {
  Ended world;
  world.clear({.only_failed = true}, world.run);
  EXPECT_TRUE(world.all<ChangeRun>().empty());
  ASSERT_EQ(world.all<Answer>().size(), 1u);
  EXPECT_EQ(world.all<Answer>()[0].answer.answer["cleared"], 0);
  world.clear({.task_ids = {"cleen"}}, world.run);
  EXPECT_NE(world.all<Answer>().at(0).answer.answer["error"].get<std::string>().find("clean"),
            std::string::npos);
  world.clear({});
  EXPECT_TRUE(world.all<Answer>().at(0).answer.answer.contains("error")) << "no such run";
  EXPECT_TRUE(world.state.dags["d"].runs.empty());
}

TEST(Clear, LeavesTheRunEndedWhenAskedTo) {
  Ended world;
  world.clear({.reset_run = false}, world.run);
  EXPECT_EQ(world.change().from, RunState::success);
  EXPECT_EQ(world.change().to, RunState::success);
  EXPECT_EQ(world.change().tasks.size(), 3u);
  EXPECT_EQ(world.change().tasks[0].to.state, TaskState::none);
  EXPECT_TRUE(world.state.dags["d"].runs.empty());
}

TEST(Clear, StopsWhatRunsAndBeginsItAgain) {
  World world({task("a"), task("b", {"a"})});
  world.load();
  world.trigger("r");
  world.step({TaskStarted{world.key("r", "a"), "w"}});
  world.clear({});
  EXPECT_EQ(world.instance("r", 0).state, TaskState::restarting);
  ASSERT_EQ(world.all<Revoke>().size(), 1u);
  EXPECT_TRUE(world.all<Revoke>()[0].is_awaited);
  EXPECT_TRUE(world.sent().empty()) << "the next try waits for the end of this one";
  world.end(world.key("r", "a"), TaskState::failed);
  EXPECT_EQ(world.sent(), Names{"a"});
  EXPECT_EQ(world.all<Send>()[0].key.try_number, 2);
  // A worker that doesn't answer is not waited for without end.
  world.step({TaskStarted{world.key("r", "a", -1, 2), "w"}});
  world.clear({});
  world.now += seconds(60);
  world.step({});
  EXPECT_EQ(world.sent(), Names{"a"});
  EXPECT_EQ(world.all<Send>()[0].key.try_number, 3);
  world.end(world.key("r", "a", -1, 2));
  EXPECT_EQ(world.instance("r", 0).state, TaskState::queued) << "the former try counts no more";
  EXPECT_EQ(world.state.dags["d"].active_tasks, 1u);
}

TEST(Clear, TakesBackWhatIsQueued) {
  World world({task("a")});
  world.load();
  world.trigger("r");
  world.clear({});
  ASSERT_EQ(world.all<Revoke>().size(), 1u);
  EXPECT_FALSE(world.all<Revoke>()[0].is_awaited);
  EXPECT_EQ(world.sent(), Names{"a"});
  EXPECT_EQ(world.all<Send>()[0].key.try_number, 2);
}

TEST(Clear, KeepsAPlanThatFoundNothing) {
  World world({task("clean", {}, true)});
  world.load();
  world.trigger("r");
  auto run = world.stored("r");
  world.plan(world.key("r", "clean"), 0, 5);
  run.state = RunState::success;
  run.tasks[0].state = TaskState::success;
  run.plans = {{"clean", {{"cursor", 5}, {"slices", 0}}}};
  world.clear({}, run);
  EXPECT_TRUE(world.all<AskPlan>().empty()) << "records that came since belong to later runs";
  EXPECT_EQ(world.all<RunEnded>().size(), 1u);
}

TEST(Clear, DoesNotInheritTheTimeoutOfTheFirstLife) {
  World world({task("a")});
  world.dag.dagrun_timeout = seconds(100);
  world.load();
  world.trigger("r");
  auto run = world.stored("r");
  world.end(world.key("r", "a"));
  run.state = RunState::success;
  run.tasks[0].state = TaskState::success;
  run.tasks[0].try_number = 1;
  world.now += seconds(90);
  world.clear({}, run);
  world.now += seconds(20);
  world.step({});
  EXPECT_TRUE(world.all<RunEnded>().empty());
  world.now += seconds(90);
  world.step({});
  EXPECT_EQ(world.all<RunEnded>().size(), 1u);
}

}  // namespace
}  // namespace tamis::scheduler
