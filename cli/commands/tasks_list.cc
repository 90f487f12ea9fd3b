#include <algorithm>

#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {
namespace {

using base::Json;

void print_tree(const Json& tasks, const std::string& task_id, const std::string& indent, std::ostream& out,
                size_t depth = 0) {
  out << indent << "<Task: " << task_id << ">\n";
  if (depth > 200) return;
  for (const auto& task : tasks)
    if (task["task_id"] == task_id)
      for (const auto& next : task["downstream_task_ids"])
        print_tree(tasks, next.get<std::string>(), indent + "    ", out, depth + 1);
}

int run(Invocation& invocation) {
  const auto tasks = invocation.api().get(api_path("dags", invocation.text("dag_id"), "tasks")).at("tasks");
  if (invocation.has("tree")) {
    for (const auto& task : tasks) {
      const bool is_root = std::none_of(tasks.begin(), tasks.end(), [&](const Json& other) {
        const auto& next = other["downstream_task_ids"];
        return std::find(next.begin(), next.end(), task["task_id"]) != next.end();
      });
      if (is_root) print_tree(tasks, task["task_id"].get<std::string>(), "", invocation.out);
    }
  } else if (invocation.has("output") || invocation.has("columns")) {
    Json rows = Json::array();
    for (const auto& task : tasks)
      rows.push_back({{"task_id", task["task_id"]},
                      {"operator", task["class_ref"]["class_name"]},
                      {"trigger_rule", task["trigger_rule"]},
                      {"queue", task["queue"]},
                      {"retries", task["retries"]},
                      {"is_mapped", task["is_mapped"]},
                      {"downstream_task_ids", task["downstream_task_ids"]}});
    print_rows(invocation, rows);
  } else {
    std::vector<std::string> names;
    for (const auto& task : tasks) names.push_back(task["task_id"].get<std::string>());
    std::sort(names.begin(), names.end());
    for (const auto& name : names) invocation.out << name << "\n";
  }
  return ok;
}

}  // namespace

Command tasks_list() {
  return {.noun = "tasks",
          .verb = "list",
          .summary = "the tasks of a DAG",
          .positionals = {{"dag_id", 'd'}},
          .options = {{"tree", 't', "", "as a tree, downstream to the right", {}}},
          .examples = {"tamis tasks list iot_sensor_etl", "tamis tasks list iot_sensor_etl --tree"},
          .notes = "",
          .prints_rows = true,
          .run = run};
}

}  // namespace tamis::cli
