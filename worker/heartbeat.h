// What a worker does beside its tasks, on a thread of its own: renews leases, stops tasks that passed a limit
// or lost their lease, shows itself in the roster and to Celery's monitors, and gives back what dead workers
// held.
#pragma once
#include <functional>
#include <thread>

#include "core/queue/roster.h"
#include "worker/holding.h"
#include "worker/options.h"
#include "worker/settle.h"

namespace tamis::worker {

class Heartbeat {
 public:
  Heartbeat(const Options& options, queue::Broker& broker, queue::Results& results, queue::Roster& roster,
            queue::Events& events, Settle settle, Holdings& holdings, std::function<int64_t()> processed);
  ~Heartbeat();
  /// Whether Redis answered within the last lease.
  bool is_healthy() const;

 private:
  using Clock = std::chrono::steady_clock;
  void run(const std::stop_token& stop);
  void renew();
  void check_limits();
  void end_process_under(const HoldingPtr& holding, const Running& running);
  void show();
  void restore();
  base::Json event_fields() const;
  /// Calls `step`; a Redis that is away is logged once and tried again at the next turn.
  template <typename Step>
  bool attempt(const char* what, Step&& step);

  const Options& options_;
  queue::Broker& broker_;
  queue::Results& results_;
  queue::Roster& roster_;
  queue::Events& events_;
  Settle settle_;
  Holdings& holdings_;
  std::function<int64_t()> processed_;
  queue::WorkerInfo info_;
  bool is_away_ = false;
  std::atomic<Clock::time_point> last_answer_ = Clock::now();
  Clock::time_point last_renewal_ = Clock::now();
  std::jthread thread_;
};

}  // namespace tamis::worker
