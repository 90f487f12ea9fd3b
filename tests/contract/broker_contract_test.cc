// What every Broker must do: a message is always in exactly one place, and only its holder can move it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/queue/broker.h"
#include "core/queue/producer.h"
#include "core/queue/roster.h"
#include "tests/redis_server.h"

namespace tamis::queue {
namespace {

using namespace std::chrono_literals;
using base::Json;
using tamis::testing::RedisServer;
using ::testing::HasSubstr;

/// One kind of broker over one store, which several workers share.
struct World {
  virtual ~World() = default;
  virtual std::unique_ptr<Broker> broker(Broker::Options options) = 0;
  virtual void send(const TaskMessage& message) = 0;
  virtual void push_raw(const std::string& queue, const std::string& text) = 0;
  /// Messages anywhere: waiting, held, postponed or dead.
  virtual int64_t everywhere() = 0;
  virtual int64_t waiting(const std::string& queue) = 0;
  virtual std::vector<DeadLetter> dead(const std::string& queue) = 0;
};

struct RedisWorld : World {
  static RedisServer& server() {
    static RedisServer instance;
    return instance;
  }
  explicit RedisWorld(const std::string& prefix) : redis(server().client(prefix)) {
    redis->run({"FLUSHALL"});
  }
  std::unique_ptr<Broker> broker(Broker::Options options) override {
    return make_redis_broker(redis, std::move(options));
  }
  void send(const TaskMessage& message) override { Producer(redis).send(std::span(&message, 1)); }
  void push_raw(const std::string& queue, const std::string& text) override {
    redis->run({"LPUSH", redis->key(queue), text});
  }
  int64_t waiting(const std::string& queue) override {
    int64_t n = 0;
    for (const int step : priority_steps)
      n += redis->run({"LLEN", redis->key(list_name(queue, step))}).integer;
    return n;
  }
  int64_t everywhere() override {
    int64_t n = waiting("a") + waiting("b");
    n += redis->run({"HLEN", redis->key("unacked")}).integer;
    n += redis->run({"HLEN", redis->key("tamis:eta:messages")}).integer;
    for (const auto* queue : {"a", "b"})
      n += redis->run({"LLEN", redis->key(std::string("tamis:dead:") + queue)}).integer;
    return n;
  }
  std::vector<DeadLetter> dead(const std::string& queue) override { return read_dead_letters(*redis, queue); }
  std::shared_ptr<redis::Client> redis;
};

class BrokerContract : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<World> world_ = std::make_unique<RedisWorld>(GetParam());

  std::unique_ptr<Broker> broker(std::vector<std::string> queues = {"a"}, base::Duration lease = 30s,
                                 int max_losses = 5) {
    return world_->broker({"w", std::move(queues), lease, max_losses, 1h});
  }
  void send(const std::string& id, const std::string& queue = "a", int priority = 0) {
    TaskMessage message;
    message.id = id;
    message.task = "t";
    message.queue = queue;
    message.priority = priority;
    world_->send(message);
  }
  static std::vector<std::string> ids(const Claim& claim) {
    std::vector<std::string> out;
    for (const auto& d : claim.deliveries) out.push_back(TaskMessage::decode(d.envelope).id);
    return out;
  }
  /// Restores until something happened; leases end by Redis's clock.
  static Restored restored(Broker& broker) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    Restored r;
    while (r.given_back == 0 && r.poisonous.empty() && std::chrono::steady_clock::now() < deadline)
      r = broker.restore();
    return r;
  }
};

