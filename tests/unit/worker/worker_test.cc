#include "worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/stop.h"
#include "core/queue/broker.h"
#include "core/queue/producer.h"
#include "core/queue/results.h"
#include "core/queue/roster.h"
#include "core/queue/task_log.h"
#include "tests/redis_server.h"

namespace tamis::worker {
namespace {

using namespace std::chrono_literals;
using base::Json;
using queue::State;
using queue::TaskMessage;
using tamis::testing::RedisServer;
using ::testing::HasSubstr;

/// A gate that tasks of a test wait at; opened by the test, with a deadline.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void arrive() {
    const std::lock_guard lock(mutex_);
    ++arrived_;
    changed_.notify_all();
  }
  bool wait_for_arrivals(int n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return arrived_ >= n; });
  }
  bool pass(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, stop, 20s, [&] { return is_open_; });
  }
  /// As tasks that don't look at their token.
  void pass_stubbornly() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20s, [&] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_open_ = false;
  int arrived_ = 0;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    add("test.echo", [](const Json& args, const Json& kwargs, const tasks::Context& context) -> Json {
      context.log("said " + args.dump());
      return {{"args", args}, {"kwargs", kwargs}};
    });
    add("test.wrong", [](const Json&, const Json&, const tasks::Context&) -> Json {
      throw base::UserError("no such topic");
    });
    add("test.busy", [](const Json&, const Json&, const tasks::Context&) -> Json {
      throw base::TransientError("come again");
    });
    add("test.bug",
        [](const Json&, const Json&, const tasks::Context&) -> Json { throw std::logic_error("oops"); });
    add("test.odd", [](const Json&, const Json&, const tasks::Context&) -> Json { throw 7; });
    add("test.large",
        [](const Json&, const Json&, const tasks::Context&) -> Json { return std::string(100'000, 'x'); });
    add("test.wait", [this](const Json&, const Json&, const tasks::Context& context) -> Json {
      gate_.arrive();
      if (!gate_.pass(context.stop)) throw base::TransientError("stopped");
      return "through";
    });
    add("test.stubborn", [this](const Json&, const Json&, const tasks::Context&) -> Json {
      gate_.arrive();
      gate_.pass_stubbornly();
      return "at last";
    });
    options_.name = "tamis@test";
    options_.queues = {"q"};
    options_.max_result_bytes = 10'000;
    options_.find_task = [this](std::string_view name) -> const tasks::TaskKind* {
      for (const auto& kind : kinds_)
        if (kind.name == name) return &kind;
      return nullptr;
    };
    options_.end_process = [this](int status) { ended_ = status; };
  }
  ~WorkerTest() override {
    gate_.open();
    stop_worker();
  }

  void add(std::string name, decltype(tasks::TaskKind::run) run) {
    kinds_.push_back({std::move(name), "", std::move(run)});
  }

  void start_worker() {
    worker_ = std::make_unique<Worker>(redis_, options_);
    thread_ = std::jthread([this](const std::stop_token& stop) { was_clean_ = worker_->run(stop); });
  }
  void stop_worker() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    gate_.open();
    worker_.reset();
  }

  TaskMessage message(const std::string& task, Json args = Json::array()) {
    TaskMessage m;
    m.id = base::random_uuid();
    m.task = task;
    m.args = std::move(args);
    m.queue = "q";
    return m;
  }
  std::string send(const TaskMessage& m) {
    queue::Producer(redis_).send(std::span(&m, 1));
    return m.id;
  }
  std::string send(const std::string& task) { return send(message(task)); }

  template <typename Condition>
  static bool until(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return true;
      std::this_thread::sleep_for(2ms);
    }
    return false;
  }
  queue::TaskResult result(const std::string& id) {
    const std::string ids[] = {id};
    std::optional<queue::TaskResult> found;
    until([&] {
      found = queue::Results(redis_).find(ids)[0];
      return found && is_final(found->state);
    });
    return found.value_or(queue::TaskResult{});
  }
  int64_t held() { return redis_->run({"HLEN", "unacked"}).integer; }
  int64_t waiting() { return redis_->run({"LLEN", "q"}).integer; }
  bool all_settled() {
    return until([&] {
      return held() == 0 && waiting() == 0 && redis_->run({"ZCARD", "tamis:leases"}).integer == 0;
    });
  }

  RedisServer server_;
  std::shared_ptr<redis::Client> redis_ = server_.client();
  Gate gate_;
  std::vector<tasks::TaskKind> kinds_;
  Options options_;
  std::unique_ptr<Worker> worker_;
  std::jthread thread_;
  std::atomic<bool> was_clean_ = false;
  std::atomic<int> ended_ = 0;
};

