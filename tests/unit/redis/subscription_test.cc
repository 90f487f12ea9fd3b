#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "core/redis/client.h"
#include "tests/redis_server.h"

namespace tamis::redis {
namespace {

using namespace std::chrono_literals;
using tamis::testing::RedisServer;

/// Collects what a subscription says; waits for it with a deadline.
class Heard {
 public:
  void message(const std::string& channel, const std::string& payload) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(channel + "=" + payload);
    changed_.notify_all();
  }
  void connected() {
    const std::lock_guard lock(mutex_);
    ++connections_;
    changed_.notify_all();
  }
  bool wait_for_message(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s,
                             [&] { return std::count(messages_.begin(), messages_.end(), text) > 0; });
  }
  bool wait_for_connections(int n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return connections_ >= n; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
  int connections_ = 0;
};

TEST(Subscription, HearsChannelsAndPatternsAndReconnects) {
  RedisServer server;
  Client client({server.url(), ""});
  Heard heard;
  Subscription subscription(
      {server.url(), ""}, {"a"}, {"b*"}, [&](const auto& c, const auto& p) { heard.message(c, p); },
      [&] { heard.connected(); });
  ASSERT_TRUE(heard.wait_for_connections(1));
  client.run({"PUBLISH", "a", "1"});
  client.run({"PUBLISH", "b2", "2"});
  EXPECT_TRUE(heard.wait_for_message("a=1"));
  EXPECT_TRUE(heard.wait_for_message("b2=2"));
  server.stop(SIGKILL);
  server.start();
  ASSERT_TRUE(heard.wait_for_connections(2));
  client.run({"PUBLISH", "a", "3"});
  EXPECT_TRUE(heard.wait_for_message("a=3"));
}

TEST(Subscription, SurvivesAListenerThatThrows) {
  RedisServer server;
  Client client({server.url(), ""});
  Heard heard;
  Subscription subscription(
      {server.url(), ""}, {"a"}, {},
      [&](const auto& c, const auto& p) {
        heard.message(c, p);
        throw std::runtime_error("no");
      },
      [&] { heard.connected(); });
  ASSERT_TRUE(heard.wait_for_connections(1));
  client.run({"PUBLISH", "a", "1"});
  client.run({"PUBLISH", "a", "2"});
  EXPECT_TRUE(heard.wait_for_message("a=2"));
}

TEST(Subscription, GoesAtOnceEvenWhenRedisIsNotThere) {
  const auto url = "redis://127.0.0.1:" + std::to_string(tamis::testing::free_port());
  const auto begin = std::chrono::steady_clock::now();
  {
    Subscription subscription({url, ""}, {"a"}, {}, [](const auto&, const auto&) {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

TEST(Subscription, GoesAtOnceWhileItListens) {
  RedisServer server;
  Heard heard;
  auto subscription = std::make_unique<Subscription>(
      base::RedisConnection{server.url(), ""}, std::vector<std::string>{"a"}, std::vector<std::string>{},
      [](const auto&, const auto&) {}, [&] { heard.connected(); });
  ASSERT_TRUE(heard.wait_for_connections(1));
  const auto begin = std::chrono::steady_clock::now();
  subscription.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

}  // namespace
}  // namespace tamis::redis
