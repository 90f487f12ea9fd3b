#include "core/redis/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/base/error.h"
#include "tests/redis_server.h"

namespace tamis::redis {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using tamis::testing::RedisServer;

class ClientTest : public ::testing::Test {
 protected:
  static RedisServer& server() {
    static RedisServer instance;
    return instance;
  }
  void SetUp() override { client_.run({"FLUSHALL"}); }
  Client client_{{server().url(), "p:"}};
};

TEST_F(ClientTest, RunsACommand) {
  EXPECT_EQ(client_.run({"SET", "a", std::string("x\0y", 3)}).kind, Reply::Kind::status);
  const auto reply = client_.run({"GET", "a"});
  EXPECT_EQ(reply.kind, Reply::Kind::text);
  EXPECT_EQ(reply.text, std::string("x\0y", 3));
  EXPECT_TRUE(client_.run({"GET", "none"}).is_nil());
  EXPECT_EQ(client_.run({"INCR", "n"}).integer, 1);
}

TEST_F(ClientTest, WorksOverAUnixSocketAndInAnotherDatabase) {
  Client other({server().unix_url(2), ""});
  other.run({"SET", "a", "2"});
  EXPECT_TRUE(client_.run({"GET", "a"}).is_nil());
  EXPECT_EQ(other.run({"GET", "a"}).text, "2");
  EXPECT_EQ(other.database(), 2);
}

TEST_F(ClientTest, PutsThePrefixBeforeAKey) {
  EXPECT_EQ(client_.key("celery"), "p:celery");
}

TEST_F(ClientTest, ReturnsErrorsInsideAPipelineAndThrowsThemOtherwise) {
  const std::vector<Command> commands = {{"SET", "a", "1"}, {"LPUSH", "a", "x"}, {"GET", "a"}};
  const auto replies = client_.pipeline(commands);
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_TRUE(replies[1].is_error());
  EXPECT_EQ(replies[2].text, "1");
  try {
    client_.run({"LPUSH", "a", "x"});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("WRONGTYPE"));
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(server().port())));
  }
}

TEST_F(ClientTest, CarriesPipelinesLargerThanTheSocketBuffersBothWays) {
  const std::string big(200'000, 'x');
  std::vector<Command> commands;
  for (int i = 0; i < 100; ++i) commands.push_back({"ECHO", big + std::to_string(i)});
  for (int i = 0; i < 20'000; ++i) commands.push_back({"INCR", "n"});
  const auto replies = client_.pipeline(commands);
  ASSERT_EQ(replies.size(), commands.size());
  EXPECT_EQ(replies[99].text, big + "99");
  EXPECT_EQ(replies.back().integer, 20'000);
}

TEST_F(ClientTest, SendsAScriptWholeOnlyWhenRedisDoesNotKnowIt) {
  const Script script("return {KEYS[1], ARGV[1], 7}");
  EXPECT_EQ(script.sha().size(), 40u);
  client_.run({"SCRIPT", "FLUSH"});
  for (int i = 0; i < 2; ++i) {
    const auto reply = client_.eval(script, {"k"}, {"v"});
    ASSERT_EQ(reply.items.size(), 3u);
    EXPECT_EQ(reply.items[0].text, "k");
    EXPECT_EQ(reply.items[2].integer, 7);
  }
  EXPECT_EQ(client_.run({"SCRIPT", "EXISTS", script.sha()}).items[0].integer, 1);
}

TEST_F(ClientTest, RunsOneScriptManyTimesInOneGo) {
  const Script script(
      "if ARGV[1] == '3' then return redis.error_reply('ERR three') end return redis.call('INCR', KEYS[1])");
  client_.run({"SCRIPT", "FLUSH"});
  std::vector<ScriptCall> calls;
  for (int i = 0; i < 10; ++i) calls.push_back({{"n"}, {std::to_string(i)}});
  const auto replies = client_.eval_each(script, calls);
  ASSERT_EQ(replies.size(), 10u);
  EXPECT_TRUE(replies[3].is_error());
  EXPECT_EQ(client_.run({"GET", "n"}).text, "9");
}

TEST_F(ClientTest, BlocksUntilSomethingComesOrTheTimeIsOver) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(client_.block({"BLPOP", "list"}, 50ms).is_nil());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  std::jthread pusher([&] { client_.run({"LPUSH", "list", "x"}); });
  const auto reply = client_.block({"BLPOP", "list"}, 5s);
  ASSERT_EQ(reply.items.size(), 2u);
  EXPECT_EQ(reply.items[1].text, "x");
}

TEST_F(ClientTest, IsSharedByManyThreadsWithFewConnections) {
  Client::Options options;
  options.max_connections = 3;
  Client shared({server().url(), ""}, options);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) shared.run({"INCR", "n"});
      });
  }
  EXPECT_EQ(shared.run({"GET", "n"}).text, "1600");
}

TEST(Client, SaysWhereRedisIsNotThere) {
  const int port = tamis::testing::free_port();
  Client client({"redis://127.0.0.1:" + std::to_string(port), ""});
  try {
    client.run({"PING"});
    FAIL();
  } catch (const base::TransientError& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(port)));
    EXPECT_THAT(error.what(), HasSubstr("refused"));
  }
}

TEST(Client, EndsWithinItsDeadlineWhenRedisIsSilent) {
  RedisServer server;
  Client::Options options;
  options.command_timeout = 200ms;
  Client client({server.url(), ""}, options);
  client.run({"PING"});
  server.pause();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(client.run({"PING"}), base::TransientError);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  server.resume();
  EXPECT_EQ(client.run({"PING"}).text, "PONG");
}

TEST(Client, GoesOnAfterRedisRestarted) {
  RedisServer server;
  Client client({server.url(), ""});
  client.run({"PING"});
  server.stop();
  EXPECT_THROW(client.run({"PING"}), base::TransientError);
  server.start();
  EXPECT_EQ(client.run({"PING"}, Client::Repeat::no).text, "PONG");
}

TEST(Client, LogsInAndSaysWhenThePasswordIsWrong) {
  RedisServer server({"--requirepass", "right", "--user", "etl", "on", ">word", "~*", "+@all", "&*"});
  const auto at = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(Client({"redis://:right@" + at, ""}).run({"PING"}).text, "PONG");
  EXPECT_EQ(Client({"redis://etl:word@" + at, ""}).run({"PING"}).text, "PONG");
  for (const auto& url : {"redis://:wrong@" + at, "redis://" + at}) {
    try {
      Client({url, ""}).run({"PING"});
      FAIL() << url;
    } catch (const base::UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(at));
      EXPECT_THAT(error.what(), Not(HasSubstr("wrong@")));
    }
  }
}

TEST(Client, CallsAFullRedisTransient) {
  RedisServer server({"--maxmemory", "1mb", "--maxmemory-policy", "noeviction"});
  EXPECT_THROW(
      {
        Client client({server.url(), ""});
        for (int i = 0; i < 100; ++i) client.run({"SET", "k" + std::to_string(i), std::string(100'000, 'x')});
      },
      base::TransientError);
}

}  // namespace
}  // namespace tamis::redis
