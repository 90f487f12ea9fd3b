// The commands against a real api on a free port, over stores in memory.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "cli/command.h"
#include "cli/program.h"
#include "core/base/version.h"
#include "tests/unit/api/api_fixture.h"

namespace tamis::cli {
namespace {

using base::Json;
using testing::HasSubstr;
using testing::StartsWith;
using workflow::RunState;
using workflow::TaskState;

struct Printed {
  int code;
  std::string out, err;
};

Printed tamis(std::vector<std::string> words) {
  std::ostringstream out, err;
  const int code = run(words, out, err);
  return {code, out.str(), err.str()};
}

class TamisCommand : public WithApi {
 protected:
  Printed ask(std::vector<std::string> words) {
    words.push_back("--server=" + url());
    return tamis(std::move(words));
  }
};

TEST_F(TamisCommand, ListsDagsAsATableAndAsJson) {
  put_dag("ant");
  const auto table = ask({"dags", "list"});
  EXPECT_EQ(table.code, ok);
  EXPECT_THAT(table.out, StartsWith("dag_id | filepath | owner   | paused\n======="));
  EXPECT_EQ(Json::parse(ask({"dags", "list", "-o", "json"}).out)[0]["paused"], false);
}

TEST_F(TamisCommand, TriggersWatchesAndReports) {
  put_dag("ant");
  const auto made = ask({"dags", "trigger", "ant", "-c", R"({"day": 1})", "-r", "r1", "-o", "json"});
  ASSERT_EQ(made.code, ok) << made.err;
  EXPECT_EQ(Json::parse(made.out)[0]["dag_run_id"], "r1");
  EXPECT_EQ(store->run("ant", "r1")->conf["day"], 1);
  EXPECT_EQ(ask({"dags", "state", "ant", "latest"}).out, "queued, {\"day\":1}\n");
  EXPECT_EQ(ask({"dags", "trigger", "ant", "-r", "r1"}).code, conflict);
  EXPECT_EQ(ask({"dags", "trigger", "ant", "-c", "[1]"}).code, usage);
  EXPECT_EQ(ask({"dags", "wait", "ant", "--timeout=50ms"}).code, failed);

  const Json account = {{"read", 10},     {"accepted", 9}, {"filtered", 0},
                        {"duplicate", 0}, {"rejected", 1}, {"rejected_by", {{"late", 1}}}};
  put_run("ant", "r2", RunState::success,
          {slice(0, TaskState::success, account), slice(1, TaskState::success, account)});
  const auto watched = ask({"dags", "wait", "ant", "r2"});
  EXPECT_EQ(watched.code, ok);
  EXPECT_THAT(watched.out, HasSubstr("20 records read"));
  const auto report = ask({"dags", "report", "ant", "r2"});
  EXPECT_EQ(report.code, ok);
  EXPECT_THAT(report.out, HasSubstr("read 20 = accepted 18 + filtered 0 + duplicate 0 + rejected 2"));
  EXPECT_THAT(report.out, HasSubstr("rejected: 2 late"));
  EXPECT_EQ(Json::parse(ask({"dags", "report", "ant", "r2", "-o", "json"}).out)[0]["accepted"], 18);
  auto broken = slice(0, TaskState::failed, {{"read", 3}, {"accepted", 1}});
  broken.error = "the disk is full";
  put_run("ant", "r3", RunState::failed, {broken});
  EXPECT_EQ(ask({"dags", "wait", "ant", "latest:failed"}).code, failed);
  EXPECT_THAT(ask({"dags", "wait", "ant", "r3"}).err, HasSubstr("the disk is full"));
  const auto odd = ask({"dags", "report", "ant", "r3"});
  EXPECT_EQ(odd.code, failed);
  EXPECT_THAT(odd.out, HasSubstr("does NOT add up"));
  EXPECT_EQ(Json::parse(ask({"dags", "list-runs", "ant", "-o", "json", "--state=failed"}).out)[0]["run_id"],
            "r3");
}

TEST_F(TamisCommand, WarnsWhenTheDagIsPaused) {
  put_dag("ant", true);
  EXPECT_THAT(ask({"dags", "trigger", "ant"}).err, HasSubstr("paused"));
  EXPECT_EQ(ask({"dags", "unpause", "ant"}).out, "Dag: ant, paused: False\n");
}

TEST_F(TamisCommand, TellsTasksStatesAndLogs) {
  put_dag("ant");
  workflow::TaskInstance b;
  b.task_id = "b";
  put_run("ant", "r", RunState::running, {slice(0, TaskState::success), slice(1, TaskState::failed), b});
  logs["a/1"] = {"one", "two", "three"};
  EXPECT_EQ(ask({"tasks", "list", "ant"}).out, "a\nb\n");
  EXPECT_EQ(ask({"tasks", "list", "ant", "--tree"}).out, "<Task: a>\n    <Task: b>\n");
  EXPECT_EQ(ask({"tasks", "state", "ant", "a", "r", "--map-index=1"}).out, "failed\n");
  EXPECT_EQ(ask({"tasks", "state", "ant", "b", "r"}).out, "None\n");
  EXPECT_EQ(ask({"tasks", "state", "ant", "a", "r"}).code, not_found) << "a slice must be named";
  EXPECT_EQ(ask({"tasks", "logs", "ant", "r", "a", "--map-index=0"}).out, "one\ntwo\nthree\n");
  EXPECT_EQ(ask({"tasks", "logs", "ant", "r", "a", "--map-index=0", "-n2"}).out, "two\nthree\n");
  EXPECT_EQ(Json::parse(ask({"tasks", "states-for-dag-run", "ant", "r", "-o", "json"}).out).size(), 3u);
}

TEST_F(TamisCommand, ClearsTaskInstances) {
  put_dag("ant");
  workflow::TaskInstance b;
  b.task_id = "b";
  b.state = TaskState::upstream_failed;
  put_run("ant", "r", RunState::failed, {slice(0, TaskState::success), slice(1, TaskState::failed), b});
  const auto count = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"tasks", "clear", "ant", "-r", "r", "--dry-run", "-o", "json"};
    words.insert(words.end(), more.begin(), more.end());
    return Json::parse(ask(words).out).size();
  };
  EXPECT_EQ(count({}), 3u);
  EXPECT_EQ(count({"-f"}), 2u);
  EXPECT_EQ(count({"-t", "b"}), 1u);
  EXPECT_EQ(count({"-t", "a", "--map-index=1"}), 2u) << "what follows is cleared too";
  EXPECT_EQ(count({"-t", "a", "--map-index=1", "--no_downstream"}), 1u);
  EXPECT_EQ(count({"-t", "^[b-z]$", "-u"}), 3u);
  EXPECT_EQ(count({"-t", "a,b"}), 3u);
  EXPECT_EQ(ask({"tasks", "clear", "ant", "-r", "r", "-t", "nothing"}).code, not_found);
  EXPECT_EQ(ask({"tasks", "clear", "ant", "-r", "r", "-t", "("}).code, usage);
  EXPECT_EQ(ask({"tasks", "clear", "ant", "-r", "x", "-y"}).code, not_found);
  EXPECT_EQ(ask({"tasks", "clear", "ant", "-r", "r", "-y"}).code, unreachable) << "no scheduler runs";

