#include <sys/eventfd.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "core/base/backoff.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/stop.h"
#include "core/redis/connection.h"

namespace tamis::redis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr base::Backoff reconnect{std::chrono::milliseconds(100), seconds(5)};
/// A silent connection is asked whether it lives after this time, and given up after twice of it.
constexpr auto silence = seconds(10);

}  // namespace

struct Subscription::State {
  State(const base::RedisConnection& connection, std::vector<std::string> channels_,
        std::vector<std::string> patterns_, OnMessage on_message_, std::function<void()> on_connected_)
      : address(parse_address(connection.url)),
        channels(std::move(channels_)),
        patterns(std::move(patterns_)),
        on_message(std::move(on_message_)),
        on_connected(std::move(on_connected_)),
        wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake < 0) throw base::Error("can't listen to Redis at {}: no file descriptor left", address.text());
    thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~State() {
    thread.request_stop();
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake, &one, sizeof one);
    thread.join();
    close(wake);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run(const std::stop_token& stop) {
    std::minstd_rand random(std::random_device{}());
    for (int failures = 0; !stop.stop_requested();) {
      try {
        Connection connection(address, Clock::now() + seconds(5));
        subscribe(connection);
        failures = 0;
        call([&] {
          if (on_connected) on_connected();
        });
        listen(connection, stop);
      } catch (const base::Error& error) {
        ++failures;
        base::log(failures == 1 ? base::LogLevel::warn : base::LogLevel::debug, "redis subscription lost",
                  {{"error", error.what()}});
        base::wait_for(stop, reconnect.limit(failures) / 2 + reconnect.jittered(failures, random) / 2);
      }
    }
  }

  void subscribe(Connection& connection) {
    std::vector<Command> commands;
    size_t answers = channels.size() + patterns.size();
    const auto add = [&](const char* verb, const std::vector<std::string>& names) {
      if (names.empty()) return;
      Command command{verb};
      command.insert(command.end(), names.begin(), names.end());
      connection.append(command);
    };
    add("SUBSCRIBE", channels);
    add("PSUBSCRIBE", patterns);
    const auto deadline = Clock::now() + seconds(5);
    connection.flush(deadline);
    while (answers > 0) {
      const auto reply = connection.read(deadline);
      if (reply.is_error()) throw_error_reply(address, "SUBSCRIBE", reply.text);
      if (reply.items.empty() || !reply.items[0].text.ends_with("subscribe")) {
        deliver(reply);
        continue;
      }
      --answers;
    }
  }

  void listen(Connection& connection, const std::stop_token& stop) {
    bool asked = false;
    Reply reply;
    while (!stop.stop_requested()) {
      if (connection.poll_reply(reply, wake, Clock::now() + silence)) {
        asked = false;
        deliver(reply);
      } else if (!stop.stop_requested()) {
        if (asked) throw base::TransientError("Redis at {} is silent", address.text());
        asked = true;
        connection.append({"PING"});
        connection.flush(Clock::now() + silence);
      }
    }
  }

  void deliver(const Reply& reply) {
    const auto& items = reply.items;
    if (items.size() == 3 && items[0].text == "message")
      call([&] { on_message(items[1].text, items[2].text); });
    else if (items.size() == 4 && items[0].text == "pmessage")
      call([&] { on_message(items[2].text, items[3].text); });
  }

  /// What a listener throws is its own affair and must not end the thread that others' messages come by.
  template <typename F>
  void call(F&& f) {
    try {
      f();
    } catch (const std::exception& error) {
      base::log_error("redis message refused by its listener", {{"error", error.what()}});
    }
  }

  Address address;
  std::vector<std::string> channels, patterns;
  OnMessage on_message;
  std::function<void()> on_connected;
  int wake;
  std::jthread thread;
};

Subscription::Subscription(base::RedisConnection connection, std::vector<std::string> channels,
                           std::vector<std::string> patterns, OnMessage on_message,
                           std::function<void()> on_connected)
    : state_(std::make_unique<State>(connection, std::move(channels), std::move(patterns),
                                     std::move(on_message), std::move(on_connected))) {}
Subscription::~Subscription() = default;

}  // namespace tamis::redis
