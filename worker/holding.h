// The messages that this worker holds, from claim to settlement.  Written by slots, read by the heartbeat,
// which renews their leases and stops what must stop.
#pragma once
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/queue/broker.h"
#include "worker/task_lines.h"

namespace tamis::worker {

/// Why a task was told to stop: decides what becomes of its message.
enum class Cause { none, shutdown, lease_lost, revoked, soft_limit, hard_limit };

struct Holding {
  explicit Holding(queue::Delivery held) : delivery(std::move(held)) {}

  using Clock = std::chrono::steady_clock;
  const queue::Delivery delivery;
  std::stop_source stop;
  std::atomic<Cause> cause = Cause::none;
  std::atomic<bool> is_releasing = false;  ///< being settled: its lease may vanish rightly

  // Set by its slot when the task begins, under Holdings' mutex.
  std::string id, task;
  bool is_running = false;
  Clock::time_point started;
  std::optional<Clock::time_point> soft_deadline, hard_deadline;
  std::optional<double> soft_limit, hard_limit;
  std::optional<Clock::time_point> stop_asked;  ///< when a stop was asked for that must be obeyed
  std::shared_ptr<TaskLines> lines;

  /// Tells the task to stop, for the first cause given.
  bool ask_to_stop(Cause why);
};

using HoldingPtr = std::shared_ptr<Holding>;

class Holdings {
 public:
  HoldingPtr add(queue::Delivery delivery);
  void remove(const HoldingPtr& holding);
  std::vector<HoldingPtr> all() const;
  size_t running() const;
  /// Notes what runs; `soft` and `hard` are the message's limits in seconds.
  void begin(const HoldingPtr& holding, std::string id, std::string task, std::optional<double> soft,
             std::optional<double> hard, std::shared_ptr<TaskLines> lines);
  /// The one that runs the task of this id, or null.
  HoldingPtr find(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::list<HoldingPtr> holdings_;
};

}  // namespace tamis::worker
