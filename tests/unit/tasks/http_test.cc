#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/http/server.h"
#include "tasks/task.h"

namespace tamis::tasks {
namespace {

using base::Json;

/// Answers with the status that the path names and, as JSON, what it got.
class HttpTask : public testing::Test {
 protected:
  HttpTask()
      : server_("127.0.0.1:0", "", {}, [](const http::Call& call) {
          http::Answer answer;
          answer.status = std::stoi(call.segments.at(0));
          answer.body = Json{
              {"method", call.method},
              {"type", call.header("content-type")},
              {"mark", call.header("x-mark")},
              {"body",
               call.body}}.dump();
          return answer;
        }) {}
  std::string url(int status) const { return "http://" + server_.address() + "/" + std::to_string(status); }
  static Json run(const Json& kwargs) { return find_task("tamis.http")->run(Json::array(), kwargs, {}); }

 private:
  http::Server server_;
};

TEST_F(HttpTask, SendsTheRequestAndGivesTheAnswer) {
  const auto result =
      run({{"url", url(200)}, {"method", "POST"}, {"headers", {{"X-Mark", "7"}}}, {"body", {{"a", 1}}}});
  EXPECT_EQ(result["status"], 200);
  EXPECT_EQ(result["json"]["method"], "POST");
  EXPECT_EQ(result["json"]["type"], "application/json");
  EXPECT_EQ(result["json"]["mark"], "7");
  EXPECT_EQ(result["json"]["body"], R"({"a":1})");
}

TEST_F(HttpTask, FailsForGoodOnAWrongRequestAndRetriesWhatTheServerMayMend) {
  EXPECT_THROW(run({{"url", url(404)}}), base::UserError);
  EXPECT_THROW(run({{"url", url(503)}}), base::TransientError);
  EXPECT_THROW(run({{"url", url(429)}}), base::TransientError);
  EXPECT_EQ(run({{"url", url(404)}, {"expected_status", {200, 404}}})["status"], 404);
  EXPECT_THROW(run({{"url", url(200)}, {"expected_status", 201}}), base::UserError);
}

TEST_F(HttpTask, RetriesWhenNobodyAnswers) {
  EXPECT_THROW(run({{"url", "http://127.0.0.1:1/"}, {"timeout", "2s"}}), base::TransientError);
}

TEST_F(HttpTask, RefusesAMessageThatIsWrong) {
  EXPECT_THROW(run(Json::object()), base::UserError);
  EXPECT_THROW(run({{"url", url(200)}, {"timeout", "soon"}}), base::UserError);
  EXPECT_THROW(run({{"url", url(200)}, {"expected_status", "ok"}}), base::UserError);
}

}  // namespace
}  // namespace tamis::tasks
