// How many bulk requests may be under way: one more for each round of good answers, half as many when the
// server is overloaded. Used by BulkWriter; not thread-safe.
#pragma once
#include <algorithm>
#include <chrono>

namespace tamis::sinks {

class BulkLimit {
 public:
  using Clock = std::chrono::steady_clock;

  explicit BulkLimit(int max) : max_(std::max(1, max)), limit_(std::min(2, max_)) {}

  int limit() const { return static_cast<int>(limit_); }

  /// A request that took `latency` was carried out.  The server's own figure is too coarse (200 ms steps), so
  /// this is ours.
  void on_success(Clock::duration latency) {
    const double seconds = std::chrono::duration<double>(latency).count();
    best_ = best_ == 0 ? seconds : std::min(best_ * 1.01, seconds);
    // Answers that take many times the best one's time come from a queue: more requests would only lengthen
    // it.
    if (seconds < best_ * 8 + 0.1) limit_ = std::min<double>(max_, limit_ + 1 / limit_);
  }
  /// 429, 503 or a time-out.  Requests that were under way together are one event.
  void on_overload(Clock::time_point sent, Clock::time_point now) {
    if (sent < lowered_) return;
    lowered_ = now;
    limit_ = std::max(1.0, limit_ / 2);
  }

 private:
  const int max_;
  double limit_;
  double best_ = 0;  ///< seconds, aging slowly
  Clock::time_point lowered_{};
};

}  // namespace tamis::sinks
