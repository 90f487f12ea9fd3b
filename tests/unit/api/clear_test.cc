#include <gmock/gmock.h>

#include <future>

#include "core/workflow/clear.h"
#include "tests/unit/api/api_fixture.h"

namespace tamis {
namespace {

using base::Json;
using testing::HasSubstr;
using workflow::RunState;
using workflow::TaskState;

class Clearing : public WithApi {
 protected:
  void put_ended_run() {
    put_dag("ant");
    workflow::TaskInstance b;
    b.task_id = "b";
    b.state = TaskState::upstream_failed;
    put_run("ant", "r", RunState::failed, {slice(0, TaskState::success), slice(1, TaskState::failed), b});
  }
  static std::vector<std::string> names(const Json& answer) {
    std::vector<std::string> out;
    for (const auto& row : answer["task_instances"])
      out.push_back(workflow::task_name(row["task_id"].get<std::string>(), row["map_index"].get<int>()));
    return out;
  }
  const std::string path_ = "/api/v1/dags/ant/clearTaskInstances";
};

using Names = std::vector<std::string>;

TEST_F(Clearing, ShowsWhatItWouldClearAndChangesNothing) {
  put_ended_run();
  EXPECT_EQ(names(post(path_, {{"dag_run_id", "r"}})), (Names{"a[1]", "b"})) << "Airflow's defaults";
  EXPECT_EQ(names(post(path_, {{"dag_run_id", "r"}, {"only_failed", false}})), (Names{"a[0]", "a[1]", "b"}));
  Json one = {{"dag_run_id", "r"}, {"only_failed", false}, {"task_ids", {"a"}}};
  EXPECT_EQ(names(post(path_, one)), (Names{"a[0]", "a[1]"}));
  one["map_index"] = 0;
  EXPECT_EQ(names(post(path_, one)), Names{"a[0]"});
  one["include_downstream"] = true;
  EXPECT_EQ(names(post(path_, one)), (Names{"a[0]", "b"}));
  const Json up = {
      {"dag_run_id", "r"}, {"only_failed", false}, {"task_ids", {"b"}}, {"include_upstream", true}};
  EXPECT_EQ(names(post(path_, up)).size(), 3u);
  EXPECT_EQ(post("/api/v1/dags/ant/dagRuns/r/clear", Json::object())["task_instances"].size(), 3u);
  EXPECT_TRUE(store->requests().empty());
}

TEST_F(Clearing, OfWrongRequestsIsRefused) {
  put_ended_run();
  for (const char* body :
       {"{}", R"({"dag_run_id": 5})", R"({"dag_run_id": "r", "task_ids": []})",
        R"({"dag_run_id": "r", "task_ids": [1]})", R"({"dag_run_id": "r", "only_running": true})",
        R"({"dag_run_id": "r", "dry_run": "no"})", R"({"dag_run_id": "r", "include_past": true})",
        R"({"dag_run_id": "r", "start_date": "2026-03-01T00:00:00Z"})",
        R"({"dag_run_id": "r", "map_index": "1"})", R"({"dag_run_id": "r", "resets": true})"})
    EXPECT_EQ(ask("POST", path_, body).status, 400) << body;
  EXPECT_EQ(post(path_, {{"dag_run_id", "x"}}, 404)["title"], "DAGRun not found");
  EXPECT_EQ(post("/api/v1/dags/bee/clearTaskInstances", {{"dag_run_id", "r"}}, 404)["title"],
            "DAG not found");
  EXPECT_THAT(post(path_, {{"dag_run_id", "r"}, {"task_ids", {"aa"}}}, 404)["detail"].get<std::string>(),
              HasSubstr("\"a\""));
}

TEST_F(Clearing, WaitsForTheLeader) {
  put_ended_run();
  const auto token = *stores.lease->hold("me", std::chrono::minutes(5));
  Json asked;
  std::string answer = "cleared";
  const auto leader = store->follow([&](const std::string& event) {
    if (Json::parse(event)["event"] != "request") return;
    const auto request = store->requests().at(0);
    asked = request.body;
    stores.writer->answer({request.id, {{answer, answer == "error" ? Json("the DAG is gone") : Json(2)}}},
                          token);
  });
  const Json body = {
      {"dag_run_id", "r"}, {"dry_run", false}, {"include_downstream", true}, {"reset_dag_runs", true}};
  EXPECT_EQ(names(post(path_, body)), (Names{"a[1]", "b"}));
  const auto request = workflow::ClearRequest::from_json(asked);
  EXPECT_EQ(request.run_id, "r");
  EXPECT_TRUE(request.only_failed && request.downstream && request.reset_run && !request.upstream);
  EXPECT_EQ(post("/api/v1/dags/ant/dagRuns/r/clear", {{"dry_run", false}})["dag_run_id"], "r");
  answer = "error";
  EXPECT_THAT(post(path_, body, 409)["detail"].get<std::string>(), HasSubstr("the DAG is gone"));
}

TEST_F(Clearing, IsTakenBackWhenNoSchedulerRuns) {
  put_ended_run();
  const auto problem = post(path_, {{"dag_run_id", "r"}, {"dry_run", false}}, 503);
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("nothing was changed"));
  EXPECT_TRUE(store->requests().empty());
  EXPECT_EQ(store->run("ant", "r")->state, RunState::failed);
}

}  // namespace
}  // namespace tamis