TEST_P(BrokerContract, ClaimsInOrderAndSettles) {
  auto b = broker();
  for (const auto* id : {"1", "2", "3"}) send(id);
  const auto claim = b->claim(2);
  EXPECT_EQ(ids(claim), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(claim.deliveries[0].queue, "a");
  EXPECT_EQ(world_->everywhere(), 3);
  EXPECT_EQ(b->settle(claim.deliveries), (std::vector<bool>{true, true}));
  EXPECT_EQ(world_->everywhere(), 1);
  EXPECT_EQ(b->settle(claim.deliveries), (std::vector<bool>{false, false}));
  EXPECT_TRUE(broker({"b"})->claim(10).deliveries.empty());
}

TEST_P(BrokerContract, ServesUrgentMessagesOfAllQueuesFirst) {
  auto b = broker({"a", "b"});
  send("late", "a", 9);
  send("mid", "b", 4);
  send("first", "b", 0);
  EXPECT_EQ(ids(b->claim(10)), (std::vector<std::string>{"first", "mid", "late"}));
}

TEST_P(BrokerContract, ServesItsQueuesInTurn) {
  auto b = broker({"a", "b"});
  for (int i = 0; i < 4; ++i) {
    send("a" + std::to_string(i), "a");
    send("b" + std::to_string(i), "b");
  }
  std::string order;
  for (int i = 0; i < 8; ++i) order += ids(b->claim(1)).at(0)[0];
  EXPECT_EQ(order, "abababab");
}

TEST_P(BrokerContract, GivesBackToTheFrontAndMarksIt) {
  auto b = broker();
  send("1");
  send("2");
  const auto claim = b->claim(1);
  EXPECT_FALSE(TaskMessage::decode(claim.deliveries[0].envelope).is_redelivered());
  EXPECT_EQ(b->give_back(claim.deliveries), std::vector<bool>{true});
  const auto again = b->claim(2);
  EXPECT_EQ(ids(again), (std::vector<std::string>{"1", "2"}));
  const auto message = TaskMessage::decode(again.deliveries[0].envelope);
  EXPECT_TRUE(message.is_redelivered());
  EXPECT_EQ(message.properties["delivery_info"]["redelivered"], true);
  EXPECT_EQ(message.properties["delivery_info"]["routing_key"], "a");
  EXPECT_FALSE(TaskMessage::decode(again.deliveries[1].envelope).is_redelivered());
}

TEST_P(BrokerContract, GivesBackWhatADeadWorkerHeldWithItsPriority) {
  auto dead = broker({"a"}, 1ms);
  auto alive = broker();
  send("1", "a", 3);
  const auto lost = dead->claim(1);
  ASSERT_EQ(lost.deliveries.size(), 1u);
  EXPECT_EQ(restored(*alive).given_back, 1);
  send("0", "a", 0);
  const auto claim = alive->claim(10);
  EXPECT_EQ(ids(claim), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(claim.deliveries[1].losses, 1);
  // The dead one wakes up: it can do no harm.
  EXPECT_EQ(dead->renew(lost.deliveries), std::vector<bool>{false});
  EXPECT_EQ(dead->settle(lost.deliveries), std::vector<bool>{false});
  EXPECT_EQ(dead->give_back(lost.deliveries), std::vector<bool>{false});
  EXPECT_FALSE(dead->bury(lost.deliveries[0], "no"));
  EXPECT_EQ(alive->settle(claim.deliveries), (std::vector<bool>{true, true}));
  EXPECT_EQ(world_->everywhere(), 0);
}

TEST_P(BrokerContract, LeavesAloneWhatIsRenewed) {
  auto b = broker({"a"}, 300ms);
  auto other = broker({"a"}, 300ms);
  send("1");
  const auto claim = b->claim(1);
  const auto end = std::chrono::steady_clock::now() + 1s;
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_EQ(b->renew(claim.deliveries), std::vector<bool>{true});
    ASSERT_EQ(other->restore().given_back, 0);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(b->settle(claim.deliveries), std::vector<bool>{true});
}

TEST_P(BrokerContract, HandsOverWhatKilledItsWorkersTooOften) {
  auto b = broker({"a"}, 1ms, 3);
  send("1");
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(b->claim(1).deliveries.size(), 1u) << i;
    EXPECT_EQ(restored(*b).given_back, 1);
  }
  ASSERT_EQ(b->claim(1).deliveries.size(), 1u);
  auto reaper = broker({"a"}, 30s, 3);
  const auto last = restored(*reaper);
  EXPECT_EQ(last.given_back, 0);
  ASSERT_EQ(last.poisonous.size(), 1u);
  EXPECT_EQ(last.poisonous[0].losses, 3);
  EXPECT_EQ(last.poisonous[0].queue, "a");
  EXPECT_TRUE(reaper->bury(last.poisonous[0], "killed three workers"));
  const auto dead = world_->dead("a");
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].reason, "killed three workers");
  EXPECT_EQ(dead[0].id, "1");
  EXPECT_EQ(world_->everywhere(), 1);
}

