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

/// What is known of a task once it runs.
struct Running {
  using Clock = std::chrono::steady_clock;
  std::string id, task;
  std::optional<double> soft_limit, hard_limit;  ///< seconds, as the message says
  std::shared_ptr<TaskLines> lines;
  Clock::time_point started = Clock::now();

  std::optional<Clock::time_point> soft_deadline() const { return after(soft_limit); }
  std::optional<Clock::time_point> hard_deadline() const { return after(hard_limit); }

 private:
  std::optional<Clock::time_point> after(const std::optional<double>& seconds) const;
};

class Holding {
 public:
  explicit Holding(queue::Delivery held) : delivery(std::move(held)) {}

  const queue::Delivery delivery;
  std::stop_source stop;
  std::atomic<Cause> cause = Cause::none;
  std::atomic<bool> is_releasing = false;  ///< being settled: its lease may vanish rightly

  /// Tells the task to stop, for the first cause given.
  bool ask_to_stop(Cause why);
  void begin(Running running);
  /// Null before it runs.
  std::shared_ptr<const Running> running() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Running> running_;
};

using HoldingPtr = std::shared_ptr<Holding>;

class Holdings {
 public:
  HoldingPtr add(queue::Delivery delivery);
  void remove(const HoldingPtr& holding);
  std::vector<HoldingPtr> all() const;
  size_t running() const;
  /// The one that runs the task of this id, or null.
  HoldingPtr find(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::list<HoldingPtr> holdings_;
};

}  // namespace tamis::worker
