#include "core/workflow/run.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace tamis::workflow {

using base::Instant;
using base::Json;

namespace {

constexpr std::array run_states{"queued", "running", "success", "failed"};
constexpr std::array task_states{
    "none",     "scheduled", "queued",          "running",      "success",
    "failed",   "skipped",   "upstream_failed", "up_for_retry", "up_for_reschedule",
    "deferred", "removed",   "restarting"};

void put(Json& json, const char* key, const std::optional<Instant>& instant) {
  if (instant) json[key] = base::format_rfc3339(*instant);
}

std::optional<Instant> instant_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? base::parse_rfc3339(found->get<std::string>())
                                                   : std::nullopt;
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json member(const Json& json, const char* key, Json fallback) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? fallback : *found;
}

bool one_of(TaskState state, std::initializer_list<TaskState> states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

std::string_view state_name(RunState state) {
  return run_states[static_cast<size_t>(state)];
}
std::string_view state_name(TaskState state) {
  return task_states[static_cast<size_t>(state)];
}

std::optional<RunState> parse_run_state(std::string_view text) {
  for (size_t i = 0; i < run_states.size(); ++i)
    if (run_states[i] == text) return static_cast<RunState>(i);
  return std::nullopt;
}

std::optional<TaskState> parse_task_state(std::string_view text) {
  for (size_t i = 0; i < task_states.size(); ++i)
    if (task_states[i] == text) return static_cast<TaskState>(i);
  return std::nullopt;
}

bool is_final(RunState state) {
  return state == RunState::success || state == RunState::failed;
}

bool is_final(TaskState state) {
  using enum TaskState;
  return one_of(state, {success, failed, skipped, upstream_failed, removed});
}

bool is_legal(RunState from, RunState to) {
  if (from == RunState::queued) return to == RunState::running || to == RunState::failed;
  if (from == RunState::running) return is_final(to);
  return to == RunState::queued;
}

bool is_legal(TaskState from, TaskState to) {
  using enum TaskState;
  switch (from) {
    // Queued straight away when there is room: scheduled is passed through in the same step.
    case none:
      return one_of(to, {scheduled, queued, success, skipped, upstream_failed, removed});
    // A sliced task is planned by the scheduler itself, so it may run, and fail, without having been sent.
    case scheduled:
      return one_of(to, {queued, running, skipped, upstream_failed, failed, removed, none});
    case queued:
      return one_of(to, {running, success, failed, skipped, up_for_retry, removed, none});
    case running:
      return one_of(
          to, {success, failed, skipped, up_for_retry, up_for_reschedule, deferred, restarting, removed});
    case up_for_retry:
    case up_for_reschedule:
    case deferred:
      return one_of(to, {scheduled, queued, failed, skipped, upstream_failed, removed, none});
    case restarting:
      return one_of(to, {none, scheduled, queued, failed, skipped, up_for_retry});
    case success:
    case failed:
    case skipped:
    case upstream_failed:
    case removed:
      return to == none;
  }
  return false;
}

std::string task_name(std::string_view task_id, int map_index) {
  return map_index < 0 ? std::string(task_id) : std::string(task_id) + "[" + std::to_string(map_index) + "]";
}

std::string TaskInstance::name() const {
  return task_name(task_id, map_index);
}

std::string TaskInstance::prefix(TaskState state, int try_number) {
  const std::string name = state == TaskState::none ? "null" : "\"" + std::string(state_name(state)) + "\"";
  return "{\"state\":" + name + ",\"try_number\":" + std::to_string(try_number) + ",";
}

Json TaskInstance::json() const {
  Json json = {{"state", state == TaskState::none ? Json(nullptr) : Json(state_name(state))},
               {"try_number", try_number},
               {"task_id", task_id},
               {"map_index", map_index},
               {"max_tries", max_tries}};
  if (!celery_id.empty()) json["celery_id"] = celery_id;
  put(json, "queued_at", queued_at);
  put(json, "start_date", start_date);
  put(json, "end_date", end_date);
  put(json, "next_try_at", next_try_at);
  if (!hostname.empty()) json["hostname"] = hostname;
  if (!slice.is_null()) json["slice"] = slice;
  if (!result.is_null()) json["result"] = result;
  if (!error.empty()) json["error"] = error;
  if (!note.empty()) json["note"] = note;
  return json;
}

TaskInstance TaskInstance::from_json(const Json& json) {
  TaskInstance task;
  task.state = parse_task_state(text_at(json, "state")).value_or(TaskState::none);
  task.try_number = json.value("try_number", 0);
  task.task_id = text_at(json, "task_id");
  task.map_index = json.value("map_index", -1);
  task.max_tries = json.value("max_tries", 0);
  task.celery_id = text_at(json, "celery_id");
  task.queued_at = instant_at(json, "queued_at");
  task.start_date = instant_at(json, "start_date");
  task.end_date = instant_at(json, "end_date");
  task.next_try_at = instant_at(json, "next_try_at");
  task.hostname = text_at(json, "hostname");
  task.slice = member(json, "slice", nullptr);
  task.result = member(json, "result", nullptr);
  task.error = text_at(json, "error");
  task.note = text_at(json, "note");
  return task;
}

Json DagRun::json() const {
  Json json = {{"dag_id", dag_id},
               {"run_id", run_id},
               {"dag_version", dag_version},
               {"run_type", run_type},
               {"state", state_name(state)},
               {"logical_date", base::format_rfc3339(logical_date)},
               {"data_interval_start", base::format_rfc3339(data_interval.begin)},
               {"data_interval_end", base::format_rfc3339(data_interval.end)},
               {"queued_at", base::format_rfc3339(queued_at)}};
  put(json, "start_date", start_date);
  put(json, "end_date", end_date);
  json["conf"] = conf;
  json["plans"] = plans;
  if (!note.empty()) json["note"] = note;
  Json list = Json::array();
  for (const auto& task : tasks) list.push_back(task.json());
  json["tasks"] = list;
  return json;
}

DagRun DagRun::from_json(const Json& json) {
  DagRun run;
  run.dag_id = text_at(json, "dag_id");
  run.run_id = text_at(json, "run_id");
  run.dag_version = text_at(json, "dag_version");
  run.run_type = text_at(json, "run_type");
  run.state = parse_run_state(text_at(json, "state")).value_or(RunState::queued);
  run.logical_date = instant_at(json, "logical_date").value_or(Instant{});
  run.data_interval.begin = instant_at(json, "data_interval_start").value_or(run.logical_date);
  run.data_interval.end = instant_at(json, "data_interval_end").value_or(run.logical_date);
  run.queued_at = instant_at(json, "queued_at").value_or(Instant{});
  run.start_date = instant_at(json, "start_date");
  run.end_date = instant_at(json, "end_date");
  run.conf = member(json, "conf", Json::object());
  run.plans = member(json, "plans", Json::object());
  run.note = text_at(json, "note");
  for (const auto& task : member(json, "tasks", Json::array()))
    run.tasks.push_back(TaskInstance::from_json(task));
  return run;
}

}  // namespace tamis::workflow
