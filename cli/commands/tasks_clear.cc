#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <regex>

#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/runs.h"
#include "core/base/suggest.h"

namespace tamis::cli {
namespace {

using base::Json;

/// The tasks that `text` names: ids with commas between them, or else a regular expression that is looked for
/// in every id, as Airflow does.
Json chosen_tasks(Invocation& invocation, const std::string& dag_id, const std::string& text) {
  std::vector<std::string> all;
  const Json answer = invocation.api().get(api_path("dags", dag_id, "tasks"));
  for (const auto& task : answer.at("tasks")) all.push_back(task.value("task_id", ""));
  Json named = Json::array();
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const auto id = text.substr(at, comma - at);
    if (std::find(all.begin(), all.end(), id) != all.end())
      named.push_back(id);
    else
      break;
    at = comma + 1;
    if (at > text.size()) return named;
  }
  named = Json::array();
  try {
    const std::regex pattern(text);
    for (const auto& id : all)
      if (std::regex_search(id, pattern)) named.push_back(id);
  } catch (const std::regex_error& error) {
    throw base::UserError("--task_regex: \"{}\" is no task and no regular expression: {}", text,
                          error.what());
  }
  if (named.empty())
    throw base::NotFound("the DAG \"{}\" has no task like \"{}\"{}", dag_id, text,
                         base::did_you_mean(text, all));
  return named;
}

bool is_confirmed(Invocation& invocation, size_t count) {
  if (invocation.has("yes")) return true;
  if (isatty(STDIN_FILENO) != 1)
    throw base::UserError("nobody can be asked here: give -y to clear without a question, or --dry_run");
  invocation.out << fmt::format("Clear {} task instance{}? [y/n] ", count, count == 1 ? "" : "s")
                 << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id");
  const auto run_id = find_run(api, dag_id, invocation.text("dag_run", "latest")).value("dag_run_id", "");
  Json body = {{"dag_run_id", run_id},
               {"only_failed", invocation.has("only_failed")},
               {"only_running", invocation.has("only_running")},
               {"include_upstream", invocation.has("upstream")},
               {"include_downstream", !invocation.has("no_downstream")},
               {"reset_dag_runs", true},
               {"dry_run", true}};
  if (invocation.has("task_regex"))
    body["task_ids"] = chosen_tasks(invocation, dag_id, invocation.text("task_regex"));
  if (invocation.has("map_index")) {
    if (!body.contains("task_ids")) throw base::UserError("--map_index needs -t: the task whose slice it is");
    body["map_index"] = invocation.integer("map_index", -1, 0, 1'000'000'000);
  }
  const auto path = api_path("dags", dag_id, "clearTaskInstances");
  const Json rows = api.post(path, body).at("task_instances");
  const bool is_dry = invocation.has("dry_run");
  if (rows.empty() && !invocation.has("output")) {
    invocation.out << "nothing to clear in " << run_id << "\n";
    return ok;
  }
  print_rows(invocation, rows, {"task_id", "map_index", "state", "try_number", "dag_run_id"});
  if (is_dry || rows.empty()) return ok;
  if (!is_confirmed(invocation, rows.size())) {
    invocation.err << "nothing was cleared\n";
    return failed;
  }
  body["dry_run"] = false;
  const auto cleared = api.post(path, body).at("task_instances").size();
  if (!invocation.has("output"))
    invocation.out << fmt::format("cleared {} task instance{} of {}\n", cleared, cleared == 1 ? "" : "s",
                                  run_id);
  return ok;
}

}  // namespace

Command tasks_clear() {
  return {
      .noun = "tasks",
      .verb = "clear",
      .summary = "set task instances of a run back, so that they run again",
      .positionals = {{"dag_id"}},
      .options =
          {{"dag_run", 'r', "RUN", "an id, a logical date, latest (default) or latest:failed", {}},
           {"task_regex", 't', "TASKS", "task ids with commas, or a regular expression (default all)", {}},
           {"map_index", 0, "N", "only this slice of the tasks of -t", {}},
           {"only_failed", 'f', "", "only those failed or upstream_failed", {}},
           {"only_running", 0, "", "only those running", {}},
           {"upstream", 'u', "", "what the tasks stand on too", {}},
           {"downstream", 'd', "", "what stands on them too (so it is unless --no_downstream)", {}},
           {"no_downstream", 0, "", "only the tasks themselves", {}},
           {"yes", 'y', "", "don't ask", {}},
           {"dry_run", 0, "", "only show what would be cleared", {}}},
      .examples = {"tamis tasks clear iot_sensor_etl -r latest -y",
                   "tamis tasks clear iot_sensor_etl -r latest:failed -f -y",
                   "tamis tasks clear iot_sensor_etl -t clean --map-index=3 --dry-run"},
      .notes =
          "Slices are read again exactly as before, so that nothing changes in the sinks unless a failed "
          "part is now done.  What is running is stopped and begins again.  When the command returns the "
          "scheduler has taken it: `tamis dags wait` waits for the new end.",
      .prints_rows = true,
      .run = run};
}

}  // namespace tamis::cli
