#include "worker/holding.h"

#include <algorithm>

namespace tamis::worker {

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
  return static_cast<size_t>(
      std::count_if(holdings_.begin(), holdings_.end(), [](const auto& h) { return h->is_running; }));
}

void Holdings::begin(const HoldingPtr& holding, std::string id, std::string task, std::optional<double> soft,
                     std::optional<double> hard, std::shared_ptr<TaskLines> lines) {
  const auto now = Holding::Clock::now();
  const auto after = [&](double seconds) {
    return now + std::chrono::duration_cast<Holding::Clock::duration>(
                     std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e9)));
  };
  const std::lock_guard lock(mutex_);
  holding->id = std::move(id);
  holding->task = std::move(task);
  holding->is_running = true;
  holding->started = now;
  holding->soft_limit = soft;
  holding->hard_limit = hard;
  if (soft) holding->soft_deadline = after(*soft);
  if (hard) holding->hard_deadline = after(*hard);
  holding->lines = std::move(lines);
}

HoldingPtr Holdings::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& holding : holdings_)
    if (holding->is_running && holding->id == id) return holding;
  return nullptr;
}

}  // namespace tamis::worker
