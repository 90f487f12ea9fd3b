#include "worker/heartbeat.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/stop.h"
#include "core/queue/reaper.h"

namespace tamis::worker {
namespace {

using base::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A worker that is silent for this long counts as dead.
constexpr auto roster_lease = seconds(15);
constexpr auto roster_interval = seconds(6);
/// Celery's monitors expect this one.
constexpr double event_seconds = 2.0;

}  // namespace

Heartbeat::Heartbeat(const Options& options, queue::Broker& broker, queue::Results& results,
                     queue::Roster& roster, queue::Events& events, Settle settle, Holdings& holdings,
                     std::function<int64_t()> processed)
    : options_(options),
      broker_(broker),
      results_(results),
      roster_(roster),
      events_(events),
      settle_(settle),
      holdings_(holdings),
      processed_(std::move(processed)) {
  info_.name = options.name;
  info_.queues = options.queues;
  info_.concurrency = options.concurrency;
  info_.started = base::now();
  info_.version = TAMIS_VERSION;
  info_.status_address = options.status_address;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Heartbeat::~Heartbeat() {
  thread_.request_stop();
  thread_.join();
  attempt("leaving", [&] {
    events_.send("worker-offline", event_fields());
    roster_.leave(options_.name);
  });
}

bool Heartbeat::is_healthy() const {
  return Clock::now() - last_answer_.load() < std::max<base::Duration>(options_.lease, seconds(15));
}

template <typename Step>
bool Heartbeat::attempt(const char* what, Step&& step) {
  try {
    step();
    if (std::exchange(is_away_, false)) base::log_info("redis is back");
    last_answer_ = Clock::now();
    return true;
  } catch (const base::Error& error) {
    if (!std::exchange(is_away_, true))
      base::log_warn("redis is away", {{"doing", what}, {"error", error.what()}});
    return false;
  }
}

Json Heartbeat::event_fields() const {
  double load[3] = {};
  getloadavg(load, 3);
  return {{"freq", event_seconds},     {"active", holdings_.running()},
          {"processed", processed_()}, {"loadavg", {load[0], load[1], load[2]}},
          {"sw_ident", "tamis"},       {"sw_ver", TAMIS_VERSION},
          {"sw_sys", "Linux"}};
}

void Heartbeat::run(const std::stop_token& stop) {
  const base::Duration renewal = options_.lease / 3;
  const base::Duration restoring = std::min<base::Duration>(seconds(7), renewal);
  auto renew_at = Clock::now() + renewal, restore_at = Clock::now(), show_at = Clock::now(),
       event_at = Clock::now(), lines_at = Clock::now();
  attempt("going online", [&] { events_.send("worker-online", event_fields()); });
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    check_limits();
    if (now >= renew_at) {
      renew();
      renew_at = now + renewal;
    }
    if (now >= show_at) {
      show();
      show_at = now + roster_interval;
    }
    if (now >= event_at) {
      events_.send("worker-heartbeat", event_fields());
      event_at = now + milliseconds(static_cast<int>(event_seconds * 1000));
    }
    if (now >= restore_at) {
      restore();
      restore_at = now + restoring;
    }
    const bool is_busy = holdings_.running() > 0;
    if (now >= lines_at && is_busy) {
      for (const auto& holding : holdings_.all())
        if (const auto running = holding->running(); running != nullptr) running->lines->flush();
      lines_at = now + seconds(1);
    }
    auto next = std::min({renew_at, show_at, event_at, restore_at});
    // Limits are watched this closely.
    if (is_busy) next = std::min(next, now + milliseconds(100));
    base::wait_for(stop, std::chrono::duration_cast<base::Duration>(
                             std::max(next - Clock::now(), Clock::duration(milliseconds(1)))));
  }
}

void Heartbeat::renew() {
  const auto holdings = holdings_.all();
  std::vector<queue::Delivery> deliveries;
  for (const auto& holding : holdings) deliveries.push_back(holding->delivery);
  std::vector<bool> kept;
  if (attempt("renewing leases", [&] { kept = broker_.renew(deliveries); })) {
    last_renewal_ = Clock::now();
  } else if (Clock::now() - last_renewal_ > options_.lease) {
    kept.assign(holdings.size(), false);
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] || holdings[i]->is_releasing || !holdings[i]->ask_to_stop(Cause::lease_lost)) continue;
    static auto lost = base::counter("tamis_worker_leases_lost_total",
                                     "messages that others may have while a task here ran");
    lost.add();
    base::log_warn("lease lost", {{"tag", holdings[i]->delivery.tag}});
  }
}

void Heartbeat::check_limits() {
  const auto now = Clock::now();
  for (const auto& holding : holdings_.all()) {
    const auto running = holding->running();
    if (running == nullptr || holding->is_releasing) continue;
    const auto soft = running->soft_deadline(), hard = running->hard_deadline();
    if (soft && now >= *soft && holding->ask_to_stop(Cause::soft_limit))
      base::log_warn("soft time limit passed", {{"task", running->task}, {"id", running->id}});
    if (!hard || now < *hard) continue;
    if (holding->ask_to_stop(Cause::hard_limit))
      base::log_warn("time limit passed", {{"task", running->task}, {"id", running->id}});
    if (now >= *hard + options_.stop_grace) end_process_under(holding, *running);
  }
}

void Heartbeat::end_process_under(const HoldingPtr& holding, const Running& running) {
  if (holding->is_releasing.exchange(true)) return;
  base::log_error("task ignored its time limit",
                  {{"task", running.task},
                   {"id", running.id},
                   {"limit", fmt::format("{}s", *running.hard_limit)},
                   {"effect", "the worker ends; what else it held is given back"}});
  attempt("settling a task that does not stop", [&] {
    const auto message = queue::TaskMessage::decode(holding->delivery.envelope);
    settle_.finish(holding, message, time_limit_exceeded(*running.hard_limit),
                   std::chrono::duration<double>(Clock::now() - running.started).count());
    for (const auto& other : holdings_.all())
      if (!other->is_releasing.exchange(true)) broker_.give_back(std::span(&other->delivery, 1));
    roster_.leave(options_.name);
  });
  options_.end_process(70);
}

void Heartbeat::show() {
  info_.active = static_cast<int>(holdings_.running());
  info_.processed = processed_();
  static auto active = base::gauge("tamis_worker_active_tasks", "tasks that run now");
  active.set(info_.active);
  attempt("showing itself", [&] { roster_.beat(info_, roster_lease); });
}

void Heartbeat::restore() {
  attempt("giving back what dead workers held", [&] { queue::reap(broker_, results_); });
}

}  // namespace tamis::worker
