#include "cli/account.h"
#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/runs.h"

namespace tamis::cli {
namespace {

/// A row a task with its account's members beside its name, so that scripts need not dig.
base::Json flat(const base::Json& report) {
  base::Json rows = base::Json::array();
  for (const auto& task : report.at("tasks")) {
    base::Json row = {{"task_id", task["task_id"]},
                      {"total", task["total"]},
                      {"done", task["done"]},
                      {"states", task["states"]}};
    if (task["account"].is_object())
      for (const auto& [key, value] : task["account"].items()) row[key] = value;
    row["errors"] = task["errors"];
    rows.push_back(row);
  }
  return rows;
}

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id");
  const auto found = find_run(api, dag_id, invocation.text("run", "latest"));
  const auto report = api.get(api_path("dags", dag_id, "dagRuns", found.value("dag_run_id", ""), "report"));
  const auto format = invocation.text("output", "table");
  if (format == "json") {
    invocation.out << flat(report).dump(2) << "\n";
  } else if (format == "yaml") {
    invocation.out << format_yaml(flat(report));
  } else {
    invocation.out << fmt::format("{} {}: {}\n\n", dag_id, found.value("dag_run_id", ""),
                                  report.value("state", ""));
    print_account(invocation, report);
    for (const auto& task : report["tasks"])
      for (const auto& error : task["errors"])
        invocation.out << fmt::format("{}[{}] try {}: {}\n", task.value("task_id", ""),
                                      error.value("map_index", -1), error.value("try_number", 0),
                                      error.value("error", ""));
  }
  return report.value("is_balanced", true) ? ok : failed;
}

}  // namespace

Command dags_report() {
  return {.noun = "dags",
          .verb = "report",
          .summary = "a run's account: where every record went",
          .positionals = {{"dag_id", 'd'}, {.name = "run", .letter = 'r', .required = false}},
          .options = {{"output", 'o', "FORMAT", "table, json or yaml", {"table", "json", "yaml"}}},
          .examples = {"tamis dags report iot_sensor_etl",
                       "tamis dags report iot_sensor_etl latest:failed -o json"},
          .notes =
              "RUN is an id, a logical date, latest (default) or latest:failed.  Exit code 1 when the "
              "account does not add up.",
          .prints_rows = false,
          .run = run};
}

}  // namespace tamis::cli
