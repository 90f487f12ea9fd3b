#include "core/queue/results.h"

#include <array>

#include "core/base/error.h"
#include "core/queue/embedded.h"
#include "core/queue/keys.h"
#include "core/queue/python_json.h"

namespace tamis::queue {
namespace {

using base::Json;

constexpr std::array<std::string_view, 10> names = {"PENDING", "RECEIVED", "STARTED", "SUCCESS",  "FAILURE",
                                                    "RETRY",   "REVOKED",  "IGNORED", "REJECTED", "PROGRESS"};

const redis::Script& store_script() {
  static const redis::Script script(scripts::store_result);
  return script;
}

State state_of(const std::string& name) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<State>(i);
  return State::progress;
}

}  // namespace

std::string_view state_name(State state) {
  return names[static_cast<size_t>(state)];
}
bool is_final(State state) {
  return state == State::success || state == State::failure || state == State::revoked;
}

Results::Results(std::shared_ptr<redis::Client> redis, base::Duration expires)
    : redis_(std::move(redis)), expires_(expires) {}

std::string Results::encode(const TaskResult& result, base::Instant done) {
  Json document = {{"status", state_name(result.state)},
                   {"result", result.result},
                   {"traceback", result.traceback.empty() ? Json() : Json(result.traceback)},
                   {"children", Json::array()},
                   {"date_done", is_final(result.state) ? Json(base::format_isoformat(done)) : Json()}};
  if (result.meta.is_object())
    for (const auto& [name, value] : result.meta.items())
      if (name != "status" && name != "result" && name != "traceback" && name != "date_done" &&
          name != "task_id")
        document[name] = value;
  document["task_id"] = result.id;  // last, as Celery has it
  return python_dumps(document);
}

bool Results::store(const TaskResult& result) {
  const auto key = redis_->key(keys::join(keys::result_prefix, result.id));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expires_).count();
  return redis_->eval(store_script(), {key}, {encode(result, base::now()), std::to_string(seconds), key})
             .integer == 1;
}

std::vector<std::optional<TaskResult>> Results::find(std::span<const std::string> ids) {
  if (ids.empty()) return {};
  redis::Command command{"MGET"};
  for (const auto& id : ids) command.push_back(redis_->key(keys::join(keys::result_prefix, id)));
  const auto reply = redis_->run(command);
  std::vector<std::optional<TaskResult>> found(ids.size());
  for (size_t i = 0; i < ids.size() && i < reply.items.size(); ++i)
    if (!reply.items[i].is_nil()) found[i] = decode(ids[i], reply.items[i].text);
  return found;
}

TaskResult Results::decode(const std::string& id, const std::string& stored) {
  TaskResult result;
  result.id = id;
  try {
    result.meta = python_loads(stored, "the stored result");
  } catch (const base::UserError&) {
    result.meta = stored;
    return result;
  }
  const auto& document = result.meta;
  if (!document.is_object()) return result;
  if (const auto status = document.find("status"); status != document.end() && status->is_string())
    result.state = state_of(status->get<std::string>());
  if (const auto value = document.find("result"); value != document.end()) result.result = *value;
  if (const auto text = document.find("traceback"); text != document.end() && text->is_string())
    result.traceback = *text;
  return result;
}

std::unique_ptr<redis::Subscription> Results::follow(std::function<void(TaskResult)> on_result,
                                                     std::function<void()> on_connected) {
  const auto prefix = redis_->key(keys::result_prefix);
  return std::make_unique<redis::Subscription>(
      redis_->connection(), std::vector<std::string>{}, std::vector<std::string>{prefix + "*"},
      [prefix, call = std::move(on_result)](const std::string& channel, const std::string& payload) {
        call(decode(channel.substr(prefix.size()), payload));
      },
      std::move(on_connected));
}

void Results::forget(std::span<const std::string> ids) {
  if (ids.empty()) return;
  redis::Command command{"UNLINK"};
  for (const auto& id : ids) command.push_back(redis_->key(keys::join(keys::result_prefix, id)));
  redis_->run(command);
}

}  // namespace tamis::queue
