#include <gmock/gmock.h>

#include "tests/unit/api/api_fixture.h"

namespace tamis {
namespace {

using base::Json;
using testing::HasSubstr;
using workflow::RunState;
using workflow::TaskState;

class DagRuns : public WithApi {};

TEST_F(DagRuns, AreTriggeredAndStored) {
  put_dag("ant");
  const auto made =
      post("/api/v1/dags/ant/dagRuns", {{"conf", {{"day", "2026-03-01"}}}, {"note", "by hand"}});
  EXPECT_EQ(made["state"], "queued");
  EXPECT_EQ(made["run_type"], "manual");
  EXPECT_THAT(made["dag_run_id"].get<std::string>(), testing::StartsWith("manual__"));
  const auto run = store->run("ant", made["dag_run_id"]);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->conf["day"], "2026-03-01");
  EXPECT_EQ(run->dag_version, store->dag("ant")->dag.version);
  // The id holds `+`, which paths keep and queries don't.
  EXPECT_EQ(get("/api/v1/dags/ant/dagRuns/" + made["dag_run_id"].get<std::string>())["dag_id"], "ant");
  EXPECT_EQ(
      get("/api/v1/dags/ant/dagRuns/" + http::url_encode(made["dag_run_id"].get<std::string>()))["note"],
      "by hand");
}

TEST_F(DagRuns, WithoutABodyAreTriggeredToo) {
  put_dag("ant");
  EXPECT_EQ(ask("POST", "/api/v1/dags/ant/dagRuns").status, 200);
}

TEST_F(DagRuns, OfWrongRequestsAreRefused) {
  put_dag("ant");
  for (const char* body :
       {R"({"conf": []})", R"({"conf": "x"})", R"({"logical_date": "2026-03-01T00:00:00"})",
        R"({"logical_date": 5})", R"({"dag_run_id": "a b"})", R"({"dag_run_id": ""})",
        R"({"dag_run_id": "scheduled__2026"})", R"({"dag_run_id": 1})", R"({"config": {}})",
        R"({"logical_date": "2026-03-01T00:00:00Z", "execution_date": "2026-03-02T00:00:00Z"})", "[1]", "{",
        "\xff"}) {
    const auto response = ask("POST", "/api/v1/dags/ant/dagRuns", body);
    EXPECT_EQ(response.status, 400) << body << ": " << response.body;
    EXPECT_TRUE(Json::parse(response.body).contains("detail")) << body;
  }
  EXPECT_EQ(post("/api/v1/dags/ant/dagRuns", {{"conf", {{"x", std::string(100'000, 'x')}}}}, 400)["status"],
            400);
  EXPECT_EQ(ask("POST", "/api/v1/dags/ant/dagRuns", std::string(300 << 10, '{')).status, 413);
  EXPECT_EQ(post("/api/v1/dags/nobody/dagRuns", Json::object(), 404)["title"], "DAG not found");
  EXPECT_EQ(store->count_runs({}), 0u);
}

TEST_F(DagRuns, OfATakenIdConflict) {
  put_dag("ant");
  post("/api/v1/dags/ant/dagRuns", {{"dag_run_id", "replay-1"}});
  const auto problem = post("/api/v1/dags/ant/dagRuns", {{"dag_run_id", "replay-1"}}, 409);
  EXPECT_EQ(problem["title"], "Conflict");
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("replay-1"));
  EXPECT_THAT(problem["type"].get<std::string>(), HasSubstr("AlreadyExists"));
}

TEST_F(DagRuns, OfOneInstantBothGetARun) {
  put_dag("ant");
  const Json at = {{"logical_date", "2026-03-01T00:00:00+00:00"}};
  const auto first = post("/api/v1/dags/ant/dagRuns", at), second = post("/api/v1/dags/ant/dagRuns", at);
  EXPECT_NE(first["dag_run_id"], second["dag_run_id"]);
}

TEST_F(DagRuns, OfAPausedDagAreMadeWithAWarning) {
  put_dag("ant", true);
  const auto made = post("/api/v1/dags/ant/dagRuns", Json::object());
  EXPECT_THAT(made["warnings"][0].get<std::string>(), HasSubstr("paused"));
}

TEST_F(DagRuns, AreListedOldestFirstOrAsAsked) {
  put_dag("ant");
  put_run("ant", "one", RunState::success);
  put_run("ant", "two", RunState::failed);
  put_run("ant", "three", RunState::queued);
  const auto ids = [&](const std::string& query) {
    std::string text;
    const auto page = get("/api/v1/dags/ant/dagRuns?" + query);
    for (const auto& run : page["dag_runs"]) text += run["dag_run_id"].get<std::string>() + " ";
    return text;
  };
  EXPECT_EQ(ids(""), "one two three ");
  EXPECT_EQ(ids("order_by=-id&limit=2"), "three two ");
  EXPECT_EQ(ids("order_by=-execution_date&offset=1"), "two one ");
  EXPECT_EQ(ids("state=failed&state=queued"), "two three ");
  EXPECT_EQ(ids("state=success"), "one ");
  EXPECT_EQ(get("/api/v1/dags/~/dagRuns")["total_entries"], 3);
  EXPECT_EQ(ids("execution_date_gte=2030-01-01T00:00:00%2B00:00"), "");
  EXPECT_EQ(ids("execution_date_gte=2020-01-01T00:00:00+00:00&limit=1"), "one ")
      << "a + that became a blank is mended";
  get("/api/v1/dags/ant/dagRuns?state=done", 400);
  get("/api/v1/dags/ant/dagRuns?execution_date_gte=2026-03-01", 400);
  get("/api/v1/dags/ant/dagRuns?order_by=conf", 400);
  get("/api/v1/dags/nobody/dagRuns", 404);
  EXPECT_EQ(get("/api/v1/dags/ant/dagRuns/four", 404)["title"], "DAGRun not found");
}

TEST_F(DagRuns, ReportTheSumOverTheirSlices) {
  put_dag("ant");
  const Json one = {{"read", 10},
                    {"accepted", 7},
                    {"filtered", 1},
                    {"duplicate", 1},
                    {"rejected", 1},
                    {"rejected_by", {{"late", 1}}},
                    {"max_event_time", "2026-03-01T00:00:00.000Z"},
                    {"seconds", 0.5}};
  const Json two = {{"read", 5},
                    {"accepted", 3},
                    {"filtered", 0},
                    {"duplicate", 0},
                    {"rejected", 2},
                    {"rejected_by", {{"late", 1}, {"wrong_type", 1}}},
                    {"max_event_time", "2026-03-01T00:00:00.000001Z"},
                    {"seconds", 0.25}};
  put_run(
      "ant", "r", RunState::running,
      {slice(0, TaskState::success, one), slice(1, TaskState::success, two), slice(2, TaskState::running)});
  const auto report = get("/api/v1/dags/ant/dagRuns/r/report");
  const auto& task = report["tasks"][0];
  EXPECT_EQ(task["total"], 3);
  EXPECT_EQ(task["done"], 2);
  EXPECT_EQ(task["account"]["read"], 15);
  EXPECT_EQ(task["account"]["rejected_by"]["late"], 2);
  EXPECT_EQ(task["account"]["max_event_time"], "2026-03-01T00:00:00.000001Z");
  EXPECT_EQ(task["account"]["seconds"], 0.75);
  EXPECT_EQ(report["is_balanced"], true);

  put_run("ant", "bad", RunState::running, {slice(0, TaskState::success, {{"read", 2}, {"accepted", 1}})});
  EXPECT_EQ(get("/api/v1/dags/ant/dagRuns/bad/report")["is_balanced"], false);
}

TEST_F(DagRuns, TellTheirTaskInstances) {
  put_dag("ant");
  workflow::TaskInstance b;
  b.task_id = "b";
  put_run("ant", "r", RunState::running, {slice(0, TaskState::success), slice(1, TaskState::failed), b});
  const std::string base = "/api/v1/dags/ant/dagRuns/r/taskInstances";
  const auto all = get(base);
  EXPECT_EQ(all["total_entries"], 3);
  for (const char* key :
       {"task_id",       "dag_id", "dag_run_id",      "execution_date", "start_date",      "end_date",
        "duration",      "state",  "try_number",      "map_index",      "max_tries",       "hostname",
        "unixname",      "pool",   "pool_slots",      "queue",          "priority_weight", "operator",
        "queued_when",   "pid",    "executor_config", "sla_miss",       "rendered_fields", "trigger",
        "triggerer_job", "note"})
    EXPECT_TRUE(all["task_instances"][0].contains(key)) << key;
  EXPECT_TRUE(all["task_instances"][2]["state"].is_null());
  EXPECT_EQ(get(base + "?state=failed")["total_entries"], 1);
  EXPECT_EQ(get(base + "?state=none&state=success")["total_entries"], 2);
  EXPECT_EQ(get(base + "?limit=1&offset=1")["task_instances"][0]["map_index"], 1);
  get(base + "?state=lost", 400);
  EXPECT_EQ(get(base + "/b")["map_index"], -1);
  EXPECT_THAT(get(base + "/a", 404)["detail"].get<std::string>(), HasSubstr("add the map_index"));
  EXPECT_EQ(get(base + "/a/1")["state"], "failed");
  get(base + "/a/7", 404);
  get(base + "/a/x", 404);
  EXPECT_EQ(get(base + "/a/listMapped?order_by=-map_index")["task_instances"][0]["map_index"], 1);
  get(base + "/b/listMapped", 404);
}

TEST_F(DagRuns, TellLogsAsTextAndInAirflowsForm) {
  put_dag("ant");
  auto instance = slice(-1, TaskState::success);
  instance.hostname = "here";
  instance.try_number = 2;
  put_run("ant", "r", RunState::success, {instance});
  logs["a/2"] = {"first", "it's second"};
  logs["a/1"] = {"of try one"};
  const std::string base = "/api/v1/dags/ant/dagRuns/r/taskInstances/a/logs/";
  EXPECT_EQ(ask("GET", base + "2").body, "first\nit's second\n");
  EXPECT_EQ(ask("GET", base + "latest").body, "first\nit's second\n");
  EXPECT_EQ(ask("GET", base + "1").body, "of try one\n");
  const auto wrapped = Json::parse(ask("GET", base + "0", "", {"Accept: application/json"}).body);
  EXPECT_EQ(wrapped["content"], R"([('here', 'first\nit\'s second\n')])");
  const auto next =
      Json::parse(ask("GET", base + "0?token=" + wrapped["continuation_token"].get<std::string>(), "",
                      {"Accept: application/json"})
                      .body);
  EXPECT_EQ(next["content"], "[('here', '')]");
  get(base + "3", 404);
  get(base + "x", 400);
  get(base + "1?token=forged", 400);
  EXPECT_EQ(ask("GET", base + "1", "", {"Accept: image/png"}).status, 406);
}

}  // namespace
}  // namespace tamis
