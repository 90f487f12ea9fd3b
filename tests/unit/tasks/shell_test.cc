#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/base/error.h"
#include "tasks/task.h"

namespace tamis::tasks {
namespace {

using base::Json;

struct Shell {
  std::vector<std::string> lines;
  std::stop_source stop;
  Json run(const Json& kwargs) {
    Context context;
    context.stop = stop.get_token();
    context.log = [this](const std::string& line) { lines.push_back(line); };
    return find_task("tamis.shell")->run(Json::array(), kwargs, context);
  }
};

TEST(Shell, LogsTheOutputAndGivesTheLastLine) {
  Shell shell;
  const auto result = shell.run({{"command", "echo one; echo two >&2; printf three"}});
  EXPECT_EQ(shell.lines, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(result["last_line"], "three");
}

TEST(Shell, FailsWithTheExitCodeAndTheLastLine) {
  Shell shell;
  try {
    shell.run({{"command", "echo no such table; exit 3"}});
    FAIL();
  } catch (const base::TransientError& error) {
    EXPECT_STREQ(error.what(), "the command ended with exit code 3: no such table");
  }
}

TEST(Shell, GivesTheCommandItsVariablesAndNoneOfOurs) {
  setenv("TAMIS_REDIS", "redis://:secret@host", 1);
  Shell shell;
  shell.run({{"command", "echo $DAY/$N/$TAMIS_REDIS"}, {"env", {{"DAY", "monday"}, {"N", 5}}}});
  unsetenv("TAMIS_REDIS");
  EXPECT_EQ(shell.lines, std::vector<std::string>{"monday/5/"});
}

TEST(Shell, BoundsWhatIsLogged) {
  Shell shell;
  shell.run({{"command", "seq 1 100000; head -c 100000 /dev/zero | tr '\\0' x"}});
  EXPECT_LE(shell.lines.size(), 2001u);
  for (const auto& line : shell.lines) EXPECT_LE(line.size(), 5000u);
}

TEST(Shell, DoesNotWaitForWhatStaysInTheBackground) {
  Shell shell;
  const auto began = std::chrono::steady_clock::now();
  shell.run({{"command", "sleep 60 & echo done"}});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  EXPECT_EQ(shell.lines, std::vector<std::string>{"done"});
}

TEST(Shell, EndsTheWholeGroupWhenAskedToStop) {
  Shell shell;
  std::thread stopper([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline && !shell.stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      shell.stop.request_stop();
    }
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THROW(shell.run({{"command", "sleep 300 | sleep 300"}}), base::TransientError);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  stopper.join();
}

TEST(Shell, RefusesAMessageWithoutACommand) {
  Shell shell;
  EXPECT_THROW(shell.run(Json::object()), base::UserError);
  EXPECT_THROW(shell.run({{"command", 5}}), base::UserError);
  EXPECT_THROW(shell.run({{"command", "true"}, {"env", 5}}), base::UserError);
}

}  // namespace
}  // namespace tamis::tasks
