#include "core/queue/task_log.h"

#include "core/queue/keys.h"

namespace tamis::queue {
namespace {

constexpr size_t max_line_bytes = 8192;
constexpr auto max_lines = "5000";
constexpr auto kept_seconds = "604800";  // a week

}  // namespace

TaskLog::TaskLog(std::shared_ptr<redis::Client> redis) : redis_(std::move(redis)) {}

void TaskLog::append(const std::string& id, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const auto key = redis_->key(keys::join(keys::log_prefix, id));
  redis::Command push{"RPUSH", key};
  for (const auto& line : lines)
    push.push_back(line.size() <= max_line_bytes ? line : line.substr(0, max_line_bytes) + "…");
  const std::vector<redis::Command> commands = {
      std::move(push), {"LTRIM", key, std::string("-") + max_lines, "-1"}, {"EXPIRE", key, kept_seconds}};
  for (const auto& reply : redis_->pipeline(commands, redis::Client::Repeat::no))
    redis_->check(reply, "writing a task's log");
}

std::vector<std::string> TaskLog::read(const std::string& id) {
  auto reply = redis_->run({"LRANGE", redis_->key(keys::join(keys::log_prefix, id)), "0", "-1"});
  std::vector<std::string> lines;
  for (auto& item : reply.items) lines.push_back(std::move(item.text));
  return lines;
}

}  // namespace tamis::queue
