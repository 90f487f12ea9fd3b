#include "tasks/operator.h"

#include <gtest/gtest.h>

#include "tests/unit/tasks/memory_parts.h"

namespace tamis::tasks {
namespace {

using base::Json;

/// Checks the task `which` of a list of tasks; returns `line code` of each finding.
std::vector<std::string> check(const std::string& text, size_t which = 0) {
  const auto all = yaml(text);
  std::map<std::string, const base::Node*> tasks;
  for (const auto& task : all.items) tasks[base::text_at(task, "task_id")] = &task;
  const auto* op = find_operator(base::text_at(all.items[which], "operator"));
  base::Findings findings;
  std::vector<std::string> files;
  OperatorCheck operator_check{all.items[which], tasks, ".", findings, files};
  op->check(operator_check);
  std::vector<std::string> out;
  for (const auto& f : findings.all()) out.push_back(std::to_string(f.span.line) + " " + f.code);
  return out;
}
using Lines = std::vector<std::string>;

const std::string etl = R"(- task_id: clean
  operator: etl
  source: {kafka: {topic: t}}
  fields: {v: {type: long}, s: {type: keyword}}
  allowed_lateness: 1h
  windows:
    w: {size: 1m, aggregates: {c: count()}}
  sinks: [{elasticsearch: {index: i}}]
)";
const std::string close = R"(- task_id: close
  operator: close_windows
  depends_on: [clean]
  windows: clean.w
  sinks: [{elasticsearch: {index: "w-{event_time:%Y}"}}]
)";

TEST(EtlOperator, AcceptsARightTask) {
  EXPECT_EQ(check(etl + close), Lines{});
}

TEST(EtlOperator, WarnsOfWindowsThatNobodyCloses) {
  EXPECT_EQ(check(etl), Lines{"7 never_closed"});
}

TEST(EtlOperator, FindsAllFaultsInOnePass) {
  EXPECT_EQ(check(R"(- task_id: clean
  operator: etl
  source: {kafak: {topic: t}}
  fields: {v: {type: long}}
  transforms:
    - filtre: v > 1
    - drop: [v]
      filter: v > 1
    - 12
  sinks:
    - elasticsearch: {indx: i}
    - elasticsearch: {index: "i-{v}"}
    - elasticsearch: {index: i, id: [v]}
    - elastic: {index: i}
  rejects:
    - elasticsearch: {index: "r-{event_time:%Y}"}
    - elasticsearch: {index: r, id: [s]}
)"),
            (Lines{"3 unknown_source", "6 unknown_transform", "8 wrong_value", "9 wrong_type",
                   "11 unknown_key", "11 missing_key", "12 bad_pattern", "13 unknown_field",
                   "14 unknown_sink", "16 bad_pattern", "17 wrong_value"}));
}

TEST(EtlOperator, WarnsOfATaskThatWritesNothing) {
  EXPECT_EQ(check("- {task_id: c, operator: etl, source: {kafka: {topic: t}}, fields: {v: {type: long}}}\n"),
            Lines{"1 writes_nothing"});
}

TEST(CloseWindowsOperator, NeedsWindowsOfAnEtlTaskBeforeIt) {
  EXPECT_EQ(check(etl + close, 1), Lines{});
  const auto with = [&](const std::string& from, const std::string& to) {
    auto text = etl + close;
    text.replace(text.find(from), from.size(), to);
    return check(text, 1);
  };
  EXPECT_EQ(with("clean.w\n", "clean.x\n"), Lines{"12 unknown_window"});
  EXPECT_EQ(with("clean.w\n", "claen.w\n"), Lines{"12 unknown_task"});
  EXPECT_EQ(with("clean.w\n", "close.w\n"), Lines{"12 unknown_task"});
  EXPECT_EQ(with("clean.w\n", "w\n"), Lines{"12 wrong_value"});
  EXPECT_EQ(with("[clean]", "[]"), Lines{"12 missing_dependency"});
  EXPECT_EQ(with("[{elasticsearch: {index: \"w-{event_time:%Y}\"}}]", "[]"), Lines{"13 wrong_value"});
  EXPECT_EQ(with("index: \"w", "id: [c], index: \"w"), Lines{"13 wrong_value"});
}

TEST(CloseWindowsOperator, MayDependIndirectly) {
  auto text = etl + close + "- {task_id: between, operator: empty, depends_on: clean}\n";
  text.replace(text.find("[clean]"), 7, "[{task: between, when: done}]");
  EXPECT_EQ(check(text, 1), Lines{});
}

TEST(Operators, WarnOfTemplatesWhichNobodyRenders) {
  EXPECT_EQ(check("- {operator: shell, command: 'echo {{ ds }}', note: '{{ ds }}'}\n"), Lines{"1 template"});
  EXPECT_EQ(check("- {operator: celery, task: a.b, kwargs: {day: {at: '{{ ds }}'}}}\n"), Lines{"1 template"});
  EXPECT_EQ(check("- {operator: shell, command: 'echo ${x} {}'}\n"), Lines{});
}

TEST(HttpOperator, ChecksAddressAndStatus) {
  EXPECT_EQ(check("- {operator: http, url: 'https://a/b', expected_status: [200, 404]}\n"), Lines{});
  EXPECT_EQ(check("- {operator: http, url: 'ftp://a', expected_status: ok}\n"),
            (Lines{"1 wrong_value", "1 wrong_value"}));
}

TEST(Operators, NameTheirCeleryTasksWhichExist) {
  for (const auto& op : operators())
    EXPECT_TRUE(op.celery_task.empty() || find_task(op.celery_task) != nullptr) << op.name;
  EXPECT_EQ(find_operator("etll"), nullptr);
}

TEST(TaskKwargs, HoldAllThatAWorkerNeeds) {
  const auto all = yaml(etl + close);
  const std::map<std::string, const base::Node*> tasks = {{"clean", &all.items[0]}, {"close", &all.items[1]}};
  const Json slice = {{"topic", "t"}, {"partition", 0}, {"start", 0}, {"end", 5}};
  TaskCall call;
  call.dag_id = "d";
  call.run_id = "r";
  call.task_id = "clean";
  call.map_index = 3;
  call.try_number = 2;
  call.watermark = base::from_civil(2026, 3, 1);
  call.slice = &slice;
  const auto clean = task_kwargs(all.items[0], tasks, call);
  EXPECT_EQ(clean["slice"], slice);
  EXPECT_EQ(clean["watermark"], "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(clean["map_index"], 3);
  EXPECT_EQ(clean["task"]["fields"]["v"]["type"], "long");
  const auto closing = task_kwargs(all.items[1], tasks, call);
  EXPECT_EQ(closing["etl"]["task_id"], "clean");
  EXPECT_EQ(closing["etl_task_id"], "clean");
}

TEST(TaskKwargs, OfACeleryTaskAreItsOwn) {
  const auto task = yaml("{operator: celery, task: etl.extract, kwargs: {day: 1}}");
  EXPECT_EQ(task_kwargs(task, {}, {}).dump(), R"({"day":1})");
  EXPECT_EQ(task_kwargs(yaml("{operator: celery, task: etl.extract}"), {}, {}).dump(), "{}");
}

}  // namespace
}  // namespace tamis::tasks
