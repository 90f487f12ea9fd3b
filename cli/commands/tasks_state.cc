#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/runs.h"

namespace tamis::cli {
namespace {

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id"), task_id = invocation.text("task_id");
  const auto run_id = find_run(api, dag_id, invocation.text("run", "latest")).value("dag_run_id", "");
  const auto index = invocation.integer("map_index", -1, -1, 1'000'000'000);
  const auto path = api_path("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id) +
                    (index < 0 ? "" : fmt::format("/{}", index));
  const auto instance = api.get(path);
  if (invocation.has("output")) {
    print_object(invocation, instance);
    return ok;
  }
  const auto& state = instance.at("state");
  invocation.out << (state.is_null() ? "None" : state.get<std::string>()) << "\n";
  return ok;
}

}  // namespace

Command tasks_state() {
  return {
      .noun = "tasks",
      .verb = "state",
      .summary = "the state of a task instance",
      .positionals = {{"dag_id", 'd'}, {"task_id", 't'}, {.name = "run", .letter = 'r', .required = false}},
      .options = {{"map_index", 0, "N", "of a slice", {}}},
      .examples = {"tamis tasks state iot_sensor_etl aggregate latest",
                   "tamis tasks state iot_sensor_etl clean latest --map-index=0"},
      .notes = "With -o everything that is known about it is printed: its error, its slice, its account.",
      .prints_rows = true,
      .run = run};
}

}  // namespace tamis::cli
