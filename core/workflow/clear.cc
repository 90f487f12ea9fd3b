#include "core/workflow/clear.h"

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::workflow {

using base::Json;

namespace {

void spread(const std::vector<std::vector<uint32_t>>& edges, std::vector<uint32_t> from,
            std::set<uint32_t>& reached) {
  while (!from.empty()) {
    const uint32_t task = from.back();
    from.pop_back();
    for (const uint32_t next : edges[task])
      if (reached.insert(next).second) from.push_back(next);
  }
}

}  // namespace

Json ClearRequest::json() const {
  Json json = {{"request", "clear"},   {"dag_id", dag_id},           {"run_id", run_id},
               {"task_ids", task_ids}, {"only_failed", only_failed}, {"only_running", only_running},
               {"upstream", upstream}, {"downstream", downstream},   {"reset_run", reset_run}};
  if (map_index) json["map_index"] = *map_index;
  return json;
}

ClearRequest ClearRequest::from_json(const Json& json) {
  try {
    if (json.at("request") != "clear")
      throw base::UserError("\"{}\" is no request", json.value("request", ""));
    ClearRequest request;
    request.dag_id = json.at("dag_id").get<std::string>();
    request.run_id = json.at("run_id").get<std::string>();
    request.task_ids = json.at("task_ids").get<std::vector<std::string>>();
    if (json.contains("map_index")) request.map_index = json["map_index"].get<int>();
    request.only_failed = json.value("only_failed", request.only_failed);
    request.only_running = json.value("only_running", request.only_running);
    request.upstream = json.value("upstream", request.upstream);
    request.downstream = json.value("downstream", request.downstream);
    request.reset_run = json.value("reset_run", request.reset_run);
    return request;
  } catch (const Json::exception& error) {
    throw base::UserError("this is no request to clear: {}", error.what());
  }
}

std::vector<uint32_t> tasks_to_clear(const Dag& dag, const Graph& graph, const ClearRequest& request) {
  std::set<uint32_t> named;
  std::vector<std::string> names;
  for (const auto& task : dag.tasks) names.push_back(task.task_id);
  for (const auto& task_id : request.task_ids) {
    const auto found = std::find(names.begin(), names.end(), task_id);
    if (found == names.end())
      throw base::UserError("the DAG \"{}\" has no task \"{}\" in the version of this run{}", dag.dag_id,
                            task_id, base::did_you_mean(task_id, names));
    named.insert(static_cast<uint32_t>(found - names.begin()));
  }
  if (request.task_ids.empty())
    for (uint32_t i = 0; i < names.size(); ++i) named.insert(i);
  const std::vector<uint32_t> from(named.begin(), named.end());
  if (request.upstream) spread(graph.upstream, from, named);
  if (request.downstream) spread(graph.downstream, from, named);
  return {named.begin(), named.end()};
}

bool is_to_clear(const TaskInstance& instance, const ClearRequest& request) {
  if (request.only_failed && instance.state != TaskState::failed &&
      instance.state != TaskState::upstream_failed)
    return false;
  if (request.only_running && instance.state != TaskState::running) return false;
  if (!request.map_index || instance.map_index == *request.map_index) return true;
  return !request.task_ids.empty() && std::find(request.task_ids.begin(), request.task_ids.end(),
                                                instance.task_id) == request.task_ids.end();
}

std::vector<size_t> instances_to_clear(const Dag& dag, const std::vector<TaskInstance>& instances,
                                       const ClearRequest& request) {
  std::set<std::string> tasks;
  for (const uint32_t task : tasks_to_clear(dag, Graph(dag), request)) tasks.insert(dag.tasks[task].task_id);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < instances.size(); ++i)
    if (tasks.contains(instances[i].task_id) && is_to_clear(instances[i], request)) chosen.push_back(i);
  return chosen;
}

}  // namespace tamis::workflow
