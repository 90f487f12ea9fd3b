#include "core/queue/producer.h"

#include <map>

#include "core/base/error.h"
#include "core/queue/broadcast.h"
#include "core/queue/keys.h"

namespace tamis::queue {
namespace {

using base::Json;

/// Redis answers nobody else while it takes one command.
constexpr size_t messages_per_command = 200;
/// Revocations are of no more use once the message is gone for sure.
constexpr auto revocations_kept = std::chrono::hours(24 * 7);

}  // namespace

Producer::Producer(std::shared_ptr<redis::Client> redis) : redis_(std::move(redis)) {}

void Producer::send(std::span<const TaskMessage> messages) {
  if (messages.empty()) return;
  std::vector<redis::Command> commands;
  std::map<std::string, redis::Command> lists;
  std::map<std::string, bool> declared;
  for (const auto& message : messages) {
    if (message.queue.empty() || message.queue.find_first_of("\"\\\n\r") != std::string::npos)
      throw base::UserError(
          "\"{}\" can't be a queue's name: it must not be empty nor hold quotes, backslashes or line breaks",
          message.queue);
    if (!std::exchange(declared[message.queue], true)) {
      const auto& queue = message.queue;
      const auto member = queue + std::string(separator) + std::string(separator) + queue;
      commands.push_back({"SADD", redis_->key(keys::join(keys::binding_prefix, queue)), member});
      commands.push_back({"SADD", redis_->key(keys::join(keys::permanent_binding_prefix, queue)), member});
      commands.push_back({"SADD", redis_->key(keys::queues), queue});
    }
    const auto list = redis_->key(list_name(message.queue, message.priority));
    auto& command = lists[list];
    if (command.empty()) command = {"LPUSH", list};
    command.push_back(message.encode());
    if (command.size() >= messages_per_command + 2) commands.push_back(std::exchange(command, {}));
  }
  for (auto& [list, command] : lists)
    if (!command.empty()) commands.push_back(std::move(command));
  for (const auto& reply : redis_->pipeline(commands)) redis_->check(reply, "sending messages");
}

void Producer::revoke(const std::string& id, bool terminate) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(base::now().time_since_epoch()).count();
  const Json body = {{"method", "revoke"},
                     {"arguments", {{"task_id", id}, {"terminate", terminate}, {"signal", "SIGTERM"}}},
                     {"destination", nullptr},
                     {"pattern", nullptr},
                     {"matcher", nullptr}};
  const auto oldest = now - std::chrono::seconds(revocations_kept).count();
  const std::vector<redis::Command> commands = {
      {"ZADD", redis_->key(keys::revoked), std::to_string(now), id},
      {"ZREMRANGEBYSCORE", redis_->key(keys::revoked), "-inf", std::to_string(oldest)},
      {"PUBLISH", broadcast_channel(*redis_, "celery.pidbox"),
       encode_broadcast(body, {{"clock", 1}, {"expires", now + 60}}, "celery.pidbox", "", 2)}};
  for (const auto& reply : redis_->pipeline(commands)) redis_->check(reply, "revoking a task");
}

}  // namespace tamis::queue
