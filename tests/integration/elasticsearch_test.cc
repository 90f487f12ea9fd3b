// The elasticsearch sink and reader against real Elasticsearch and OpenSearch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/json.h"
#include "core/http/client.h"
#include "tasks/sinks/data_reader.h"
#include "tasks/sinks/sink.h"
#include "tests/integration/servers.h"

namespace tamis::sinks {
namespace {

using namespace std::chrono_literals;
using base::Json;
using testing::HasSubstr;

struct Server {
  std::string url, username, password, api_key, ca;

  http::Response ask(const std::string& method, const std::string& path, const std::string& body = "") const {
    http::Request request{.method = method,
                          .url = url + path,
                          .body = body,
                          .authentication = {username, password, ""},
                          .ca = ca};
    if (!body.empty()) request.headers = {"Content-Type: application/json"};
    return http::fetch(request);
  }
  Json json(const std::string& path) const { return Json::parse(ask("GET", path).body, nullptr, false); }
  int64_t count(const std::string& index) const {
    ask("POST", "/" + index + "/_refresh");
    return json("/" + index + "/_count").value("count", int64_t{-1});
  }
  base::ElasticsearchConnection connection() const {
    return {.url = url,
            .username = username,
            .password = password,
            .api_key = api_key,
            .ca = ca,
            .bulk_bytes = 64 << 10,
            .deadline = 60s};
  }
};

std::string new_index(const std::string& what) {
  return "tamis-" + what + "-" + base::random_uuid().substr(0, 8);
}

struct Written {
  std::vector<std::pair<std::string, std::string>> refused;
};

SinkContext context_for(const Server& server, Written& written) {
  SinkContext context;
  context.connections.elasticsearch = server.connection();
  context.dag_id = "d";
  context.task_id = "t";
  context.layout.fields = {{"sensor", records::Type::keyword, 0},
                           {"n", records::Type::long_, 1},
                           {"x", records::Type::double_, 2}};
  context.on_refused = [&written](const auto& batch, const auto& entry, std::string message) {
    written.refused.emplace_back(batch.id(entry), std::move(message));
  };
  return context;
}

std::unique_ptr<Sink> sink_for(const Json& parameters, const SinkContext& context) {
  return find_sink("elasticsearch")->make(base::Node::from_json(parameters), context);
}

std::shared_ptr<records::DocumentBatch> batch_of(const std::string& index, int from, int to,
                                                 int64_t version = -1,
                                                 const std::function<std::string(int)>& body = {}) {
  auto batch = std::make_shared<records::DocumentBatch>();
  batch->indices = {index};
  for (int i = from; i < to; ++i) {
    const std::string id = "t-0-" + std::to_string(i);
    const std::string document =
        body
            ? body(i)
            : fmt::format(
                  R"({{"@timestamp":"2026-03-01T09:{:02}:00.000Z","sensor":"s{}","n":{},"x":{}.5,"source":{{"topic":"t","partition":0,"offset":{}}}}})",
                  i % 60, i % 7, i, i, i);
    batch->entries.push_back({.id = batch->bytes.size(),
                              .id_size = static_cast<uint32_t>(id.size()),
                              .body_size = static_cast<uint32_t>(document.size()),
                              .version = version});
    batch->bytes += id + document;
  }
  return batch;
}

void write(const Json& parameters, const SinkContext& context,
           const std::vector<std::shared_ptr<records::DocumentBatch>>& batches) {
  const auto sink = sink_for(parameters, context);
  for (const auto& batch : batches) sink->write(batch);
  sink->finish();
}

template <typename Failure, typename Work>
std::string failure(Work work) {
  try {
    work();
  } catch (const Failure& error) {
    return error.what();
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another error: " << other.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// Every test of it runs against both engines.
class ElasticsearchSink : public testing::TestWithParam<std::pair<const char*, const char*>> {
 protected:
  void SetUp() override {
    const std::string variable = GetParam().first;
    server.url = tests::environment(variable.c_str());
    if (!server.url.empty()) return;
    if (tests::environment("CI") == "true")
      FAIL() << variable << " is not set: with CI=true the server must run";
    GTEST_SKIP() << "no server: start one with tests/servers/" << GetParam().second
                 << " DIR and put its address into " << variable;
  }
  Server server;
  Written written;
};

INSTANTIATE_TEST_SUITE_P(Engines, ElasticsearchSink,
                         testing::Values(std::pair{"TAMIS_TEST_ELASTICSEARCH", "start-elasticsearch"},
                                         std::pair{"TAMIS_TEST_OPENSEARCH", "start-opensearch"}),
                         [](const auto& engine) { return std::string(engine.param.second).substr(6); });

TEST_P(ElasticsearchSink, WritesEveryDocumentOnceHoweverOftenItIsWritten) {
  const auto index = new_index("once");
  for (const bool gzip : {false, true}) {
    auto context = context_for(server, written);
    context.connections.elasticsearch.gzip = gzip;
    write({{"index", index}}, context, {batch_of(index, 0, 3000), batch_of(index, 3000, 5000)});
    EXPECT_EQ(server.count(index), 5000);
  }
  EXPECT_TRUE(written.refused.empty());
  const auto one = server.json("/" + index + "/_doc/t-0-4321");
  EXPECT_EQ(one["_source"]["n"], 4321);
}

TEST_P(ElasticsearchSink, MakesTheMappingFromTheFields) {
  const auto index = new_index("mapped");
  write({{"index", index + "-{event_time:%Y.%m}"}}, context_for(server, written),
        {batch_of(index + "-2026.03", 0, 10)});
  const auto properties =
      server.json("/" + index + "-2026.03/_mapping")[index + "-2026.03"]["mappings"]["properties"];
  EXPECT_EQ(properties["sensor"]["type"], "keyword");
  EXPECT_EQ(properties["n"]["type"], "long");
  EXPECT_EQ(properties["x"]["type"], "double");
  EXPECT_EQ(properties["@timestamp"]["type"], "date");
  EXPECT_EQ(properties["source"]["properties"]["offset"]["type"], "long");

  // A field that comes later reaches the indices that are there.
  auto context = context_for(server, written);
  context.layout.fields.push_back({"later", records::Type::boolean, 3});
  write({{"index", index + "-{event_time:%Y.%m}"}}, context, {batch_of(index + "-2026.03", 0, 1)});
  EXPECT_EQ(server.json("/" + index +
                        "-2026.03/_mapping")[index + "-2026.03"]["mappings"]["properties"]["later"]["type"],
            "boolean");
  EXPECT_TRUE(written.refused.empty());
}

TEST_P(ElasticsearchSink, MakesNoTemplateWhenToldNotTo) {
  const auto index = new_index("own");
  write({{"index", index}, {"manage_template", false}}, context_for(server, written),
        {batch_of(index, 0, 1)});
  EXPECT_EQ(server.ask("GET", "/_index_template/tamis-" + index).status, 404);
  EXPECT_EQ(server.count(index), 1);
}

TEST_P(ElasticsearchSink, KeepsTheNewerVersion) {
  const auto index = new_index("version");
  const auto body = [](int n) { return [n](int) { return R"({"n":)" + std::to_string(n) + "}"; }; };
  const auto context = context_for(server, written);
  write({{"index", index}}, context, {batch_of(index, 0, 3, 5, body(5))});
  write({{"index", index}}, context, {batch_of(index, 0, 3, 4, body(4))});
  EXPECT_EQ(server.json("/" + index + "/_doc/t-0-1")["_source"]["n"], 5);
  write({{"index", index}}, context, {batch_of(index, 0, 3, 5, body(50))});
  EXPECT_EQ(server.json("/" + index + "/_doc/t-0-1")["_source"]["n"], 50);
  EXPECT_TRUE(written.refused.empty());
}

TEST_P(ElasticsearchSink, HandsOverWhatTheMappingRefusesAndWritesTheRest) {
  const auto index = new_index("refused");
  server.ask("PUT", "/" + index, R"({"mappings":{"properties":{"n":{"type":"long"}}}})");
  write({{"index", index}, {"manage_template", false}}, context_for(server, written),
        {batch_of(index, 0, 1000, -1, [](int i) {
          return i % 100 == 7 ? std::string(R"({"n":"abc"})") : R"({"n":)" + std::to_string(i) + "}";
        })});
  EXPECT_EQ(server.count(index), 990);
  ASSERT_EQ(written.refused.size(), 10U);
  EXPECT_EQ(written.refused[0].first, "t-0-7");
  EXPECT_THAT(written.refused[0].second, HasSubstr("failed to parse field [n]"));
}

TEST_P(ElasticsearchSink, EndsTheTaskWhenTheIndexMayNotBeWritten) {
  const auto index = new_index("blocked");
  server.ask("PUT", "/" + index, R"({"settings":{"index.blocks.write":true}})");
  const auto text = failure<base::UserError>([&] {
    write({{"index", index}, {"manage_template", false}}, context_for(server, written),
          {batch_of(index, 0, 10)});
  });
  EXPECT_THAT(text, HasSubstr(index));
  EXPECT_THAT(text, HasSubstr("FORBIDDEN/8"));
  EXPECT_TRUE(written.refused.empty());
}

TEST_P(ElasticsearchSink, WaitsUntilAFullDiskHasRoomAgain) {
  const auto index = new_index("flood");
  server.ask("PUT", "/" + index, R"({"settings":{"index.blocks.read_only_allow_delete":true}})");
  std::jthread mend([&] {
    std::this_thread::sleep_for(300ms);
    server.ask("PUT", "/" + index + "/_settings", R"({"index.blocks.read_only_allow_delete":null})");
  });
  write({{"index", index}, {"manage_template", false}}, context_for(server, written),
        {batch_of(index, 0, 10)});
  EXPECT_EQ(server.count(index), 10);
}

TEST_P(ElasticsearchSink, NamesTheAddressOfAServerThatIsNotThere) {
  auto context = context_for(server, written);
  context.connections.elasticsearch.url = "http://127.0.0.1:1";
  context.connections.elasticsearch.deadline = 500ms;
  const auto text = failure<base::TransientError>([&] {
    write({{"index", "x"}}, context, {batch_of("x", 0, 1)});
  });
  EXPECT_THAT(text, HasSubstr("http://127.0.0.1:1"));
  EXPECT_THAT(failure<base::TransientError>([&] {
                write({{"index", "x"}, {"manage_template", false}}, context, {batch_of("x", 0, 1)});
              }),
              HasSubstr("http://127.0.0.1:1"));
}

TEST_P(ElasticsearchSink, ReadsBackPageByPage) {
  const auto index = new_index("read");
  write({{"index", index}}, context_for(server, written), {batch_of(index, 0, 1000)});
  server.ask("POST", "/" + index + "/_refresh");
  const auto reader = make_elasticsearch_reader(server.connection());
  DataQuery query{.target = index, .limit = 300};
  std::vector<std::string> ids;
  std::string time;
  int pages = 0;
  do {
    const auto page = reader->read(query);
    EXPECT_EQ(page.total, 1000);
    for (const auto& row : page.rows) {
      ids.push_back(row["_id"]);
      EXPECT_LE(time, row["@timestamp"].get<std::string>());
      time = row["@timestamp"];
    }
    query.cursor = page.next_cursor;
  } while (++pages < 10 && !query.cursor.empty());
  EXPECT_EQ(pages, 4);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()) - ids.begin(), 1000);

  const auto at = *base::parse_rfc3339("2026-03-01T09:10:00Z");
  EXPECT_EQ(reader->read({.target = index, .from = at, .to = at + 2min}).total, 34);
  const auto one =
      reader->read({.target = index, .filters = {{"sensor", "s3"}}, .limit = 1, .descending = true});
  EXPECT_EQ(one.total, 143);
  EXPECT_EQ(one.rows.at(0)["sensor"], "s3");
  EXPECT_THAT(reader->targets(), testing::Contains(index));
}

TEST_P(ElasticsearchSink, TellsWhatCannotBeRead) {
  const auto index = new_index("missing");
  write({{"index", index}}, context_for(server, written), {batch_of(index, 0, 1)});
  const auto reader = make_elasticsearch_reader(server.connection());
  EXPECT_THAT(failure<base::NotFound>([&] { reader->read({.target = index + "x"}); }),
              HasSubstr("did you mean \"" + index + "\"?"));
  failure<base::UserError>([&] { reader->read({.target = index, .cursor = "nonsense"}); });
  failure<base::UserError>([&] { reader->read({.target = "../_cluster"}); });
  failure<base::UserError>([&] { reader->read({.target = index, .filters = {{"n", "no number"}}}); });
}

TEST(ElasticsearchPressure, LosesNothingToAFullQueueOrRequestsThatAreTooLarge) {
  TAMIS_NEEDS_ELASTICSEARCH(shared);
  const tests::OwnServer own("elasticsearch", "",
                             "thread_pool.write.queue_size=1 http.max_content_length=32kb");
  const Server server{.url = own.address()};
  Written written;
  auto context = context_for(server, written);
  context.connections.elasticsearch.max_in_flight = 16;
  std::vector<std::jthread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      std::vector<std::shared_ptr<records::DocumentBatch>> batches;
      for (int b = 0; b < 5; ++b)
        batches.push_back(batch_of("tamis-pressure", (w * 5 + b) * 1000, (w * 5 + b + 1) * 1000));
      write({{"index", "tamis-pressure"}}, context, batches);
    });
  writers.clear();
  EXPECT_EQ(server.count("tamis-pressure"), 20'000);
  EXPECT_TRUE(written.refused.empty());
}

TEST(ElasticsearchSecurity, LogsInWithPasswordOrKeyOverTlsAndSaysWhyItCannot) {
  TAMIS_NEEDS_ELASTICSEARCH(shared);
  const tests::OwnServer own("elasticsearch", "--security", "");
  const Server admin{.url = own.address(), .username = "admin", .password = "admin-pw"};
  Written written;
  write({{"index", "tamis-secured"}}, context_for(admin, written), {batch_of("tamis-secured", 0, 10)});
  EXPECT_EQ(admin.count("tamis-secured"), 10);

  auto wrong = admin;
  wrong.password = "guess";
  EXPECT_THAT(
      failure<base::UserError>([&] {
        write({{"index", "tamis-secured"}}, context_for(wrong, written), {batch_of("tamis-secured", 0, 1)});
      }),
      HasSubstr(own.address() + " refused the login of user \"admin\""));

  const Server writer{.url = own.address(), .username = "writer", .password = "writer-pw"};
  EXPECT_THAT(
      failure<base::UserError>([&] {
        write({{"index", "tamis-other"}}, context_for(writer, written), {batch_of("tamis-other", 0, 1)});
      }),
      HasSubstr("user \"writer\" may not"));
  write({{"index", "tamis-secured"}, {"manage_template", false}}, context_for(writer, written),
        {batch_of("tamis-secured", 10, 20)});
  EXPECT_THAT(failure<base::UserError>([&] {
                write({{"index", "elsewhere"}, {"manage_template", false}}, context_for(writer, written),
                      {batch_of("elsewhere", 0, 1)});
              }),
              HasSubstr("\"elsewhere\""));

  const auto made =
      Json::parse(admin.ask("POST", "/_security/api_key", R"({"name":"t"})").body, nullptr, false);
  ASSERT_TRUE(made.contains("encoded")) << made;
  const Server key{.url = own.address(), .api_key = made["encoded"]};
  write({{"index", "tamis-secured"}}, context_for(key, written), {batch_of("tamis-secured", 20, 30)});
  EXPECT_EQ(admin.count("tamis-secured"), 30);
}

}  // namespace
}  // namespace tamis::sinks
