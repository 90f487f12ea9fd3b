#include <gmock/gmock.h>

#include <fstream>

#include "tests/unit/api/api_fixture.h"

namespace tamis {
namespace {

using testing::HasSubstr;

class Dags : public WithApi {};

TEST_F(Dags, AreListedByIdWithAirflowsKeys) {
  put_dag("zebra");
  put_dag("ant");
  const auto page = get("/api/v1/dags");
  EXPECT_EQ(page["total_entries"], 2);
  EXPECT_EQ(page["dags"][0]["dag_id"], "ant");
  const auto& dag = page["dags"][0];
  for (const char* key :
       {"dag_id", "root_dag_id", "is_paused", "is_active", "is_subdag", "last_parsed_time", "fileloc",
        "file_token", "owners", "description", "schedule_interval", "timetable_description", "tags",
        "max_active_tasks", "max_active_runs", "has_task_concurrency_limits", "has_import_errors",
        "next_dagrun", "next_dagrun_create_after"})
    EXPECT_TRUE(dag.contains(key)) << key;
  EXPECT_TRUE(dag["owners"].is_array());
  EXPECT_EQ(get("/api/v1/dags?order_by=-dag_id&limit=1")["dags"][0]["dag_id"], "zebra");
  EXPECT_EQ(get("/api/v1/dags?dag_id_pattern=ZEB")["total_entries"], 1);
  EXPECT_EQ(get("/api/v1/dags?offset=5")["dags"].size(), 0u);
}

TEST_F(Dags, LimitsAreClampedAndWrongOnesRefused) {
  put_dag("ant");
  EXPECT_EQ(get("/api/v1/dags?limit=100000")["dags"].size(), 1u);
  EXPECT_EQ(get("/api/v1/dags?limit=0")["dags"].size(), 1u);
  for (const char* query : {"limit=-1", "limit=x", "offset=-1", "limit=", "order_by=owner", "limt=5",
                            "limit=99999999999999999999", "paused=maybe"})
    EXPECT_EQ(get(std::string("/api/v1/dags?") + query, 400)["type"],
              "/api/v1/openapi.json#section/Errors/BadRequest")
        << query;
  EXPECT_THAT(get("/api/v1/dags?limt=5", 400)["detail"].get<std::string>(),
              HasSubstr("did you mean \"limit\""));
}

TEST_F(Dags, ArePausedAndUnpaused) {
  put_dag("ant");
  const auto patch = [&](const std::string& body, const std::string& query = "") {
    return ask("PATCH", "/api/v1/dags/ant" + query, body);
  };
  EXPECT_EQ(patch(R"({"is_paused": true})", "?update_mask=is_paused").status, 200);
  EXPECT_TRUE(store->dag("ant")->is_paused);
  EXPECT_EQ(get("/api/v1/dags?paused=true")["total_entries"], 1);
  EXPECT_EQ(patch(R"({"is_paused": false})").status, 200);
  EXPECT_FALSE(store->dag("ant")->is_paused);
  for (const char* bad :
       {R"({"is_paused": "yes"})", R"({"paused": true})", "{}", "[]", "nonsense", R"({"is_paused": true)"})
    EXPECT_EQ(patch(bad).status, 400) << bad;
  EXPECT_EQ(patch(R"({"is_paused": true})", "?update_mask=owner").status, 400);
  EXPECT_EQ(ask("PATCH", "/api/v1/dags/nobody", R"({"is_paused": true})").status, 404);
  EXPECT_EQ(ask("PATCH", "/api/v1/dags?dag_id_pattern=~", R"({"is_paused": true})").status, 200);
  EXPECT_TRUE(store->dag("ant")->is_paused);
}

TEST_F(Dags, UnknownOnesAre404WithTheNearestName) {
  put_dag("iot_sensor_etl");
  const auto problem = get("/api/v1/dags/iot_sensor_elt", 404);
  EXPECT_EQ(problem["title"], "DAG not found");
  EXPECT_EQ(problem["status"], 404);
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("did you mean \"iot_sensor_etl\""));
}

TEST_F(Dags, TellTheirTasks) {
  put_dag("ant");
  const auto tasks = get("/api/v1/dags/ant/tasks");
  EXPECT_EQ(tasks["total_entries"], 2);
  EXPECT_EQ(tasks["tasks"][0]["downstream_task_ids"], base::Json::array({"b"}));
  EXPECT_EQ(get("/api/v1/dags/ant/tasks/b")["task_id"], "b");
  EXPECT_EQ(get("/api/v1/dags/ant/tasks/c", 404)["title"], "Task not found");
  EXPECT_TRUE(get("/api/v1/dags/ant/details").contains("timezone"));
}

TEST_F(Dags, OldClientsGetNoNulls) {
  put_dag("ant");
  const auto with = [&](const std::string& agent) {
    return base::Json::parse(ask("GET", "/api/v1/dags/ant", "", {"User-Agent: " + agent}).body);
  };
  EXPECT_FALSE(with("OpenAPI-Generator/2.6.2/python").contains("root_dag_id"));
  EXPECT_TRUE(with("OpenAPI-Generator/\"2.10.0\"/python").contains("root_dag_id"));
  EXPECT_TRUE(with("curl/8").contains("root_dag_id"));
}

TEST_F(Dags, SubmittedOnesAreCheckedAndStoredWhole) {
  const std::string good = "dag_id: fresh\nschedule: null\ntasks:\n  - {task_id: a, operator: empty}\n";
  const auto submit = [&](const std::string& text, const std::string& query = "") {
    return ask("POST", "/api/v1/dagSources" + query, text);
  };
  EXPECT_EQ(submit(good, "?dry_run=true").status, 200);
  EXPECT_FALSE(std::filesystem::exists(folder / "fresh.yaml"));
  const auto stored = submit(good);
  ASSERT_EQ(stored.status, 200) << stored.body;
  std::ifstream in(folder / "fresh.yaml");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), good);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "nothing is left beside it";

  const auto bad = submit("dag_id: fresh\nshedule: null\ntasks: []\n");
  EXPECT_EQ(bad.status, 400);
  const auto problem = base::Json::parse(bad.body);
  EXPECT_GE(problem["findings"].size(), 1u);
  EXPECT_EQ(problem["findings"][0]["line"], 2);
  EXPECT_EQ(submit("").status, 400);
  EXPECT_EQ(submit(std::string(300 << 10, 'x')).status, 413);
}

TEST_F(Dags, OfAnotherFileAreNotReplaced) {
  auto entry = put_dag("ant");
  entry.dag.file = "/elsewhere/insects.yaml";
  store->put_dag(entry);
  const auto response = ask("POST", "/api/v1/dagSources",
                            "dag_id: ant\nschedule: null\ntasks:\n  - {task_id: a, operator: empty}\n");
  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr("insects.yaml"));
}

TEST_F(Dags, TellTheirSourceAsAskedFor) {
  put_dag("ant");
  EXPECT_THAT(ask("GET", "/api/v1/dagSources/ant", "", {"Accept: text/plain"}).body,
              HasSubstr("dag_id: ant"));
  EXPECT_THAT(base::Json::parse(
                  ask("GET", "/api/v1/dagSources/ant", "", {"Accept: application/json"}).body)["content"]
                  .get<std::string>(),
              HasSubstr("dag_id: ant"));
  EXPECT_EQ(ask("GET", "/api/v1/dagSources/ant", "", {"Accept: image/png"}).status, 406);
}

}  // namespace
}  // namespace tamis
