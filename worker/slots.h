// The threads that run tasks: each takes one message through its whole way, from envelope to settlement.  Fed
// by Worker.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/queue/results.h"
#include "core/queue/task_log.h"
#include "worker/holding.h"
#include "worker/options.h"
#include "worker/revocations.h"
#include "worker/settle.h"

namespace tamis::worker {

class Slots {
 public:
  Slots(const Options& options, queue::Broker& broker, queue::Results& results, queue::TaskLog& log,
        queue::Events& events, Revocations& revocations, Holdings& holdings);
  ~Slots();

  /// Waits until a slot is free or a stop is asked for; how many are free.
  size_t wait_for_free(const std::stop_token& stop);
  void take(queue::Delivery delivery);
  /// No more work: what waits for a slot is given back.  Tasks that run go on.
  void close();
  /// Waits until nothing runs; false when it still does at `deadline`.
  bool wait_until_idle(std::chrono::steady_clock::time_point deadline);
  int64_t processed() const { return processed_; }

 private:
  void work();
  void run(const HoldingPtr& holding);
  /// Whether the message needs no running: settled before, revoked, expired, not due, unknown.
  bool is_settled_without_running(const HoldingPtr& holding, const queue::TaskMessage& message);
  void run_task(const HoldingPtr& holding, const queue::TaskMessage& message, const tasks::TaskKind& kind);
  /// Calls `step` until Redis takes it; gives up when the lease must be lost by then.
  template <typename Step>
  bool persist(const HoldingPtr& holding, Step&& step);

  const Options& options_;
  queue::Broker& broker_;
  queue::Results& results_;
  queue::TaskLog& log_;
  queue::Events& events_;
  Revocations& revocations_;
  Holdings& holdings_;
  Settle settle_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<HoldingPtr> waiting_;
  size_t busy_ = 0;
  bool is_closed_ = false;
  std::atomic<int64_t> processed_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace tamis::worker
