#include "core/queue/roster.h"

#include <algorithm>
#include <map>

#include "core/base/json.h"
#include "core/queue/keys.h"
#include "core/queue/message.h"

namespace tamis::queue {
namespace {

using base::Json;

int64_t milliseconds(base::Instant instant) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(instant.time_since_epoch()).count();
}

base::Instant instant(const Json& json, const char* name) {
  const auto text = json.value(name, std::string());
  return base::parse_rfc3339(text).value_or(base::Instant{});
}

std::optional<WorkerInfo> read_worker(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    WorkerInfo worker;
    worker.name = json.at("name");
    worker.queues = json.at("queues").get<std::vector<std::string>>();
    worker.concurrency = json.value("concurrency", 0);
    worker.active = json.value("active", 0);
    worker.processed = json.value("processed", int64_t{0});
    worker.started = instant(json, "started");
    worker.last_seen = instant(json, "last_seen");
    worker.version = json.value("version", "");
    worker.status_address = json.value("status_address", "");
    return worker;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

Roster::Roster(std::shared_ptr<redis::Client> redis) : redis_(std::move(redis)) {}

void Roster::beat(const WorkerInfo& worker, base::Duration lease) {
  const auto now = base::now();
  const Json json = {{"name", worker.name},
                     {"queues", worker.queues},
                     {"concurrency", worker.concurrency},
                     {"active", worker.active},
                     {"processed", worker.processed},
                     {"started", base::format_rfc3339(worker.started)},
                     {"last_seen", base::format_rfc3339(now)},
                     {"version", worker.version},
                     {"status_address", worker.status_address}};
  const auto lease_ms = std::chrono::duration_cast<std::chrono::milliseconds>(lease).count();
  const std::vector<redis::Command> commands = {
      {"SET", redis_->key(keys::join(keys::worker_prefix, worker.name)),
       json.dump(-1, ' ', false, Json::error_handler_t::replace), "PX",
       std::to_string(std::max<int64_t>(lease_ms, 1))},
      {"ZADD", redis_->key(keys::workers), std::to_string(milliseconds(now)), worker.name}};
  for (const auto& reply : redis_->pipeline(commands)) redis_->check(reply, "the worker's heartbeat");
}

void Roster::leave(const std::string& name) {
  const std::vector<redis::Command> commands = {{"DEL", redis_->key(keys::join(keys::worker_prefix, name))},
                                                {"ZREM", redis_->key(keys::workers), name}};
  for (const auto& reply : redis_->pipeline(commands)) redis_->check(reply, "the worker's leaving");
}

std::vector<WorkerInfo> Roster::workers() {
  const auto names = redis_->run({"ZRANGE", redis_->key(keys::workers), "0", "-1"});
  if (names.items.empty()) return {};
  redis::Command command{"MGET"};
  for (const auto& name : names.items)
    command.push_back(redis_->key(keys::join(keys::worker_prefix, name.text)));
  const auto found = redis_->run(command);
  std::vector<WorkerInfo> workers;
  redis::Command gone{"ZREM", redis_->key(keys::workers)};
  for (size_t i = 0; i < found.items.size(); ++i) {
    if (found.items[i].is_nil())
      gone.push_back(names.items[i].text);
    else if (auto worker = read_worker(found.items[i].text))
      workers.push_back(std::move(*worker));
  }
  if (gone.size() > 2) redis_->run(gone);
  std::sort(workers.begin(), workers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return workers;
}

std::vector<QueueInfo> Roster::queues() {
  std::map<std::string, QueueInfo> queues;
  const auto at = [&](const std::string& name) -> QueueInfo& {
    auto& queue = queues[name];
    queue.name = name;
    return queue;
  };
  const auto prefix = redis_->key("");
  const std::vector<redis::Command> known = {{"SMEMBERS", redis_->key(keys::queues)},
                                             {"HVALS", redis_->key(keys::held)}};
  const auto replies = redis_->pipeline(known);
  for (const auto& reply : replies) redis_->check(reply, "listing queues");
  for (const auto& name : replies[0].items) at(name.text);
  for (const auto& holding : replies[1].items) {
    auto list = std::string_view(holding.text).substr(holding.text.find('\n') + 1);
    if (list.starts_with(prefix)) list.remove_prefix(prefix.size());
    ++at(std::string(queue_of(list))).held;
  }
  for (const auto& worker : workers())
    for (const auto& name : worker.queues) ++at(name).consumers;
  std::vector<redis::Command> lengths;
  for (const auto& [name, queue] : queues)
    for (const int step : priority_steps) lengths.push_back({"LLEN", redis_->key(list_name(name, step))});
  const auto depths = redis_->pipeline(lengths);
  std::vector<QueueInfo> out;
  size_t i = 0;
  for (auto& [name, queue] : queues) {
    for (size_t step = 0; step < std::size(priority_steps); ++step) queue.depth += depths[i++].integer;
    out.push_back(queue);
  }
  return out;
}

}  // namespace tamis::queue
