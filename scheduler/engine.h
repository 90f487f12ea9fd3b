// The scheduler as it runs: one thread that leads or stands by, takes in what happened, decides, and acts.
// Made by main().
#pragma once
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/connections.h"
#include "core/base/json_fwd.h"
#include "core/redis/client.h"
#include "scheduler/decide.h"

namespace tamis::scheduler {

struct EngineOptions {
  std::string dags;  ///< the folder of DAG files
  std::string name;  ///< of this scheduler, distinct from every other's
  base::Duration leader_lease =
      std::chrono::seconds(6);                    ///< a dead leader is replaced within this and a third more
  base::Duration poll = std::chrono::seconds(5);  ///< how often results are asked for that no message told
  size_t keep_runs = 1000;                        ///< runs kept per DAG
  size_t planner_threads = 8;
  Limits limits;
};

class Engine {
 public:
  Engine(EngineOptions options, base::Connections connections, std::shared_ptr<redis::Client> client);
  ~Engine();
  /// Returns when `stop` is asked for; the lease is given back then.
  void run(const std::stop_token& stop);
  /// For `/health`; thread-safe, doesn't block.
  base::Json health() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::scheduler
