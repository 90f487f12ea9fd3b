// Our producer against a real Celery worker: what we send runs there, and what it stores is read here.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>

#include "core/base/id.h"
#include "core/base/json.h"
#include "core/queue/producer.h"
#include "core/queue/results.h"
#include "tests/redis_server.h"

namespace tamis::queue {
namespace {

using namespace std::chrono_literals;
using base::Json;

/// The interpreter that has Celery; empty when there is none.
std::string python() {
  static const std::string path = [] {
    std::string out;
    if (FILE* pipe = popen("'" TAMIS_ROOT "/tests/servers/python-env'", "r")) {
      char buffer[512];
      while (fgets(buffer, sizeof buffer, pipe) != nullptr) out += buffer;
      if (pclose(pipe) != 0) out.clear();
    }
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }();
  return path;
}

class CeleryWorker : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python().empty()) {
      const char* ci = std::getenv("CI");
      if (ci != nullptr && std::string(ci) == "true") FAIL() << "no Python environment with Celery";
      GTEST_SKIP() << "SKIPPED: no Python environment with Celery";
    }
    server_ = std::make_unique<tamis::testing::RedisServer>();
    redis_ = std::make_shared<redis::Client>(base::RedisConnection{server_->url(), ""});
    setenv("BROKER", server_->url().c_str(), 1);
    const std::string words[] = {
        python(), "-m",     "celery",  "-A", "celery_app", "--workdir", TAMIS_ROOT "/tests/integration",
        "worker", "-P",     "threads", "-c", "2",          "-Q",        "python",
        "-l",     "warning"};
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      std::vector<char*> argv;
      for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    following_ = Results(redis_).follow(
        [this](TaskResult result) {
          const std::lock_guard lock(mutex_);
          if (is_final(result.state)) heard_[result.id] = std::move(result);
          changed_.notify_all();
        },
        [] {});
  }
  void TearDown() override {
    following_.reset();
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  TaskResult run(const std::string& task, Json args, Json kwargs = Json::object(), int priority = 0) {
    TaskMessage message;
    message.id = base::random_uuid();
    message.task = task;
    message.args = std::move(args);
    message.kwargs = std::move(kwargs);
    message.queue = "python";
    message.priority = priority;
    Producer(redis_).send(std::span(&message, 1));
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 60s, [&] { return heard_.contains(message.id); })) << task;
    return heard_[message.id];
  }

  std::unique_ptr<tamis::testing::RedisServer> server_;
  std::shared_ptr<redis::Client> redis_;
  pid_t pid_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, TaskResult> heard_;
  std::unique_ptr<redis::Subscription> following_;
};

TEST_F(CeleryWorker, RunsWhatWeSendAndWeReadWhatItStores) {
  EXPECT_EQ(run("python.add", {2, 3}).result, 5);
  const auto echo = run("python.echo", Json::parse(R"([1, "zü中", null, [1.5]])"), {{"k", {{"a", true}}}}, 6);
  EXPECT_EQ(echo.state, State::success);
  EXPECT_EQ(echo.result, Json::parse(R"({"args": [1, "zü中", null, [1.5]], "kwargs": {"k": {"a": true}}})"));
  const auto failure = run("python.fail", {"boom"});
  EXPECT_EQ(failure.state, State::failure);
  EXPECT_EQ(failure.result["exc_type"], "ValueError");
  EXPECT_EQ(failure.result["exc_message"], Json::array({"boom"}));
  EXPECT_THAT(failure.traceback, ::testing::HasSubstr("Traceback"));
  EXPECT_EQ(run("python.none", Json::array()).result["exc_type"], "NotRegistered");
}

}  // namespace
}  // namespace tamis::queue
