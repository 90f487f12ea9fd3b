#include "scheduler/dispatch.h"

#include "tasks/operator.h"

namespace tamis::scheduler {

using base::Json;
using workflow::TaskState;

namespace {

/// A result is kept in the run up to this size: it holds an account, not data.
constexpr size_t max_result_bytes = 64 << 10;

Json bounded(Json result) {
  const auto size = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace).size();
  };
  if (size(result) <= max_result_bytes) return result;
  if (result.is_object() && result.contains("rejects")) {
    result["rejects"] = Json::array();
    result["rejects_dropped"] = true;
    if (size(result) <= max_result_bytes) return result;
  }
  return {{"dropped", "the result is larger than " + std::to_string(max_result_bytes) + " bytes"}};
}

std::string text_in(const Json& json, const char* key) {
  if (!json.is_object()) return "";
  const auto found = json.find(key);
  if (found == json.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  // Celery writes an exception's arguments as a list.
  if (found->is_array() && !found->empty() && found->front().is_string())
    return found->front().get<std::string>();
  return found->is_null() ? "" : found->dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

queue::TaskMessage message_of(const Send& send) {
  const auto& key = send.key;
  const auto number = send.dag->numbers.at(key.task_id);
  const auto& task = send.dag->dag.tasks[number];
  tasks::TaskCall call;
  call.dag_id = key.dag_id;
  call.run_id = key.run_id;
  call.task_id = key.task_id;
  call.dag_version = send.dag->dag.version;
  call.folder = send.dag->dag.folder;
  call.map_index = key.map_index;
  call.try_number = key.try_number;
  call.watermark = send.watermark;
  call.interval = send.interval;
  call.slice = send.slice.is_null() ? nullptr : &send.slice;
  queue::TaskMessage message;
  message.id = key.celery_id();
  message.task = task.celery_task;
  message.root_id = message.id;
  message.queue = task.queue;
  message.retries = key.try_number - 1;
  message.origin = "tamis-scheduler";
  if (const auto args = task.body.find("args");
      args != task.body.end() && args->is_array() && task.operator_name == "celery")
    message.args = *args;
  message.kwargs = tasks::task_kwargs(send.dag->bodies[number], send.dag->bodies_by_id, call);
  if (task.execution_timeout) message.time_limit = static_cast<double>(task.execution_timeout->count()) / 1e6;
  return message;
}

std::optional<Event> event_of(const TaskKey& key, const queue::TaskResult& result) {
  std::string hostname = text_in(result.meta, "worker");
  if (hostname.empty()) hostname = text_in(result.meta, "hostname");
  if (hostname.empty() && result.state == queue::State::started)
    hostname = text_in(result.result, "hostname");
  TaskEnded ended;
  ended.key = key;
  ended.hostname = hostname;
  switch (result.state) {
    case queue::State::started:
      return TaskStarted{key, hostname};
    case queue::State::success:
      ended.result = bounded(result.result);
      return ended;
    case queue::State::failure:
    case queue::State::rejected: {
      ended.outcome = TaskState::failed;
      const auto type = text_in(result.result, "exc_type");
      ended.error = text_in(result.result, "exc_message");
      if (ended.error.empty()) ended.error = type.empty() ? "failed" : type;
      if (const size_t end = ended.error.find('\n'); end != std::string::npos) ended.error.resize(end);
      if (ended.error.size() > 2000) ended.error.resize(2000);
      ended.may_retry = type != "UserError";
      return ended;
    }
    case queue::State::revoked:
      ended.outcome = TaskState::failed;
      ended.error = "revoked";
      return ended;
    case queue::State::ignored:
      ended.outcome = TaskState::skipped;
      return ended;
    default:
      return std::nullopt;
  }
}

}  // namespace tamis::scheduler