  const auto token = *stores.lease->hold("me", std::chrono::minutes(5));
  const auto leader = store->follow([&](const std::string& event) {
    if (Json::parse(event)["event"] == "request")
      stores.writer->answer({store->requests().at(0).id, {{"cleared", 3}}}, token);
  });
  const auto cleared = ask({"tasks", "clear", "ant", "-r", "r", "-y"});
  EXPECT_EQ(cleared.code, ok) << cleared.err;
  EXPECT_THAT(cleared.out, HasSubstr("cleared 3 task instances of r"));
}

TEST_F(TamisCommand, ReadsDataPageByPage) {
  for (int i = 0; i < 2500; ++i) reader->tables["t"].push_back({{"n", i}});
  EXPECT_EQ(Json::parse(ask({"data", "get", "t", "--limit=2400", "-o", "json"}).out).size(), 2400u);
  const auto some = ask({"data", "get", "t", "--where=city=Rabat", "--from=2026-03-01"});
  EXPECT_THAT(some.err, HasSubstr("the first 20"));
  EXPECT_THAT(reader->asked.back().filters, testing::ElementsAre(testing::Pair("city", "Rabat")));
  EXPECT_EQ(ask({"data", "get", "nothing"}).code, not_found);
  EXPECT_EQ(ask({"data", "get", "t", "--where=city"}).code, usage);
  EXPECT_THAT(ask({"data", "list"}).out, HasSubstr("sqlite"));
}

TEST_F(TamisCommand, ValidatesAndSubmits) {
  const auto good = (folder / "good.yml").string(), bad = (folder / "bad.yml").string();
  std::ofstream(good) << "dag_id: fresh\nschedule: null\ntasks:\n  - {task_id: a, operator: empty}\n";
  std::ofstream(bad) << "dag_id: fresh\nschedule: null\ntasks:\n  - {task_id: a, operater: empty}\n";
  EXPECT_EQ(tamis({"dags", "validate", good}).code, ok);
  const auto findings = tamis({"dags", "validate", bad});
  EXPECT_EQ(findings.code, failed);
  EXPECT_THAT(findings.out, HasSubstr(bad + ":4:"));
  EXPECT_THAT(findings.out, HasSubstr("^"));
  EXPECT_GE(Json::parse(tamis({"dags", "validate", bad, "-o", "json"}).out).size(), 1u);
  EXPECT_EQ(tamis({"dags", "validate", "/nowhere.yaml"}).code, not_found);
  EXPECT_EQ(ask({"dags", "submit", good}).code, ok);
  EXPECT_TRUE(std::filesystem::exists(folder / "fresh.yaml"));
  const auto refused = ask({"dags", "submit", bad});
  EXPECT_EQ(refused.code, failed);
  EXPECT_THAT(refused.err, HasSubstr(":4:"));
}

TEST_F(TamisCommand, SaysWhatIsMissing) {
  EXPECT_EQ(ask({"dags", "details", "nobody"}).code, not_found);
  EXPECT_EQ(ask({"dags", "state", "nobody"}).code, not_found);
  const auto alone = tamis({"dags", "list", "--server=http://127.0.0.1:1"});
  EXPECT_EQ(alone.code, unreachable);
  EXPECT_THAT(alone.err, testing::AllOf(HasSubstr("http://127.0.0.1:1"), HasSubstr("tamis standalone")));
  EXPECT_EQ(tamis({"dags", "lst"}).code, usage);
}

TEST_F(TamisCommand, NeedsNoServerForItsVersion) {
  EXPECT_EQ(tamis({"version"}).out, "tamis " + std::string(base::version) + "\n");
}

}  // namespace
}  // namespace tamis::cli