TEST_F(WorkerTest, RunsATaskAndStoresWhatItReturns) {
  start_worker();
  auto m = message("test.echo", {1, "zwei"});
  m.kwargs = {{"a", nullptr}};
  m.parent_id = "parent";
  const auto r = result(send(m));
  EXPECT_EQ(r.state, State::success);
  EXPECT_EQ(r.result, Json::parse(R"({"args": [1, "zwei"], "kwargs": {"a": null}})"));
  EXPECT_EQ(r.meta["parent_id"], "parent");
  EXPECT_TRUE(all_settled());
  const auto lines = queue::TaskLog(redis_).read(m.id);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("said [1,\"zwei\"]"));
}

TEST_F(WorkerTest, SaysWhileATaskRunsWhoRunsIt) {
  start_worker();
  const std::string ids[] = {send("test.wait")};
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  const auto r = queue::Results(redis_).find(ids)[0];
  ASSERT_TRUE(r);
  EXPECT_EQ(r->state, State::started);
  EXPECT_EQ(r->result["hostname"], "tamis@test");
  EXPECT_EQ(held(), 1);
  gate_.open();
  EXPECT_EQ(result(ids[0]).result, "through");
}

TEST_F(WorkerTest, StoresFailuresSoThatCeleryCanRaiseThem) {
  start_worker();
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"test.wrong", "UserError", "no such topic"},
      {"test.busy", "TransientError", "come again"},
      {"test.bug", "InternalError", "oops"},
      {"test.odd", "InternalError", "no error"},
      {"test.large", "UserError", "100002 bytes"}};
  for (const auto& [task, type, text] : cases) {
    const auto r = result(send(task));
    EXPECT_EQ(r.state, State::failure) << task;
    EXPECT_EQ(r.result["exc_type"], type) << task;
    EXPECT_THAT(r.result["exc_message"][0].get<std::string>(), HasSubstr(text));
    EXPECT_THAT(r.traceback, HasSubstr(text));
  }
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, FailsATaskThatItDoesNotKnow) {
  start_worker();
  const auto r = result(send("test.nowhere"));
  EXPECT_EQ(r.state, State::failure);
  EXPECT_EQ(
      r.result,
      Json::parse(
          R"({"exc_type": "NotRegistered", "exc_message": ["test.nowhere"], "exc_module": "celery.exceptions"})"));
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, BuriesWhatItCanNotReadAndGoesOn) {
  start_worker();
  for (const auto* text : {"not json", "", "[1]", "{\"body\": 7}"}) redis_->run({"LPUSH", "q", text});
  auto envelope = Json::parse(message("test.echo").encode());
  envelope["headers"]["id"] = "known";
  envelope["content-type"] = "application/x-python-serialize";
  redis_->run({"LPUSH", "q", envelope.dump()});
  EXPECT_EQ(result(send("test.echo")).state, State::success);
  EXPECT_TRUE(until([&] { return queue::read_dead_letters(*redis_, "q").size() == 5; }));
  EXPECT_EQ(result("known").result["exc_type"], "DecodeError");
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, OnlyAcknowledgesWhatIsDoneAlready) {
  auto m = message("test.echo");
  queue::Results(redis_).store({m.id, State::success, "before", "", {}});
  start_worker();
  send(m);
  EXPECT_TRUE(all_settled());
  EXPECT_EQ(result(m.id).result, "before");
}

