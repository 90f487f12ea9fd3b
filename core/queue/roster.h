// Which workers are alive, what they run, which queues they read; and how full the queues are.  Written by
// workers (heartbeat), read by the api, the cli and the scheduler.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/redis/client.h"

namespace tamis::queue {

struct WorkerInfo {
  std::string name;  ///< `tamis@host-pid`, as Celery's nodename
  std::vector<std::string> queues;
  int concurrency = 0, active = 0;
  int64_t processed = 0;
  base::Instant started{}, last_seen{};
  std::string version, status_address;  ///< host:port of /health and /metrics
};

struct QueueInfo {
  std::string name;
  int64_t depth = 0;  ///< messages waiting
  int64_t held = 0;   ///< messages held by workers
  int consumers = 0;
};

class Roster {
 public:
  explicit Roster(std::shared_ptr<redis::Client> redis);
  void beat(const WorkerInfo& worker, base::Duration lease);
  void leave(const std::string& name);
  std::vector<WorkerInfo> workers();
  std::vector<QueueInfo> queues();

 private:
  std::shared_ptr<redis::Client> redis_;
};

}  // namespace tamis::queue
