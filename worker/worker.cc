#include "worker/worker.h"

#include <cstdio>
#include <random>

#include "core/base/backoff.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/stop.h"
#include "worker/heartbeat.h"
#include "worker/slots.h"

namespace tamis::worker {
namespace {

using std::chrono::seconds;

constexpr base::Backoff retry{std::chrono::milliseconds(100), seconds(5)};
/// How long an idle worker waits before it claims anyway.
constexpr base::Duration longest_wait = seconds(30);

}  // namespace

struct Worker::State {
  State(std::shared_ptr<redis::Client> redis_, Options options_)
      : redis(std::move(redis_)),
        options(std::move(options_)),
        broker(queue::make_redis_broker(
            redis, {options.name, options.queues, options.lease, options.max_losses, std::chrono::hours(1)})),
        results(redis, options.result_expires),
        log(redis),
        roster(redis),
        events(redis, options.name),
        revocations(redis, options.name, [this](const std::string& id) { terminate(id); }),
        slots(options, *broker, results, log, events, revocations, holdings),
        heartbeat(options, *broker, results, roster, events,
                  Settle(*broker, results, events, options.task_events), holdings,
                  [this] { return slots.processed(); }) {}

  void terminate(const std::string& id) {
    if (const auto holding = holdings.find(id)) holding->ask_to_stop(Cause::revoked);
  }

  /// Claims once, and waits when there was nothing.
  void turn(const std::stop_token& stop) {
    const auto free = slots.wait_for_free(stop);
    if (stop.stop_requested() || free == 0) return;
    auto claim = broker->claim(free);
    for (auto& delivery : claim.deliveries) slots.take(std::move(delivery));
    if (claim.deliveries.empty()) broker->wait(std::min(claim.next_eta.value_or(longest_wait), longest_wait));
  }

  /// Throws UserError when Redis refuses us from the first moment; later nothing ends it but `stop`.
  void claim_until(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { broker->wake(); });
    std::minstd_rand random(std::random_device{}());
    bool is_accepted = false;
    for (int failures = 0; !stop.stop_requested();) {
      try {
        if (!is_accepted) check_redis(*redis);
        is_accepted = true;
        turn(stop);
        failures = 0;
      } catch (const base::Error& error) {
        if (!is_accepted && dynamic_cast<const base::UserError*>(&error) != nullptr) throw;
        if (++failures == 1)
          base::log_warn("claiming failed", {{"error", error.what()}, {"effect", "tried again"}});
        base::wait_for(stop, retry.limit(failures) / 2 + retry.jittered(failures, random) / 2);
      }
    }
  }

  bool shut_down() {
    using Clock = std::chrono::steady_clock;
    const auto running = holdings.running();
    base::log_info("worker stopping",
                   {{"running", running}, {"timeout", base::format_duration(options.shutdown_timeout)}});
    slots.close();
    if (slots.wait_until_idle(Clock::now() + options.shutdown_timeout)) return true;
    for (const auto& holding : holdings.all())
      if (holding->ask_to_stop(Cause::shutdown))
        base::log_info("task told to stop", {{"tag", holding->delivery.tag}});
    if (slots.wait_until_idle(Clock::now() + options.stop_grace)) return true;
    for (const auto& holding : holdings.all()) {
      if (holding->is_releasing.exchange(true)) continue;
      base::log_error("task did not stop",
                      {{"tag", holding->delivery.tag}, {"effect", "its message is given back"}});
      try {
        broker->give_back(std::span(&holding->delivery, 1));
      } catch (const base::Error& error) {
        base::log_warn("message not given back",
                       {{"error", error.what()}, {"effect", "it comes back when its lease ends"}});
      }
    }
    return false;
  }

  std::shared_ptr<redis::Client> redis;
  const Options options;
  std::unique_ptr<queue::Broker> broker;
  queue::Results results;
  queue::TaskLog log;
  queue::Roster roster;
  queue::Events events;
  Holdings holdings;
  Revocations revocations;
  Slots slots;
  Heartbeat heartbeat;
};

Worker::Worker(std::shared_ptr<redis::Client> redis, Options options)
    : state_(std::make_unique<State>(std::move(redis), std::move(options))) {}
Worker::~Worker() = default;

bool Worker::run(const std::stop_token& stop) {
  std::string queues;
  for (const auto& queue : state_->options.queues) queues += (queues.empty() ? "" : ",") + queue;
  base::log_info("worker started", {{"name", state_->options.name},
                                    {"queues", queues},
                                    {"concurrency", state_->options.concurrency},
                                    {"redis", state_->redis->address()}});
  state_->claim_until(stop);
  const bool is_clean = state_->shut_down();
  if (!is_clean) state_->roster.leave(state_->options.name);
  base::log_info("worker stopped", {{"processed", state_->slots.processed()}});
  return is_clean;
}

base::Json Worker::health() const {
  const bool is_healthy = state_->heartbeat.is_healthy();
  return {{"status", is_healthy ? "healthy" : "unhealthy"},
          {"name", state_->options.name},
          {"queues", state_->options.queues},
          {"concurrency", state_->options.concurrency},
          {"active", state_->holdings.running()},
          {"processed", state_->slots.processed()},
          {"redis", is_healthy ? "reachable" : "not reachable"}};
}

void check_redis(redis::Client& redis) {
  const auto info = redis.run({"INFO", "server"}).text;
  const auto at = info.find("redis_version:");
  int major = 0, minor = 0;
  if (at == std::string::npos || std::sscanf(info.c_str() + at, "redis_version:%d.%d", &major, &minor) != 2)
    return;
  if (major < 6 || (major == 6 && minor < 2))
    throw base::UserError("Redis at {} is {}.{}: 6.2 or newer is needed (BLMOVE, and RPOP of several)",
                          redis.address(), major, minor);
}

}  // namespace tamis::worker