TEST_F(WorkerTest, WaitsForTheEta) {
  start_worker();
  auto m = message("test.echo");
  m.eta = base::now() + 300ms;
  send(m);
  EXPECT_EQ(result(m.id).state, State::success);
  EXPECT_GE(base::now(), *m.eta);
  EXPECT_LT(base::now(), *m.eta + 5s);
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, DoesNotRunWhatIsExpiredOrRevoked) {
  auto expired = message("test.echo");
  expired.expires = base::now() - 1s;
  auto revoked = message("test.echo");
  queue::Producer(redis_).revoke(revoked.id, false);
  start_worker();
  EXPECT_EQ(result(send(expired)).result["exc_message"][0], "expired");
  const auto r = result(send(revoked));
  EXPECT_EQ(r.state, State::revoked);
  EXPECT_EQ(r.result["exc_type"], "TaskRevokedError");
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, StopsARunningTaskThatIsRevoked) {
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  // The worker may not listen yet: revoking again is harmless.
  EXPECT_TRUE(until([&] {
    queue::Producer(redis_).revoke(id, true);
    const std::string ids[] = {id};
    return queue::Results(redis_).find(ids)[0]->state == State::revoked;
  }));
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, StopsATaskAtItsSoftTimeLimit) {
  start_worker();
  auto m = message("test.wait");
  m.soft_time_limit = 0.1;
  const auto r = result(send(m));
  EXPECT_EQ(r.result["exc_type"], "SoftTimeLimitExceeded");
  EXPECT_EQ(r.result["exc_module"], "billiard.exceptions");
}

TEST_F(WorkerTest, StopsATaskAtItsTimeLimit) {
  start_worker();
  auto m = message("test.wait");
  m.time_limit = 0.1;
  const auto r = result(send(m));
  EXPECT_EQ(r.result["exc_type"], "TimeLimitExceeded");
  EXPECT_EQ(ended_, 0);
}

TEST_F(WorkerTest, EndsTheProcessUnderATaskThatIgnoresItsTimeLimit) {
  options_.stop_grace = 100ms;
  options_.concurrency = 2;
  start_worker();
  auto other = message("test.wait");
  send(other);
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  auto m = message("test.stubborn");
  m.time_limit = 0.1;
  const auto r = result(send(m));
  EXPECT_EQ(r.result["exc_type"], "TimeLimitExceeded");
  EXPECT_TRUE(until([&] { return ended_ != 0; }));
  // What else it held is in the queue again.
  EXPECT_GE(waiting() + held(), 1);
}

TEST_F(WorkerTest, FinishesWhatRunsWhenToldToStop) {
  options_.concurrency = 1;
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  send("test.echo");
  thread_.request_stop();
  gate_.open();
  EXPECT_EQ(result(id).state, State::success);
  stop_worker();
  EXPECT_TRUE(was_clean_);
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(waiting(), 1);
  EXPECT_TRUE(queue::Roster(redis_).workers().empty());
}

TEST_F(WorkerTest, GivesBackWhatDoesNotEndInTime) {
  options_.shutdown_timeout = 50ms;
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  stop_worker();
  EXPECT_TRUE(was_clean_);
  EXPECT_EQ(held(), 0);
  ASSERT_EQ(waiting(), 1);
  const auto back = TaskMessage::decode(redis_->run({"LINDEX", "q", "-1"}).text);
  EXPECT_EQ(back.id, id);
  EXPECT_TRUE(back.is_redelivered());
  const std::string ids[] = {id};
  EXPECT_EQ(queue::Results(redis_).find(ids)[0]->state, State::started);
}

TEST_F(WorkerTest, GivesBackWhatDoesNotEndAtAllAndSaysSo) {
  options_.shutdown_timeout = 20ms;
  options_.stop_grace = 50ms;
  start_worker();
  send("test.stubborn");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  thread_.request_stop();
  thread_.join();
  EXPECT_FALSE(was_clean_);
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(waiting(), 1);
  gate_.open();
  worker_.reset();
}

