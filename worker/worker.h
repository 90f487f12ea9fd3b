// A worker: claims messages when slots are free, runs their tasks, and goes when it is told to.  Made by
// main() and by tests.
#pragma once
#include <memory>
#include <stop_token>

#include "core/base/json.h"
#include "core/redis/client.h"
#include "worker/options.h"

namespace tamis::worker {

class Worker {
 public:
  Worker(std::shared_ptr<redis::Client> redis, Options options);
  ~Worker();

  /// Works until `stop`; then finishes what runs within `shutdown_timeout`, and gives the rest back.  False
  /// when a task didn't stop: then the process must end, as its thread can't.
  bool run(const std::stop_token& stop);
  /// For the status server; thread-safe, doesn't wait.
  base::Json health() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Throws UserError when Redis is too old for us, TransientError when it can't be asked.
void check_redis(redis::Client& redis);

}  // namespace tamis::worker
