// Clearing: task instances of a run are set back so that they run again.  The api shows what is meant, asks
// the leading scheduler and answers when it was done.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <thread>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/workflow/clear.h"

namespace tamis::api {
namespace {

using base::Json;
using workflow::ClearRequest;

bool flag(const Json& body, const char* key, bool fallback) {
  if (!body.contains(key) || body[key].is_null()) return fallback;
  if (!body[key].is_boolean())
    bad_request(fmt::format("{} is not of type 'boolean' - '{}'", body[key].dump().substr(0, 100), key));
  return body[key].get<bool>();
}

/// What the body of clearTaskInstances asks for.
ClearRequest wanted_clear(const Json& body, const std::string& dag_id) {
  ClearRequest wanted;
  wanted.dag_id = dag_id;
  for (const char* key : {"start_date", "end_date"})
    if (body.contains(key) && !body[key].is_null())
      bad_request(fmt::format("'{}' is not taken: name one run with 'dag_run_id'", key));
  for (const char* key : {"include_future", "include_past"})
    if (flag(body, key, false))
      bad_request(fmt::format("'{}' is not taken: clear each run by its 'dag_run_id'", key));
  flag(body, "include_subdags", false);  // There are none.
  flag(body, "include_parentdag", false);
  if (!body.contains("dag_run_id") || !body["dag_run_id"].is_string())
    bad_request("'dag_run_id' is required: the id of the run whose task instances are cleared");
  wanted.run_id = body["dag_run_id"].get<std::string>();
  if (body.contains("task_ids") && !body["task_ids"].is_null()) {
    const auto& ids = body["task_ids"];
    if (!ids.is_array() || ids.empty() ||
        !std::all_of(ids.begin(), ids.end(), [](const Json& id) { return id.is_string(); }))
      bad_request("'task_ids' must be a list of at least one task id; without it all tasks are meant");
    wanted.task_ids = ids.get<std::vector<std::string>>();
  }
  if (body.contains("map_index") && !body["map_index"].is_null()) {
    const auto& index = body["map_index"];
    if (!index.is_number_integer() || index.get<int64_t>() < -1 || index.get<int64_t>() > 1'000'000'000)
      bad_request("'map_index' must be the number of a slice");
    wanted.map_index = index.get<int>();
  }
  wanted.only_failed = flag(body, "only_failed", true);
  wanted.only_running = flag(body, "only_running", false);
  if (wanted.only_failed && wanted.only_running)
    bad_request("only_failed and only_running both are set to True");
  wanted.upstream = flag(body, "include_upstream", false);
  wanted.downstream = flag(body, "include_downstream", false);
  wanted.reset_run = flag(body, "reset_dag_runs", false);
  return wanted;
}

/// The instances that would be cleared now; `map_index`, `state` and `try_number` beside what Airflow tells.
Json meant(Backend& backend, const workflow::DagRun& run, const ClearRequest& wanted) {
  const auto dag = backend.store->dag_version(run.dag_id, run.dag_version);
  if (!dag)
    throw Problem(
        409, "Conflict",
        fmt::format("the version of \"{}\" that the run \"{}\" began with is lost", run.dag_id, run.run_id));
  Json rows = Json::array();
  std::vector<size_t> chosen;
  try {
    chosen = workflow::instances_to_clear(*dag, run.tasks, wanted);
  } catch (const base::UserError& error) {
    not_found("Task not found", error.what());
  }
  for (const size_t i : chosen) {
    const auto& instance = run.tasks[i];
    rows.push_back(
        {{"task_id", instance.task_id},
         {"dag_id", run.dag_id},
         {"dag_run_id", run.run_id},
         {"execution_date", write_instant(run.logical_date)},
         {"map_index", instance.map_index},
         {"state",
          instance.state == workflow::TaskState::none ? Json() : Json(workflow::state_name(instance.state))},
         {"try_number", instance.try_number}});
  }
  return rows;
}

/// Waits until the leading scheduler has done it; takes the request back when it doesn't.
void ask_leader(Backend& backend, const ClearRequest& wanted) {
  const auto id = backend.store->ask(wanted.json());
  const auto deadline = std::chrono::steady_clock::now() + backend.leader_patience;
  auto pause = std::chrono::milliseconds(2);
  std::optional<Json> answer;
  while (!(answer = backend.store->answer_of(id))) {
    if (std::chrono::steady_clock::now() > deadline) {
      if (backend.store->withdraw(id))
        throw Problem(503, "Service Unavailable",
                      fmt::format("no scheduler took the request within {}; nothing was changed. Is one "
                                  "running?",
                                  base::format_duration(backend.leader_patience)));
      // It was taken in this very moment.
      answer = backend.store->answer_of(id);
      break;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(100));
  }
  if (answer && answer->contains("error"))
    throw Problem(409, "Conflict", (*answer)["error"].get<std::string>());
}

workflow::DagRun run_of(Backend& backend, const std::string& dag_id, const std::string& run_id) {
  find_dag(backend, dag_id);
  if (auto run = backend.store->run(dag_id, run_id)) return std::move(*run);
  not_found("DAGRun not found",
            fmt::format("DAGRun with DAG ID: '{}' and DagRun ID: '{}' not found", dag_id, run_id));
}

http::Answer clear_task_instances(Backend& backend, const Request& request) {
  static const std::array<std::string, 15> keys{
      "dry_run",          "task_ids",           "dag_run_id",      "start_date",        "end_date",
      "only_failed",      "only_running",       "include_subdags", "include_parentdag", "reset_dag_runs",
      "include_upstream", "include_downstream", "include_future",  "include_past",      "map_index"};
  const Json body = request.object(keys);
  const auto wanted = wanted_clear(body, request.at("dag_id"));
  const auto run = run_of(backend, wanted.dag_id, wanted.run_id);
  Json rows = meant(backend, run, wanted);
  if (!flag(body, "dry_run", true) && !rows.empty()) ask_leader(backend, wanted);
  return request.json({{"task_instances", std::move(rows)}});
}

http::Answer clear_run(Backend& backend, const Request& request) {
  static const std::array<std::string, 1> keys{"dry_run"};
  const Json body = request.object(keys);
  ClearRequest wanted;
  wanted.dag_id = request.at("dag_id");
  wanted.run_id = request.at("dag_run_id");
  const auto run = run_of(backend, wanted.dag_id, wanted.run_id);
  Json rows = meant(backend, run, wanted);
  if (flag(body, "dry_run", true)) return request.json({{"task_instances", std::move(rows)}});
  if (!rows.empty()) ask_leader(backend, wanted);
  return request.json(dag_run_json(run_of(backend, wanted.dag_id, wanted.run_id)));
}

}  // namespace

std::vector<Route> clear_routes() {
  return {{"POST", "/api/v1/dags/{dag_id}/clearTaskInstances", {}, clear_task_instances},
          {"POST", "/api/v1/dags/{dag_id}/dagRuns/{dag_run_id}/clear", {}, clear_run}};
}

}  // namespace tamis::api
