#include "worker/settle.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/queue/python_json.h"

namespace tamis::worker {
namespace {

using base::Json;
using queue::State;

Json exception_document(const std::string& type, const Json& arguments, const std::string& module) {
  return {{"exc_type", type}, {"exc_message", arguments}, {"exc_module", module}};
}

const char* word(const Outcome& outcome) {
  static constexpr const char* words[] = {"succeeded", "failed", "revoked", "given_back", "dropped"};
  return words[outcome.index()];
}

void count(const Outcome& outcome, double seconds) {
  base::counter("tamis_worker_tasks_total", "tasks by how they ended", {{"state", word(outcome)}}).add();
  if (outcome.index() < 2) {
    static auto duration = base::histogram("tamis_worker_task_seconds", "how long tasks ran");
    duration.observe(seconds);
  }
}

}  // namespace

Json document_members(const queue::TaskMessage& message) {
  Json members = Json::object();
  if (!message.group.empty()) members["group_id"] = message.group;
  if (!message.parent_id.empty()) members["parent_id"] = message.parent_id;
  return members;
}

std::optional<queue::TaskResult> result_of(const queue::TaskMessage& message, const Outcome& outcome) {
  queue::TaskResult result;
  result.id = message.id;
  result.meta = document_members(message);
  if (const auto* success = std::get_if<Succeeded>(&outcome)) {
    result.state = State::success;
    result.result = success->result;
  } else if (const auto* failure = std::get_if<Failed>(&outcome)) {
    result.state = State::failure;
    result.result = exception_document(
        failure->type, failure->arguments.is_array() ? failure->arguments : Json::array({failure->message}),
        failure->module);
    result.traceback = failure->type + ": " + failure->message;
  } else if (const auto* revoked = std::get_if<Revoked>(&outcome)) {
    result.state = State::revoked;
    result.result = exception_document("TaskRevokedError", Json::array({revoked->why}), "celery.exceptions");
  } else {
    return std::nullopt;
  }
  return result;
}

void Settle::finish(const HoldingPtr& holding, const queue::TaskMessage& message, const Outcome& outcome,
                    double seconds) {
  const auto& delivery = holding->delivery;
  const auto one = std::span(&delivery, 1);
  if (std::holds_alternative<Dropped>(outcome) || holding->cause == Cause::lease_lost) {
    base::log_warn("task dropped",
                   {{"task", message.task}, {"id", message.id}, {"reason", "its lease was lost"}});
    count(Dropped{}, seconds);
    return;
  }
  holding->is_releasing = true;
  if (std::holds_alternative<GivenBack>(outcome)) {
    broker_.give_back(one);
  } else {
    const bool is_ignored = message.ignore_result.value_or(false) && !std::holds_alternative<Failed>(outcome);
    if (const auto result = result_of(message, outcome); result && !is_ignored) results_.store(*result);
    if (!broker_.settle(one)[0])
      base::log_warn("lease lost", {{"task", message.task},
                                    {"id", message.id},
                                    {"effect", "the task may run again; its result stands"}});
  }
  count(outcome, seconds);
  std::string_view reason;
  if (const auto* failure = std::get_if<Failed>(&outcome)) reason = failure->message;
  if (const auto* revoked = std::get_if<Revoked>(&outcome)) reason = revoked->why;
  base::log(std::holds_alternative<Failed>(outcome) ? base::LogLevel::warn : base::LogLevel::info,
            std::string("task ") + (outcome.index() == 3 ? "given back" : word(outcome)),
            {{"task", message.task},
             {"id", message.id},
             {"took", fmt::format("{:.3f}s", seconds)},
             {"reason", reason}});
  if (!task_events_) return;
  if (const auto* success = std::get_if<Succeeded>(&outcome))
    events_.send(
        "task-succeeded",
        {{"uuid", message.id}, {"result", queue::python_repr(success->result)}, {"runtime", seconds}});
  else if (const auto* failure = std::get_if<Failed>(&outcome))
    events_.send("task-failed",
                 {{"uuid", message.id},
                  {"exception", failure->type + "(" + queue::python_repr(Json(failure->message)) + ")"},
                  {"traceback", failure->type + ": " + failure->message}});
  else if (const auto* revoked = std::get_if<Revoked>(&outcome))
    events_.send("task-revoked", {{"uuid", message.id},
                                  {"terminated", revoked->why == "terminated"},
                                  {"signum", nullptr},
                                  {"expired", revoked->why == "expired"}});
}

}  // namespace tamis::worker
