#include "worker/holding.h"

#include <algorithm>

namespace tamis::worker {

std::optional<Running::Clock::time_point> Running::after(const std::optional<double>& seconds) const {
  if (!seconds) return std::nullopt;
  return started + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(std::clamp(*seconds, 0.0, 1e9)));
}

void Holding::begin(Running running) {
  const std::lock_guard lock(mutex_);
  running_ = std::make_shared<const Running>(std::move(running));
}

std::shared_ptr<const Running> Holding::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

bool Holding::ask_to_stop(Cause why) {
  auto expected = Cause::none;
  if (!cause.compare_exchange_strong(expected, why)) return false;
  stop.request_stop();
  return true;
}

HoldingPtr Holdings::add(queue::Delivery delivery) {
  auto holding = std::make_shared<Holding>(std::move(delivery));
  const std::lock_guard lock(mutex_);
  holdings_.push_back(holding);
  return holding;
}

void Holdings::remove(const HoldingPtr& holding) {
  const std::lock_guard lock(mutex_);
  holdings_.remove(holding);
}

std::vector<HoldingPtr> Holdings::all() const {
  const std::lock_guard lock(mutex_);
  return {holdings_.begin(), holdings_.end()};
}

size_t Holdings::running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count_if(holdings_.begin(), holdings_.end(),
                                           [](const auto& h) { return h->running() != nullptr; }));
}

HoldingPtr Holdings::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& holding : holdings_)
    if (const auto running = holding->running(); running != nullptr && running->id == id) return holding;
  return nullptr;
}

}  // namespace tamis::worker