TEST_P(BrokerContract, BuriesWhatCanNotBeRead) {
  auto b = broker();
  const std::string texts[] = {"not json", "\xff\xfe", "{}", "", R"(say "hi", "a"])"};
  for (const auto& text : texts) world_->push_raw("a", text);
  const auto claim = b->claim(10);
  ASSERT_EQ(claim.deliveries.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(claim.deliveries[i].envelope, texts[i]);
    EXPECT_TRUE(b->bury(claim.deliveries[i], "unreadable"));
  }
  EXPECT_EQ(world_->dead("a").size(), 5u);
  EXPECT_EQ(world_->dead("a")[4].envelope, "not json");
  EXPECT_EQ(world_->everywhere(), 5);
}

TEST_P(BrokerContract, GivesBackUnreadableMessagesUnchanged) {
  auto b = broker();
  world_->push_raw("a", "not \"json\"");
  EXPECT_EQ(b->give_back(b->claim(1).deliveries), std::vector<bool>{true});
  EXPECT_EQ(b->claim(1).deliveries.at(0).envelope, "not \"json\"");
}

TEST_P(BrokerContract, KeepsCopiesOfAMessageApart) {
  auto b = broker();
  TaskMessage message;
  message.id = "1";
  message.task = "t";
  const auto envelope = message.encode();
  world_->push_raw("a", envelope);
  world_->push_raw("a", envelope);
  const auto claim = b->claim(2);
  ASSERT_EQ(claim.deliveries.size(), 2u);
  EXPECT_NE(claim.deliveries[0].tag, claim.deliveries[1].tag);
  EXPECT_EQ(b->settle(std::span(claim.deliveries).first(1)), std::vector<bool>{true});
  EXPECT_EQ(world_->everywhere(), 1);
  EXPECT_EQ(b->settle(std::span(claim.deliveries).last(1)), std::vector<bool>{true});
}

TEST_P(BrokerContract, LaysMessagesAsideUntilTheirEta) {
  auto b = broker();
  send("later");
  send("soon");
  const auto claim = b->claim(2);
  EXPECT_TRUE(b->postpone(claim.deliveries[0], base::now() + 1h));
  EXPECT_TRUE(b->postpone(claim.deliveries[1], base::now() + 200ms));
  EXPECT_EQ(world_->everywhere(), 2);
  const auto none = b->claim(10);
  EXPECT_TRUE(none.deliveries.empty());
  ASSERT_TRUE(none.next_eta);
  EXPECT_LE(*none.next_eta, 200ms);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  Claim due;
  while (due.deliveries.empty() && std::chrono::steady_clock::now() < deadline) due = b->claim(10);
  EXPECT_EQ(ids(due), std::vector<std::string>{"soon"});
  EXPECT_GT(due.next_eta.value(), 59min);
}

TEST_P(BrokerContract, RestoresDueMessagesWhenNobodyClaims) {
  auto b = broker();
  send("1");
  EXPECT_TRUE(b->postpone(b->claim(1).deliveries[0], base::now() - 1s));
  b->restore();
  EXPECT_EQ(world_->waiting("a"), 1);
}

