#include "api/server.h"

#include <gmock/gmock.h>

#include <set>

#include "api/openapi.h"
#include "api/routes.h"
#include "tests/unit/api/api_fixture.h"

namespace tamis {
namespace {

using base::Json;
using testing::HasSubstr;

class ApiServer : public WithApi {};

TEST_F(ApiServer, AnswersEveryErrorAsAProblem) {
  for (const auto& [method, path, status] : std::vector<std::tuple<std::string, std::string, int>>{
           {"GET", "/", 404},
           {"GET", "/api/v1/nothing", 404},
           {"GET", "/api/v1/dags/%2e%2e%2fetc", 404},
           {"PUT", "/api/v1/dags", 405},
           {"DELETE", "/api/v1/dags", 405},
           {"POST", "/api/v1/health", 405},
           {"GET", "/" + std::string(3000, 'a'), 414},
           {"GET", "/api/v1/dags/" + std::string(500, '%'), 404},
           {"GET", "/api/v1/dags?%00=%00", 400}}) {
    const auto response = ask(method, path);
    EXPECT_EQ(response.status, status) << method << " " << path.substr(0, 100);
    const auto problem = Json::parse(response.body, nullptr, false);
    ASSERT_TRUE(problem.is_object()) << response.body;
    EXPECT_EQ(problem["status"], status);
    EXPECT_TRUE(problem.contains("type") && problem.contains("title"));
    EXPECT_EQ(response.headers.find("content-type")->second, "application/problem+json");
  }
  EXPECT_EQ(ask("PUT", "/api/v1/dags").headers.find("allow")->second, "GET, PATCH");
  EXPECT_EQ(ask("OPTIONS", "/api/v1/dags").status, 405);
}

TEST_F(ApiServer, TellsHealthOfStoreAndScheduler) {
  EXPECT_EQ(get("/api/v1/health")["scheduler"]["status"], "healthy");
  EXPECT_EQ(get("/health")["status"], "healthy");
  scheduler_seen.reset();
  EXPECT_EQ(get("/api/v1/health")["scheduler"]["status"], "unhealthy");
  EXPECT_EQ(get("/health")["status"], "healthy") << "the api can do its work";
  redis_is_down = true;
  EXPECT_EQ(get("/api/v1/health")["metadatabase"]["status"], "unhealthy") << "with 200, as Airflow's";
  get("/health", 503);
  EXPECT_TRUE(get("/api/v1/version").contains("version"));
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("tamis_api_requests_total{"));
}

TEST_F(ApiServer, TellsWorkersAndQueues) {
  EXPECT_EQ(get("/api/v1/workers")["workers"][0]["name"], "tamis@here-1");
  EXPECT_EQ(get("/api/v1/queues")["queues"][0]["depth"], 7);
}

TEST_F(ApiServer, TellsImportErrors) {
  store->set_import_errors({{"b.yaml", "b.yaml:1:1: error", Json::array(), base::now()},
                            {"a.yaml", "worse", Json::array(), base::now()}});
  const auto page = get("/api/v1/importErrors?order_by=filename");
  EXPECT_EQ(page["total_entries"], 2);
  EXPECT_EQ(page["import_errors"][0]["filename"], "a.yaml");
  const auto id = page["import_errors"][0]["import_error_id"].get<int64_t>();
  EXPECT_EQ(get("/api/v1/importErrors/" + std::to_string(id))["stack_trace"], "worse");
  get("/api/v1/importErrors/5x", 404);
}

TEST_F(ApiServer, ReadsDataByPagesAndFilters) {
  for (int i = 0; i < 5; ++i) reader->tables["iot_by_minute"].push_back({{"n", i}});
  EXPECT_EQ(get("/data")["data"][0]["name"], "iot_by_minute");
  const auto first =
      get("/data/iot_by_minute?limit=3&from=2026-03-01&to=2026-03-02T00:00:00Z&sensor_id=s-1&order=desc");
  EXPECT_EQ(first["rows"].size(), 3u);
  EXPECT_EQ(first["store"], "sqlite");
  EXPECT_EQ(first["total_entries"], 5);
  const auto& asked = reader->asked.back();
  EXPECT_EQ(asked.from, base::from_civil(2026, 3, 1));
  EXPECT_EQ(asked.to, base::from_civil(2026, 3, 2));
  EXPECT_THAT(asked.filters, testing::ElementsAre(testing::Pair("sensor_id", "s-1")));
  EXPECT_TRUE(asked.descending);
  const auto second = get("/data/iot_by_minute?limit=3&cursor=" + first["next_cursor"].get<std::string>());
  EXPECT_EQ(second["rows"].size(), 2u);
  EXPECT_TRUE(second["next_cursor"].is_null());
  get("/data/iot_by_minute?limit=1000000");
  EXPECT_EQ(reader->asked.back().limit, 1000u);
  for (const char* query :
       {"limit=0", "limit=x", "from=yesterday", "order=up", "store=oracle", "from=2026-03-02&to=2026-03-01"})
    get(std::string("/data/iot_by_minute?") + query, 400);
  get("/data/nothing", 404);
  reader->is_down = true;
  get("/data/iot_by_minute", 503);
  get("/data", 503);
}

TEST_F(ApiServer, RefusesPagesOfOthers) {
  put_dag("ant");
  EXPECT_EQ(ask("GET", "/api/v1/dags", "", {"Host: evil.example"}).status, 403)
      << "a name made to point here";
  EXPECT_EQ(ask("POST", "/api/v1/dags/ant/dagRuns", "{}", {"Origin: http://evil.example"}).status, 403);
  EXPECT_EQ(ask("POST", "/api/v1/dags/ant/dagRuns", "{}", {"Origin: " + url()}).status, 200);
  EXPECT_EQ(store->count_runs({}), 1u);
}

TEST(ApiListen, BeyondThisMachineMustBeAskedForInSoManyWords) {
  api::ServerOptions options;
  options.listen = "0.0.0.0:0";
  try {
    api::Server server(options, {});
    FAIL() << "it listens to everybody";
  } catch (const base::UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--allow_no_auth"));
  }
  options.allow_no_auth = true;
  EXPECT_NO_THROW(api::Server(options, {}));
}

std::set<std::string> documented_query(const Json& operation) {
  std::set<std::string> names;
  for (const auto& parameter : operation.value("parameters", Json::array()))
    if (parameter["in"] == "query") names.insert(parameter["name"].get<std::string>());
  return names;
}

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  const auto document = Json::parse(api::openapi_document());
  std::set<std::string> described, served;
  for (const auto& [path, operations] : document["paths"].items())
    for (const auto& [method, operation] : operations.items()) described.insert(method + " " + path);
  for (const auto& route : api::routes()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    served.insert(method + " " + route.pattern);
    if (!document["paths"].contains(route.pattern) || !document["paths"][route.pattern].contains(method))
      continue;
    const auto& operation = document["paths"][route.pattern][method];
    EXPECT_TRUE(operation["responses"].contains("200")) << route.pattern;
    std::set<std::string> in_path;
    for (const auto& parameter : operation.value("parameters", Json::array()))
      if (parameter["in"] == "path") in_path.insert("{" + parameter["name"].get<std::string>() + "}");
    for (const auto& name : in_path) EXPECT_THAT(route.pattern, HasSubstr(name));
    EXPECT_EQ(static_cast<long>(in_path.size()), std::count(route.pattern.begin(), route.pattern.end(), '{'))
        << route.pattern;
    if (!route.query.empty() && route.query[0] == "*") continue;
    EXPECT_EQ(documented_query(operation), std::set<std::string>(route.query.begin(), route.query.end()))
        << method << " " << route.pattern;
  }
  EXPECT_EQ(described, served);
}

TEST(OpenApi, PointsOnlyAtWhatItHolds) {
  const auto document = Json::parse(api::openapi_document());
  const auto text = document.dump();
  for (size_t at = 0; (at = text.find("\"$ref\":\"#", at)) != std::string::npos; ++at) {
    const size_t begin = at + 9, end = text.find('"', begin);
    EXPECT_TRUE(document.contains(Json::json_pointer(text.substr(begin, end - begin))))
        << text.substr(begin, end - begin);
  }
}

}  // namespace
}  // namespace tamis
