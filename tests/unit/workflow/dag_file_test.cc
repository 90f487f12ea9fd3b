#include "core/workflow/dag_file.h"

#include <gtest/gtest.h>

#include "core/base/json.h"

namespace tamis::workflow {
namespace {

using base::Key;
using base::Severity;
using base::ValueType;

OperatorTable operators() {
  OperatorTable table;
  table.entries.push_back({"empty", "does nothing", "", {"empty", {}}, false, {}});
  table.entries.push_back({"celery",
                           "any task",
                           "",
                           {"celery",
                            {Key{.name = "task", .type = ValueType::text, .required = true},
                             Key{.name = "kwargs", .type = ValueType::map}}},
                           false,
                           {}});
  table.entries.push_back({"etl",
                           "a slice",
                           "tamis.etl",
                           {"etl", {Key{.name = "source", .type = ValueType::map, .required = true}}},
                           true,
                           [](OperatorTable::Check& check) {
                             const auto* source = check.task.find("source");
                             if (source != nullptr && source->find("kafka") == nullptr)
                               check.findings.error(source->span, "bad_source", "no kafka here");
                           }});
  return table;
}

DagFile read(const std::string& text, std::vector<base::Node> defaults = {}) {
  DagFileOptions options;
  options.path = "folder/sales.yaml";
  options.defaults = std::move(defaults);
  options.now = base::from_civil(2026, 6, 1);
  return parse_dag_file(text, operators(), options);
}

/// `line:column code` of every finding.
std::vector<std::string> places(const DagFile& file) {
  std::vector<std::string> out;
  for (const auto& f : file.findings.all())
    out.push_back(std::to_string(f.span.line) + ":" + std::to_string(f.span.column) + " " + f.code);
  return out;
}

using Places = std::vector<std::string>;

TEST(DagFile, ReadsAWholeDag) {
  const auto file = read(R"(dag_id: sales_daily
description: Sales load
schedule: "0 3 * * *"
timezone: Europe/Berlin
start_date: 2026-01-01
end_date: 2026-12-31T00:00:00Z
catchup: true
max_active_runs: 2
dagrun_timeout: 2h
default_args: {retries: 3, retry_delay: 10s, retry_exponential_backoff: true, queue: etl}
tasks:
  - task_id: clean
    operator: etl
    source: {kafka: {topic: t}}
  - task_id: report
    operator: celery
    task: mail.send
    kwargs: {to: a}
    depends_on: [clean]
    trigger_rule: all_done
    retries: 1
)");
  EXPECT_EQ(file.findings.text("f", ""), "");
  ASSERT_EQ(file.dags.size(), 1u);
  const Dag& dag = file.dags[0];
  EXPECT_EQ(dag.dag_id, "sales_daily");
  EXPECT_EQ(dag.schedule.kind, Schedule::Kind::cron);
  EXPECT_EQ(*dag.start_date, base::from_civil(2025, 12, 31, 23));
  EXPECT_EQ(*dag.end_date, base::from_civil(2026, 12, 31));
  EXPECT_EQ(dag.catchup, Catchup::all);
  EXPECT_EQ(dag.max_active_runs, 2);
  EXPECT_EQ(dag.folder, "folder");
  const TaskSpec& clean = dag.tasks[0];
  EXPECT_TRUE(clean.is_sliced);
  EXPECT_EQ(clean.celery_task, "tamis.etl");
  EXPECT_EQ(clean.retries, 3);
  EXPECT_EQ(clean.retry_delay, std::chrono::seconds(10));
  EXPECT_EQ(clean.queue, "etl");
  const TaskSpec& report = *dag.find("report");
  EXPECT_EQ(report.celery_task, "mail.send");
  EXPECT_EQ(report.retries, 1);
  EXPECT_EQ(report.trigger_rule, TriggerRule::all_done);
  EXPECT_EQ(report.body["kwargs"]["to"], "a");
}

TEST(DagFile, SurvivesTheWayThroughJson) {
  const auto file = read("schedule: 10m\nstart_date: 2026-01-01\ntasks: {a: {operator: empty}}\n");
  ASSERT_EQ(file.dags.size(), 1u);
  EXPECT_EQ(file.dags[0].dag_id, "sales");
  const auto json = file.dags[0].json();
  EXPECT_EQ(Dag::from_json(json).json(), json);
}

TEST(DagFile, FindsEverythingInOnePass) {
  const auto file = read(R"(dag_id: "a b"
shedule: "@daily"
max_active_runs: 0
catchup: maybe
tasks:
  - task_id: a
    operator: emty
  - task_id: a
    operator: empty
    retrys: 2
    retries: -1
  - task_id: b
    operator: etl
    source: {files: x}
    depends_on: [b, c, aa]
)");
  EXPECT_TRUE(file.dags.empty());
  EXPECT_EQ(places(file), (Places{"1:9 bad_id", "2:1 unknown_key", "3:18 out_of_range", "4:10 wrong_value",
                                  "7:15 unknown_operator", "8:14 duplicate_task", "10:5 unknown_key",
                                  "11:14 out_of_range", "14:13 bad_source", "15:18 self_dependency",
                                  "15:21 unknown_task", "15:24 unknown_task"}));
  const auto text = file.findings.text("sales.yaml", "");
  EXPECT_NE(text.find("has no key \"retrys\" (did you mean \"retries\"?)"), std::string::npos) << text;
  EXPECT_NE(text.find("there is no operator \"emty\" (did you mean \"empty\"?)"), std::string::npos) << text;
  EXPECT_NE(text.find("first in line 6, column 14"), std::string::npos) << text;
}

TEST(DagFile, PrintsAShortestCycleInOrderWithTheLineOfEachEdge) {
  const auto file = read(R"(dag_id: d
tasks:
  - {task_id: extract, operator: empty, depends_on: [load]}
  - {task_id: transform, operator: empty, depends_on: [extract]}
  - {task_id: check, operator: empty, depends_on: [transform]}
  - {task_id: load, operator: empty, depends_on: [transform, check]}
  - {task_id: x, operator: empty, depends_on: [y]}
  - {task_id: y, operator: empty, depends_on: [x]}
)");
  ASSERT_EQ(file.findings.all().size(), 2u);
  EXPECT_EQ(file.findings.all()[0].message, "cycle: load (6) -> transform (4) -> extract (3) -> load");
  EXPECT_EQ(file.findings.all()[0].span.line, 6);
  EXPECT_EQ(file.findings.all()[1].message, "cycle: y (8) -> x (7) -> y");
}

TEST(DagFile, ToleratesAChainOfAHundredThousandTasks) {
  std::string text = "tasks:\n  t0: {operator: empty}\n";
  for (int i = 1; i < 100000; ++i)
    text += "  t" + std::to_string(i) + ": {operator: empty, depends_on: [t" + std::to_string(i - 1) + "]}\n";
  const auto file = read(text);
  EXPECT_FALSE(file.findings.has_errors());
  ASSERT_EQ(file.dags.size(), 1u);
  EXPECT_EQ(file.dags[0].tasks.size(), 100000u);
}

TEST(DagFile, PointsAtYamlTraps) {
  const auto file = read(R"(dag_id: d
schedule: @daily
start_date: 2026-01-01
owner: no
tasks:
  - task_id: a
    operator: celery
    task: t
    retries: 08
    kwargs: {day: {{ ds }}}
  - task_id: b
    operator: empty
)");
  EXPECT_EQ(places(file),
            (Places{"2:11 unquoted", "4:8 ambiguous_text", "9:14 octal_number", "10:19 unquoted_template"}));
}

TEST(DagFile, MendsAnUnquotedCronToGoOnLooking) {
  const auto file = read(
      "schedule: */5 * * * *   # often\nstart_date: 2026-01-01\nfoo: 1\ntasks: {a: {operator: empty}}\n");
  EXPECT_EQ(places(file), (Places{"1:11 unquoted", "3:1 unknown_key"}));
  EXPECT_EQ(file.findings.all()[0].hint, "write it in quotes: \"*/5 * * * *\"");
  EXPECT_EQ(places(read("schedule: 0 3 * * *\nstart_date: 2026-01-01\ntasks: {a: {operator: empty}}\n")),
            (Places{"1:11 unquoted_cron"}));
}

TEST(DagFile, ChecksSchedules) {
  const std::string tasks = "tasks: {a: {operator: empty}}\n", start = "start_date: 2026-01-01\n";
  EXPECT_EQ(places(read("schedule: \"@dayly\"\n" + start + tasks)), (Places{"1:11 bad_schedule"}));
  EXPECT_EQ(places(read("schedule: \"61 * * * *\"\n" + start + tasks)), (Places{"1:11 bad_schedule"}));
  EXPECT_EQ(places(read("schedule: \"0 0 30 2 *\"\n" + start + tasks)), (Places{"1:11 never_runs"}));
  EXPECT_EQ(places(read("schedule: 30s\n" + start + tasks)), (Places{"1:11 short_interval"}));
  EXPECT_EQ(places(read("schedule: \"@daily\"\n" + tasks)), (Places{"1:11 missing_start_date"}));
  EXPECT_EQ(places(read("schedule: \"@daily\"\nstart_date: 2030-01-01\n" + tasks)),
            (Places{"2:13 future_start"}));
  EXPECT_EQ(places(read("schedule: \"@continuous\"\nmax_active_runs: 2\n" + start + tasks)),
            (Places{"2:18 out_of_range"}));
  EXPECT_EQ(places(read("schedule: \"30 2 * * *\"\ntimezone: Europe/Berlin\n" + start + tasks)),
            (Places{"1:11 dst"}));
  EXPECT_EQ(places(read("timezone: Europe/Berln\n" + tasks)), (Places{"1:11 unknown_timezone"}));
}

TEST(DagFile, TakesAliasesWithAWarning) {
  const auto file = read("tasks:\n  a: {operator: empty}\n  b: {operator: empty, upstream: [a]}\n");
  EXPECT_EQ(places(file), (Places{"3:24 alias"}));
  ASSERT_EQ(file.dags.size(), 1u);
  EXPECT_EQ(file.dags[0].tasks[1].depends_on, std::vector<std::string>{"a"});
}

TEST(DagFile, LeavesXKeysAlone) {
  const auto file = read("x-team: {y: no}\ntasks:\n  a: {operator: empty, x-note: 1}\n");
  EXPECT_EQ(places(file), Places{});
}

TEST(DagFile, HoldsSeveralDags) {
  const auto file = read(
      "dag_id: a\ntasks: {t: {operator: empty}}\n---\ndag_id: b\ntasks: {t: {operator: nope}}\n---\ndag_id: "
      "a\ntasks: {t: {operator: empty}}\n");
  EXPECT_EQ(places(file), (Places{"5:23 unknown_operator", "7:9 duplicate_dag"}));
  ASSERT_EQ(file.dags.size(), 1u);
  EXPECT_EQ(file.dags[0].dag_id, "a");
}

TEST(DagFile, VersionFollowsMeaningOnly) {
  const auto version = [](const std::string& text) { return read(text).dags.at(0).version; };
  const auto plain = version("description: a\ntasks: {t: {operator: empty}}\n");
  EXPECT_EQ(version("# a comment\ndescription: b\ntasks:\n  t:\n    operator: empty\n"), plain);
  EXPECT_NE(version("tasks: {t: {operator: empty, retries: 1}}\n"), plain);
}

TEST(DagFile, InheritsDefaultsFromItsFolder) {
  base::Findings findings;
  const auto defaults =
      parse_defaults("max_active_runs: 3\ndefault_args: {retries: 4, queue: q}\n", operators(), findings);
  EXPECT_TRUE(findings.empty());
  const auto file = read("default_args: {queue: own}\ntasks: {t: {operator: empty}}\n", {defaults});
  ASSERT_EQ(file.dags.size(), 1u);
  EXPECT_EQ(file.dags[0].max_active_runs, 3);
  EXPECT_EQ(file.dags[0].tasks[0].retries, 4);
  EXPECT_EQ(file.dags[0].tasks[0].queue, "own");
}

TEST(DagFile, AnswersRubbishWithFindings) {
  for (const std::string text :
       {"", "- a\n", "42\n", "a: [\n", "\xff\xfe", "a: b: c\n", "tasks: 3\n", "tasks: []\n", "tasks: [1]\n",
        "{{{{", "&a *a", "tasks: {t: null}\n", "\ttasks: 1\n", "a: 1\n\tb: 2\n"}) {
    const auto file = read(text);
    EXPECT_TRUE(file.findings.has_errors()) << text;
    EXPECT_TRUE(file.dags.empty()) << text;
  }
  const auto deep = read(std::string(100000, '['));
  EXPECT_TRUE(deep.findings.has_errors());
}

TEST(DagFile, SchemaComesFromTheSameTables) {
  const auto schema = dag_schema(operators());
  EXPECT_EQ(schema["properties"]["max_active_runs"]["type"], "integer");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["$defs"]["etl"]["properties"]["retries"]["minimum"], 0);
  EXPECT_EQ(schema["$defs"]["etl"]["required"], base::Json::array({"operator", "source"}));
}

}  // namespace
}  // namespace tamis::workflow
