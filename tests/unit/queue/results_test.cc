#include "core/queue/results.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "core/queue/producer.h"
#include "core/queue/roster.h"
#include "core/queue/task_log.h"
#include "tests/redis_server.h"

namespace tamis::queue {
namespace {

using base::Json;
using namespace std::chrono_literals;
using tamis::testing::RedisServer;

class OnRedis : public ::testing::Test {
 protected:
  static RedisServer& server() {
    static RedisServer instance;
    return instance;
  }
  void SetUp() override { redis_->run({"FLUSHALL"}); }
  std::shared_ptr<redis::Client> redis_ = server().client("p:");
};

using ResultsTest = OnRedis;
using ProducerTest = OnRedis;
using RosterTest = OnRedis;
using TaskLogTest = OnRedis;

TEST_F(ResultsTest, AreStoredWhereCeleryLooksAndExpire) {
  Results results(redis_, 100s);
  EXPECT_TRUE(results.store({"7", State::success, Json{{"n", 1}}, "", Json{{"parent_id", "6"}}}));
  const auto stored = Json::parse(redis_->run({"GET", "p:celery-task-meta-7"}).text);
  EXPECT_EQ(stored["status"], "SUCCESS");
  EXPECT_EQ(stored["parent_id"], "6");
  EXPECT_TRUE(stored["date_done"].is_string());
  const auto ttl = redis_->run({"TTL", "p:celery-task-meta-7"}).integer;
  EXPECT_GT(ttl, 90);
  EXPECT_LE(ttl, 100);
}

TEST_F(ResultsTest, NeverLeaveAFinalState) {
  Results results(redis_);
  EXPECT_TRUE(results.store({"7", State::started, {}, "", {}}));
  EXPECT_TRUE(results.store({"7", State::retry, {}, "", {}}));
  EXPECT_TRUE(results.store({"7", State::failure, Json{{"exc_type", "UserError"}}, "trace", {}}));
  for (const auto state : {State::started, State::success, State::revoked, State::failure})
    EXPECT_FALSE(results.store({"7", state, "other", "", {}}));
  const std::string ids[] = {"7", "8"};
  const auto found = results.find(ids);
  ASSERT_TRUE(found[0]);
  EXPECT_EQ(found[0]->state, State::failure);
  EXPECT_EQ(found[0]->result["exc_type"], "UserError");
  EXPECT_EQ(found[0]->traceback, "trace");
  EXPECT_FALSE(found[1]);
}

TEST_F(ResultsTest, KnowAFinalStateHoweverItIsWritten) {
  Results results(redis_);
  redis_->run({"SET", "p:celery-task-meta-7",
               R"({"task_id": "7", "result": {"status": "STARTED"}, "status": "SUCCESS"})"});
  EXPECT_FALSE(results.store({"7", State::failure, {}, "", {}}));
  redis_->run({"SET", "p:celery-task-meta-7", "garbage"});
  EXPECT_TRUE(results.store({"7", State::failure, {}, "", {}}));
}

TEST_F(ResultsTest, ReachWhoFollowsThem) {
  Results results(redis_);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<TaskResult> heard;
  bool connected = false;
  const auto subscription = results.follow(
      [&](TaskResult result) {
        const std::lock_guard lock(mutex);
        heard.push_back(std::move(result));
        changed.notify_all();
      },
      [&] {
        const std::lock_guard lock(mutex);
        connected = true;
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return connected; }));
  lock.unlock();
  results.store({"7", State::success, 5, "", {}});
  lock.lock();
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return !heard.empty(); }));
  EXPECT_EQ(heard[0].id, "7");
  EXPECT_EQ(heard[0].result, 5);
}

TEST_F(ResultsTest, AreForgotten) {
  Results results(redis_);
  results.store({"7", State::success, 5, "", {}});
  const std::string ids[] = {"7"};
  results.forget(ids);
  EXPECT_FALSE(results.find(ids)[0]);
}

TEST_F(ProducerTest, PutsMessagesWhereKombuDoes) {
  Producer producer(redis_);
  std::vector<TaskMessage> messages(500);
  for (size_t i = 0; i < messages.size(); ++i) {
    messages[i].id = std::to_string(i);
    messages[i].task = "a";
    messages[i].queue = "etl";
    messages[i].priority = i % 2 == 0 ? 0 : 9;
  }
  producer.send(messages);
  EXPECT_EQ(redis_->run({"LLEN", "p:etl"}).integer, 250);
  EXPECT_EQ(redis_
                ->run({"LLEN",
                       "p:etl\x06\x16"
                       "9"})
                .integer,
            250);
  EXPECT_EQ(TaskMessage::decode(redis_->run({"RPOP", "p:etl"}).text).id, "0");
  EXPECT_EQ(TaskMessage::decode(redis_->run({"LPOP", "p:etl"}).text).id, "498");
  const std::string member =
      "etl\x06\x16\x06\x16"
      "etl";
  EXPECT_EQ(redis_->run({"SISMEMBER", "p:_kombu.binding.etl", member}).integer, 1);
  EXPECT_EQ(redis_->run({"SISMEMBER", "p:_kombu.binding_permanent.etl", member}).integer, 1);
}

TEST_F(RosterTest, ShowsWhoIsAliveAndHowFullTheQueuesAre) {
  Roster roster(redis_);
  WorkerInfo worker;
  worker.name = "tamis@a-1";
  worker.queues = {"etl", "other"};
  worker.concurrency = 4;
  worker.processed = 17;
  worker.started = base::now();
  roster.beat(worker, 10s);
  worker.name = "tamis@b-2";
  worker.queues = {"etl"};
  roster.beat(worker, 1ms);
  redis_->run({"LPUSH", "p:etl", "x", "y"});
  redis_->run({"LPUSH",
               "p:etl\x06\x16"
               "3",
               "z"});
  redis_->run({"HSET", "p:tamis:held", "tag",
               "owner\np:etl\x06\x16"
               "3"});
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (roster.workers().size() > 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  const auto workers = roster.workers();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].name, "tamis@a-1");
  EXPECT_EQ(workers[0].processed, 17);
  EXPECT_GT(workers[0].last_seen, base::Instant{});
  const auto queues = roster.queues();
  ASSERT_EQ(queues.size(), 2u);
  EXPECT_EQ(queues[0].name, "etl");
  EXPECT_EQ(queues[0].depth, 3);
  EXPECT_EQ(queues[0].held, 1);
  EXPECT_EQ(queues[0].consumers, 1);
  roster.leave("tamis@a-1");
  EXPECT_TRUE(roster.workers().empty());
}

TEST_F(TaskLogTest, KeepsTheLastLinesForAWhile) {
  TaskLog log(redis_);
  log.append("7", {"one", "two"});
  log.append("7", {"three", std::string(100'000, 'x')});
  const auto lines = log.read("7");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[2], "three");
  EXPECT_LT(lines[3].size(), 9000u);
  EXPECT_GT(redis_->run({"TTL", "p:tamis:log:7"}).integer, 0);
  log.append("7", std::vector<std::string>(6000, "y"));
  EXPECT_EQ(log.read("7").size(), 5000u);
  EXPECT_TRUE(log.read("8").empty());
}

}  // namespace
}  // namespace tamis::queue