TEST_F(WorkerTest, StopsATaskWhoseLeaseIsLostAndTellsNothingOfIt) {
  options_.lease = 300ms;
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  const auto tag = redis_->run({"HKEYS", "unacked"}).items.at(0).text;
  redis_->run({"HSET", "tamis:held", tag, "another/1:1\nq"});
  redis_->run({"ZADD", "tamis:leases", "99999999999999", tag});
  EXPECT_TRUE(until([&] { return worker_->health()["active"] == 0; }));
  const std::string ids[] = {id};
  EXPECT_EQ(queue::Results(redis_).find(ids)[0]->state, State::started);
  EXPECT_EQ(held(), 1);
}

TEST_F(WorkerTest, KeepsALongTaskLongerThanItsLease) {
  options_.lease = 500ms;
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  EXPECT_FALSE(base::wait_for({}, 2s));
  gate_.open();
  EXPECT_EQ(result(id).state, State::success);
  EXPECT_EQ(redis_->run({"HLEN", "tamis:losses"}).integer, 0);
}

TEST_F(WorkerTest, BuriesWhatKilledTooManyWorkers) {
  options_.max_losses = 1;
  options_.lease = 600ms;
  auto m = message("test.wait");
  send(m);
  const auto dead = queue::make_redis_broker(redis_, {"dead", {"q"}, 1ms, 1, 1h});
  ASSERT_EQ(dead->claim(1).deliveries.size(), 1u);
  start_worker();
  EXPECT_EQ(result(m.id).result["exc_type"], "WorkerLostError");
  EXPECT_TRUE(until([&] { return queue::read_dead_letters(*redis_, "q").size() == 1; }));
  EXPECT_TRUE(all_settled());
}

TEST_F(WorkerTest, GoesOnWhenRedisWasAway) {
  start_worker();
  EXPECT_EQ(result(send("test.echo")).state, State::success);
  server_.stop(SIGKILL);
  std::this_thread::sleep_for(300ms);
  server_.start();
  const auto m = message("test.echo");
  EXPECT_TRUE(until([&] {
    try {
      send(m);
      return true;
    } catch (const base::TransientError&) {
      return false;
    }
  }));
  EXPECT_EQ(result(m.id).state, State::success);
  EXPECT_EQ(worker_->health()["status"], "healthy");
}

TEST_F(WorkerTest, StoresItsResultOnceRedisIsBack) {
  start_worker();
  const auto id = send("test.wait");
  ASSERT_TRUE(gate_.wait_for_arrivals(1));
  server_.stop(SIGKILL);
  gate_.open();
  server_.start();
  EXPECT_EQ(result(id).state, State::success);
}

TEST_F(WorkerTest, EndsWithAClearErrorWhenRedisRefusesIt) {
  RedisServer locked({"--requirepass", "secret"});
  Worker refused(std::make_shared<redis::Client>(base::RedisConnection{locked.url(), ""}), options_);
  EXPECT_THROW(refused.run({}), base::UserError);
}

TEST_F(WorkerTest, ShowsItselfInTheRoster) {
  start_worker();
  queue::Roster roster(redis_);
  ASSERT_TRUE(until([&] { return roster.workers().size() == 1; }));
  const auto w = roster.workers()[0];
  EXPECT_EQ(w.name, "tamis@test");
  EXPECT_EQ(w.queues, std::vector<std::string>{"q"});
  EXPECT_EQ(w.concurrency, 2);
}

TEST_F(WorkerTest, RunsManyTasksEachOnce) {
  std::atomic<int> runs = 0;
  add("test.count", [&](const Json&, const Json&, const tasks::Context&) -> Json { return ++runs; });
  options_.concurrency = 4;
  start_worker();
  std::vector<TaskMessage> messages;
  for (int i = 0; i < 1000; ++i) messages.push_back(message("test.count"));
  queue::Producer(redis_).send(messages);
  for (const auto& m : messages) ASSERT_EQ(result(m.id).state, State::success);
  EXPECT_EQ(runs, 1000);
  EXPECT_TRUE(all_settled());
}

}  // namespace
}  // namespace tamis::worker