TEST_P(BrokerContract, WakesWhoWaitsAtOnce) {
  auto b = broker({"a", "b"});
  EXPECT_FALSE(b->wait(20ms));
  for (const auto& [queue, priority] : {std::pair{"a", 0}, {"b", 0}, {"b", 9}}) {
    std::jthread sender([&] { send("1", queue, priority); });
    const auto begin = std::chrono::steady_clock::now();
    while (!b->wait(5s) && std::chrono::steady_clock::now() - begin < 10s) {
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
    sender.join();
    const auto claim = b->claim(10);
    EXPECT_EQ(claim.deliveries.size(), 1u);
    b->settle(claim.deliveries);
  }
}

TEST_P(BrokerContract, StopsWaitingWhenWoken) {
  auto b = broker();
  b->wake();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(b->wait(30s));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_P(BrokerContract, LosesAndDoublesNothingUnderManyHands) {
  constexpr int messages = 2000;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (int i = 0; i < messages; ++i) send(std::to_string(i), i % 2 == 0 ? "a" : "b", i % 10);
  std::mutex mutex;
  std::multiset<std::string> settled;
  {
    std::vector<std::jthread> workers;
    for (unsigned t = 0; t < 4; ++t)
      workers.emplace_back([&, t] {
        std::minstd_rand random(seed + t);
        auto b = broker({"a", "b"});
        for (;;) {
          const auto claim = b->claim(1 + random() % 20);
          if (claim.deliveries.empty()) break;
          for (const auto& d : claim.deliveries) {
            if (random() % 5 == 0) {
              EXPECT_TRUE(b->give_back(std::span(&d, 1))[0]);
            } else if (b->settle(std::span(&d, 1))[0]) {
              const std::lock_guard lock(mutex);
              settled.insert(TaskMessage::id_of(d.envelope));
            } else {
              ADD_FAILURE() << "lost a fresh lease";
            }
          }
        }
      });
  }
  auto b = broker({"a", "b"});
  for (const auto& d : b->claim(messages).deliveries)
    settled.insert(TaskMessage::id_of(d.envelope)), b->settle(std::span(&d, 1));
  EXPECT_EQ(settled.size(), static_cast<size_t>(messages));
  EXPECT_EQ(std::set(settled.begin(), settled.end()).size(), static_cast<size_t>(messages));
  EXPECT_EQ(world_->everywhere(), 0);
}

TEST_P(BrokerContract, RefusesQueueNamesThatRedisKeysCanNotCarry) {
  EXPECT_THROW(broker({"a\"b"}), base::UserError);
  EXPECT_THROW(broker({""}), base::UserError);
}

INSTANTIATE_TEST_SUITE_P(Redis, BrokerContract, ::testing::Values("", "pfx:"));

/// What only Redis has: Celery's workers beside ours.
TEST(RedisBroker, HoldsMessagesWhereCeleryLooks) {
  RedisWorld world("");
  auto b = world.broker({"w", {"a"}, 30s, 5, 1h});
  TaskMessage message;
  message.id = "1";
  message.task = "t";
  message.queue = "a";
  world.send(message);
  const auto claim = b->claim(1);
  const auto& tag = claim.deliveries.at(0).tag;
  const auto triple = Json::parse(world.redis->run({"HGET", "unacked", tag}).text);
  EXPECT_EQ(triple[0]["headers"]["id"], "1");
  EXPECT_EQ(triple[0]["properties"]["delivery_tag"], tag);
  EXPECT_EQ(triple[1], "");
  EXPECT_EQ(triple[2], "a");
  EXPECT_NEAR(std::stod(world.redis->run({"ZSCORE", "unacked_index", tag}).text),
              static_cast<double>(time(nullptr)), 5);
  const auto queues = Roster(world.redis).queues();
  ASSERT_EQ(queues.size(), 1u);
  EXPECT_EQ(queues[0].held, 1);
}

TEST(RedisBroker, GivesBackWhatADeadCeleryWorkerHeld) {
  RedisWorld world("");
  auto b = world.broker({"w", {"a"}, 30s, 5, 1h});
  TaskMessage message;
  message.id = "1";
  message.task = "t";
  message.queue = "a";
  message.priority = 6;
  message.properties = {
      {"delivery_tag", "tag"}, {"delivery_info", {{"exchange", ""}, {"routing_key", "a"}}}, {"priority", 6}};
  world.redis->run({"HSET", "unacked", "tag", "[" + message.encode() + ", \"\", \"a\"]"});
  world.redis->run({"ZADD", "unacked_index", std::to_string(time(nullptr) - 60), "tag"});
  EXPECT_EQ(b->restore().given_back, 0);
  world.redis->run({"ZADD", "unacked_index", std::to_string(time(nullptr) - 4000), "tag"});
  EXPECT_EQ(b->restore().given_back, 1);
  EXPECT_EQ(world.redis
                ->run({"LLEN",
                       "a\x06\x16"
                       "6"})
                .integer,
            1);
  EXPECT_EQ(world.redis->run({"HLEN", "unacked"}).integer, 0);
}

TEST(RedisBroker, NoticesThatACeleryWorkerGaveItsMessageBack) {
  RedisWorld world("");
  auto b = world.broker({"w", {"a"}, 30s, 5, 1h});
  TaskMessage message;
  message.id = "1";
  message.task = "t";
  message.queue = "a";
  world.send(message);
  const auto claim = b->claim(1);
  world.redis->run({"HDEL", "unacked", claim.deliveries[0].tag});
  world.redis->run({"ZREM", "unacked_index", claim.deliveries[0].tag});
  EXPECT_EQ(b->renew(claim.deliveries), std::vector<bool>{false});
  EXPECT_EQ(b->settle(claim.deliveries), std::vector<bool>{false});
  EXPECT_EQ(world.redis->run({"HLEN", "tamis:held"}).integer, 0);
}

}  // namespace
}  // namespace tamis::queue
