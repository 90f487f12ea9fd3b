#include "tasks/sinks/elasticsearch_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/fakes/http_server.h"

namespace tamis::sinks {
namespace {

using fakes::HttpAnswer;
using fakes::HttpRequest;
using fakes::HttpServer;

SinkContext context_with(std::vector<records::Layout::Field> fields, Purpose purpose = Purpose::documents) {
  SinkContext context;
  context.layout.fields = std::move(fields);
  context.purpose = purpose;
  return context;
}

TEST(IndexTemplate, TakesNameAndPatternFromTheIndex) {
  const auto made = make_template("iot-clean-{event_time:%Y.%m.%d}", context_with({}));
  EXPECT_EQ(made.name, "tamis-iot-clean");
  EXPECT_EQ(made.pattern, "iot-clean-*");
  EXPECT_EQ(make_template("plain", context_with({})).pattern, "plain");
  EXPECT_EQ(make_template("{event_time:%Y}-x-{event_time:%m}", context_with({})).pattern, "*-x-*");
}

TEST(IndexTemplate, GivesTheMoreSpecificPatternTheHigherPriority) {
  const auto priority = [](const char* index) {
    return make_template(index, context_with({})).body["priority"].get<int>();
  };
  EXPECT_LT(priority("iot-{event_time:%Y}"), priority("iot-clean-{event_time:%Y}"));
  EXPECT_LT(priority("iot-{event_time:%Y}"), priority("iot-"));
}

TEST(IndexTemplate, MapsEveryTypeOfField) {
  using records::Type;
  const auto made = make_template("x", context_with({{"k", Type::keyword, 0},
                                                     {"l", Type::long_, 1},
                                                     {"d", Type::double_, 2},
                                                     {"b", Type::boolean, 3},
                                                     {"t", Type::timestamp, 4}}));
  const auto& mappings = made.body["template"]["mappings"];
  EXPECT_EQ(mappings["dynamic"], "false");
  const auto& properties = mappings["properties"];
  EXPECT_EQ(properties["k"]["type"], "keyword");
  EXPECT_EQ(properties["k"]["ignore_above"], 8191);
  EXPECT_EQ(properties["l"]["type"], "long");
  EXPECT_EQ(properties["d"]["type"], "double");
  EXPECT_EQ(properties["b"]["type"], "boolean");
  EXPECT_EQ(properties["t"]["type"], "date");
  EXPECT_EQ(properties["@timestamp"]["type"], "date");
  EXPECT_EQ(properties["source"]["properties"]["offset"]["type"], "long");
}

TEST(IndexTemplate, StoresWhatWasRejectedWithoutIndexingIt) {
  const auto made = make_template("x", context_with({}, Purpose::rejects));
  const auto& properties = made.body["template"]["mappings"]["properties"];
  EXPECT_EQ(properties["reason"]["type"], "keyword");
  EXPECT_EQ(properties["raw"]["index"], false);
  EXPECT_FALSE(properties.contains("@timestamp"));
}

TEST(EnsureTemplate, LeavesTheServerAloneWhenItHasTheSame) {
  const auto wanted = make_template("x", context_with({{"k", records::Type::keyword, 0}}));
  const base::Json there = {{"index_templates", {{{"name", wanted.name}, {"index_template", wanted.body}}}}};
  HttpServer server([&](const HttpRequest&) { return HttpAnswer{.body = there.dump()}; });
  ElasticsearchNodes nodes({.url = server.url()});
  ensure_template(nodes, wanted, {});
  EXPECT_EQ(server.seen().size(), 1U);
}

TEST(EnsureTemplate, AddsItsFieldsToThoseOfOthers) {
  const auto others = make_template("x", context_with({{"theirs", records::Type::long_, 0}}));
  const auto wanted = make_template("x", context_with({{"ours", records::Type::keyword, 0}}));
  const base::Json there = {{"index_templates", {{{"name", others.name}, {"index_template", others.body}}}}};
  HttpServer server([&](const HttpRequest& request) {
    return request.method == "GET" ? HttpAnswer{.body = there.dump()} : HttpAnswer{.body = "{}"};
  });
  ElasticsearchNodes nodes({.url = server.url()});
  ensure_template(nodes, wanted, {});
  ASSERT_EQ(server.seen().size(), 3U);
  const auto put = base::Json::parse(server.seen()[1].body);
  EXPECT_EQ(put["template"]["mappings"]["properties"]["theirs"]["type"], "long");
  EXPECT_EQ(put["template"]["mappings"]["properties"]["ours"]["type"], "keyword");
  EXPECT_EQ(server.seen()[2].target, "/x/_mapping");
}

TEST(EnsureTemplate, SaysWhatToDoWhenItIsRefused) {
  HttpServer server([&](const HttpRequest& request) {
    return request.method == "GET"
               ? HttpAnswer{.status = 404}
               : HttpAnswer{.status = 400, .body = R"({"error":{"type":"a","reason":"b"}})"};
  });
  ElasticsearchNodes nodes({.url = server.url()});
  try {
    ensure_template(nodes, make_template("x", context_with({})), {});
    FAIL();
  } catch (const base::UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("a: b; with `manage_template: false` none is made"));
  }
}

}  // namespace
}  // namespace tamis::sinks
