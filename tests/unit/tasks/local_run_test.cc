#include "tasks/local_run.h"

#include <gtest/gtest.h>

#include "core/workflow/dag_file.h"
#include "tasks/operator_table.h"
#include "tests/unit/tasks/memory_parts.h"

namespace tamis::tasks {
namespace {

workflow::Dag dag(const std::string& tasks) {
  const std::string text = "dag_id: d\nschedule: null\nstart_date: 2026-01-01\ntasks:\n" + tasks;
  auto file = workflow::parse_dag_file(text, operator_table(), {"d.yaml", {}, {}});
  if (file.dags.size() != 1) throw base::Error("wrong DAG in a test: {}", file.findings.text("d.yaml", text));
  return file.dags[0];
}

std::string states(const LocalOutcome& outcome) {
  std::string text;
  for (const auto& task : outcome.tasks) text += (text.empty() ? "" : " ") + task.task_id + ":" + task.state;
  return text;
}

TEST(LocalRun, RunsTasksAfterThoseTheyDependOn) {
  LocalRun local(dag(R"(
  - {task_id: c, operator: empty, depends_on: [a, b]}
  - {task_id: b, operator: shell, command: "true", depends_on: [a]}
  - {task_id: a, operator: shell, command: "echo hello"}
)"),
                 {});
  const auto outcome = local.run("r", {});
  EXPECT_EQ(states(outcome), "a:success b:success c:success");
  EXPECT_TRUE(outcome.is_success);
  EXPECT_EQ(outcome.tasks[0].result["last_line"], "hello");
}

TEST(LocalRun, GoesOnBesideWhatFailed) {
  LocalRun local(dag(R"(
  - {task_id: a, operator: shell, command: "exit 2"}
  - {task_id: b, operator: empty, depends_on: [a]}
  - {task_id: c, operator: empty, depends_on: [a], trigger_rule: all_done}
  - {task_id: e, operator: empty}
)"),
                 {});
  const auto outcome = local.run("r", {});
  EXPECT_EQ(states(outcome), "a:failed b:upstream_failed c:success e:success");
  EXPECT_FALSE(outcome.is_success);
  EXPECT_NE(outcome.tasks[0].error.find("exit code 2"), std::string::npos);
}

TEST(LocalRun, SkipsTasksOfOtherWorkers) {
  LocalRun local(dag("  - {task_id: a, operator: celery, task: python.only}\n"), {});
  const auto outcome = local.run("r", {});
  EXPECT_EQ(states(outcome), "a:skipped");
  EXPECT_NE(outcome.tasks[0].error.find("python.only"), std::string::npos);
}

TEST(LocalRun, BeginsWhereTheRunBeforeEnded) {
  MemoryParts parts;
  LocalOptions options;
  options.context = parts.context();
  LocalRun local(dag(R"(
  - task_id: clean
    operator: etl
    source: {kafka: {topic: t}}
    fields: {v: {type: long}}
    sinks: [{elasticsearch: {index: i}}]
)"),
                 options);
  parts.input = {"{\"v\":1}", "{\"v\":2}"};
  auto outcome = local.run("r1", {});
  EXPECT_EQ(outcome.tasks.at(0).result["read"], 2);
  EXPECT_FALSE(outcome.watermarks.at("clean").has_value());
  parts.input.push_back("{\"v\":3}");
  outcome = local.run("r2", {});
  EXPECT_EQ(outcome.tasks.at(0).result["read"], 1);
  EXPECT_EQ(outcome.watermarks.at("clean"), base::Instant(std::chrono::seconds(1)));
  EXPECT_TRUE(local.run("r3", {}).tasks.empty());
}

TEST(LocalRun, TellsWhyASourceCannotBePlanned) {
  LocalOptions options;
  options.context.make_source = [](const auto&, const auto&,
                                   const auto&) -> std::unique_ptr<sources::Source> {
    throw base::TransientError("no broker answers");
  };
  LocalRun local(dag(R"(
  - {task_id: clean, operator: etl, source: {kafka: {topic: t}}, fields: {v: {type: long}}, sinks: [{elasticsearch: {index: i}}]}
)"),
                 options);
  const auto outcome = local.run("r", {});
  EXPECT_EQ(states(outcome), "clean:failed");
  EXPECT_EQ(outcome.tasks[0].error, "no broker answers");
}

}  // namespace
}  // namespace tamis::tasks
