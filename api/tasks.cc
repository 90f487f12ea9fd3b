// `/dags/{dag_id}/tasks`: the tasks of a DAG's last good version.
#include <algorithm>
#include <array>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/suggest.h"

namespace tamis::api {
namespace {

using base::Json;

Json time_delta(base::Duration duration) {
  return {{"__type", "TimeDelta"},
          {"days", duration.count() / 86'400'000'000},
          {"seconds", duration.count() % 86'400'000'000 / 1'000'000},
          {"microseconds", duration.count() % 1'000'000}};
}

Json task_json(const workflow::Dag& dag, const workflow::TaskSpec& task) {
  Json downstream = Json::array();
  for (const auto& other : dag.tasks)
    if (std::find(other.depends_on.begin(), other.depends_on.end(), task.task_id) != other.depends_on.end())
      downstream.push_back(other.task_id);
  return {{"class_ref", {{"module_path", "tamis.operators"}, {"class_name", task.operator_name}}},
          {"task_id", task.task_id},
          {"owner", dag.owner},
          {"start_date", write_instant(dag.start_date)},
          {"end_date", write_instant(dag.end_date)},
          {"trigger_rule", workflow::trigger_rule_name(task.trigger_rule)},
          {"extra_links", Json::array()},
          {"depends_on_past", false},
          {"is_mapped", task.is_sliced},
          {"wait_for_downstream", false},
          {"retries", task.retries},
          {"queue", task.queue},
          {"pool", task.pool},
          {"pool_slots", task.pool_slots},
          {"execution_timeout", task.execution_timeout ? time_delta(*task.execution_timeout) : Json()},
          {"retry_delay", time_delta(task.retry_delay)},
          {"retry_exponential_backoff", task.retry_exponential_backoff},
          {"priority_weight", task.priority_weight},
          {"weight_rule", "downstream"},
          {"ui_color", "#fff"},
          {"ui_fgcolor", "#000"},
          {"template_fields", Json::array()},
          {"downstream_task_ids", downstream}};
}

http::Answer list(Backend& backend, const Request& request) {
  const auto dag = find_dag(backend, request.at("dag_id")).dag;
  static const std::array<std::string, 1> fields{"task_id"};
  const bool descending = request.order(fields, "task_id").second;
  std::vector<const workflow::TaskSpec*> tasks;
  for (const auto& task : dag.tasks) tasks.push_back(&task);
  if (request.text("order_by"))
    std::sort(tasks.begin(), tasks.end(), [&](auto* a, auto* b) {
      return descending ? b->task_id < a->task_id : a->task_id < b->task_id;
    });
  Json rows = Json::array();
  for (const auto* task : tasks) rows.push_back(task_json(dag, *task));
  return request.json({{"tasks", rows}, {"total_entries", rows.size()}});
}

http::Answer get(Backend& backend, const Request& request) {
  const auto dag = find_dag(backend, request.at("dag_id")).dag;
  if (const auto* task = dag.find(request.at("task_id"))) return request.json(task_json(dag, *task));
  std::vector<std::string> names;
  for (const auto& task : dag.tasks) names.push_back(task.task_id);
  not_found("Task not found", fmt::format("Task with id {} was not found in DAG {}{}", request.at("task_id"),
                                          dag.dag_id, base::did_you_mean(request.at("task_id"), names)));
}

}  // namespace

std::vector<Route> task_routes() {
  return {{"GET", "/api/v1/dags/{dag_id}/tasks", {"order_by"}, list},
          {"GET", "/api/v1/dags/{dag_id}/tasks/{task_id}", {}, get}};
}

}  // namespace tamis::api
