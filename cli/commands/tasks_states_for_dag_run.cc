#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/runs.h"

namespace tamis::cli {
namespace {

using base::Json;

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id");
  const auto run_id = find_run(api, dag_id, invocation.text("run", "latest")).value("dag_run_id", "");
  Json rows = Json::array();
  bool any_mapped = false;
  for (const auto& instance :
       api.list(api_path("dags", dag_id, "dagRuns", run_id, "taskInstances"), "task_instances")) {
    any_mapped = any_mapped || instance.value("map_index", -1) >= 0;
    rows.push_back({{"dag_id", instance["dag_id"]},
                    {"execution_date", instance["execution_date"]},
                    {"task_id", instance["task_id"]},
                    {"map_index", instance["map_index"]},
                    {"state", instance["state"]},
                    {"try_number", instance["try_number"]},
                    {"start_date", instance["start_date"]},
                    {"end_date", instance["end_date"]},
                    {"duration", instance["duration"]},
                    {"hostname", instance["hostname"]},
                    {"error", instance["error"]}});
  }
  std::vector<std::string> columns{"dag_id", "execution_date", "task_id", "state", "start_date", "end_date"};
  if (any_mapped) columns.insert(columns.begin() + 3, "map_index");
  print_rows(invocation, rows, columns);
  return ok;
}

}  // namespace

Command tasks_states_for_dag_run() {
  return {
      .noun = "tasks",
      .verb = "states-for-dag-run",
      .summary = "the task instances of a run and their states",
      .positionals = {{"dag_id", 'd'}, {.name = "run", .letter = 'r', .required = false}},
      .options = {},
      .examples =
          {"tamis tasks states-for-dag-run iot_sensor_etl latest",
           "tamis tasks states-for-dag-run iot_sensor_etl latest --columns=task_id,map_index,state,error"},
      .notes = "RUN is an id, a logical date, latest (default) or latest:failed.",
      .prints_rows = true,
      .run = run};
}

}  // namespace tamis::cli
