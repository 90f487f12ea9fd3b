#include "tasks/sinks/bulk_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/base/compression.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "tests/fakes/http_server.h"

namespace tamis::sinks {
namespace {

using namespace std::chrono_literals;
using fakes::HttpAnswer;
using fakes::HttpRequest;
using fakes::HttpServer;
using testing::HasSubstr;

std::shared_ptr<records::DocumentBatch> documents(const std::vector<std::pair<std::string, std::string>>& all,
                                                  int64_t version = -1) {
  auto batch = std::make_shared<records::DocumentBatch>();
  batch->indices = {"things"};
  for (const auto& [id, body] : all) {
    batch->entries.push_back({.id = batch->bytes.size(),
                              .id_size = static_cast<uint32_t>(id.size()),
                              .body_size = static_cast<uint32_t>(body.size()),
                              .version = version});
    batch->bytes += id + body;
  }
  return batch;
}

std::shared_ptr<records::DocumentBatch> numbered(int from, int to) {
  std::vector<std::pair<std::string, std::string>> all;
  for (int i = from; i < to; ++i)
    all.emplace_back("id-" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}");
  return documents(all);
}

/// A store that a fake server fills from bulk bodies; `verdict` may say another status for a document.
struct Store {
  std::map<std::string, std::string> there;
  std::vector<size_t> sizes;  // documents of each request
  std::function<int(const std::string& id)> verdict = [](const auto&) { return 201; };

  static std::vector<std::pair<std::string, std::string>> lines(const HttpRequest& request) {
    std::string body = request.body;
    if (request.headers.contains("content-encoding")) body = base::zlib_decompress(body, 100 << 20);
    std::vector<std::pair<std::string, std::string>> all;
    std::istringstream in(body);
    for (std::string action, document; std::getline(in, action) && std::getline(in, document);)
      all.emplace_back(base::Json::parse(action)["index"]["_id"].get<std::string>(), document);
    return all;
  }

  HttpAnswer apply(const HttpRequest& request) {
    base::Json items = base::Json::array();
    bool errors = false;
    const auto all = lines(request);
    sizes.push_back(all.size());
    for (const auto& [id, document] : all) {
      const int status = verdict(id);
      base::Json item = {{"status", status}};
      if (status > 299) {
        errors = true;
        item["error"] = {
            {"type", status == 429 ? "es_rejected_execution_exception" : "document_parsing_exception"},
            {"reason", "no " + id}};
      } else {
        there[id] = document;
      }
      items.push_back({{"index", item}});
    }
    return {.body = base::Json{{"errors", errors}, {"took", 1}, {"items", items}}.dump()};
  }
};

struct Run {
  std::vector<std::pair<std::string, std::string>> refused;
  BulkWriter::Counts counts;
  std::string failure;
  bool transient = false;
};

Run write_all(const std::string& url, const std::vector<std::shared_ptr<records::DocumentBatch>>& batches,
              base::ElasticsearchConnection connection = {}, std::stop_token stop = {}) {
  connection.url = url;
  Run run;
  BulkWriter writer(
      connection, std::make_shared<ElasticsearchNodes>(connection),
      [&](const auto& batch, const auto& entry, std::string message) {
        run.refused.emplace_back(batch.id(entry), std::move(message));
      },
      stop);
  try {
    for (const auto& batch : batches) writer.write(batch);
    writer.finish();
  } catch (const base::TransientError& error) {
    run.failure = error.what();
    run.transient = true;
  } catch (const base::Error& error) {
    run.failure = error.what();
  }
  run.counts = writer.counts();
  return run;
}

TEST(BulkWriter, WritesEveryDocumentAndAsksOnlyForWhatItReads) {
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  const auto run = write_all(server.url(), {numbered(0, 500), numbered(500, 1000)});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(store.there.size(), 1000U);
  EXPECT_EQ(store.there["id-7"], R"({"n":7})");
  EXPECT_EQ(run.counts.written, 1000U);
  EXPECT_EQ(run.counts.requests, 1U);
  const auto seen = server.seen().at(0);
  EXPECT_THAT(seen.target, HasSubstr("/things/_bulk?"));
  EXPECT_THAT(seen.target, HasSubstr("filter_path=errors"));
  EXPECT_EQ(seen.headers.at("content-type"), "application/x-ndjson");
}

TEST(BulkWriter, CutsRequestsByBytes) {
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  write_all(server.url(), {numbered(0, 1000)}, {.bulk_bytes = 4096});
  EXPECT_EQ(store.there.size(), 1000U);
  EXPECT_GT(store.sizes.size(), 7U);
  for (const auto& request : server.seen()) EXPECT_LT(request.body.size(), 2 * 4096U);
}

TEST(BulkWriter, CompressesWhenToldTo) {
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  write_all(server.url(), {numbered(0, 1000)}, {.gzip = true});
  EXPECT_EQ(store.there.size(), 1000U);
  EXPECT_EQ(server.seen().at(0).headers.at("content-encoding"), "gzip");
}

TEST(BulkWriter, WritesVersionsAndOtherIndicesIntoActions) {
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  auto batch = documents({{"a\"b", "{\n\"n\":1}"}, {"c", "{}"}}, 42);
  batch->indices.emplace_back("others");
  batch->entries[1].index = 1;
  write_all(server.url(), {batch});
  EXPECT_EQ(server.seen().at(0).body,
            "{\"index\":{\"_id\":\"a\\\"b\",\"version_type\":\"external_gte\",\"version\":42}}\n{ \"n\":1}\n"
            "{\"index\":{\"_id\":\"c\",\"_index\":\"others\",\"version_type\":\"external_gte\",\"version\":"
            "42}}\n{}\n");
}

TEST(BulkWriter, SendsOnlyFailedDocumentsAgain) {
  Store store;
  int turn = 0;
  HttpServer server([&](const HttpRequest& request) {
    ++turn;
    store.verdict = [&](const std::string& id) { return turn < 3 && id.ends_with('7') ? 429 : 201; };
    return store.apply(request);
  });
  const auto run = write_all(server.url(), {numbered(0, 100)});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(store.there.size(), 100U);
  EXPECT_THAT(store.sizes, testing::ElementsAre(100, 10, 10));
  EXPECT_EQ(run.counts.repeated, 20U);
  EXPECT_EQ(run.counts.written, 100U);
}

TEST(BulkWriter, HandsOverRefusedDocumentsWithTheServersWordsAndWritesTheRest) {
  Store store;
  store.verdict = [](const std::string& id) { return id == "id-3" ? 400 : 201; };
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  const auto run = write_all(server.url(), {numbered(0, 10)});
  EXPECT_EQ(run.failure, "");
  ASSERT_EQ(run.refused.size(), 1U);
  EXPECT_EQ(run.refused[0].first, "id-3");
  EXPECT_EQ(run.refused[0].second, "document_parsing_exception: no id-3");
  EXPECT_EQ(run.counts.written, 9U);
}

TEST(BulkWriter, CountsAVersionConflictAsAlreadyThere) {
  Store store;
  store.verdict = [](const std::string& id) { return id == "id-3" ? 409 : 201; };
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  const auto run = write_all(server.url(), {numbered(0, 10)});
  EXPECT_EQ(run.counts.already_there, 1U);
  EXPECT_TRUE(run.refused.empty());
}

TEST(BulkWriter, HalvesWhatIsTooLargeAndRefusesASingleDocumentThatIs) {
  Store store;
  HttpServer server([&](const HttpRequest& request) {
    if (request.body.size() > 2000) return HttpAnswer{.status = 413};
    return store.apply(request);
  });
  auto batch = numbered(0, 200);
  const auto large = documents({{"large", R"({"x":")" + std::string(3000, 'x') + "\"}"}});
  const auto run = write_all(server.url(), {batch, large});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(store.there.size(), 200U);
  ASSERT_EQ(run.refused.size(), 1U);
  EXPECT_EQ(run.refused[0].first, "large");
}

TEST(BulkWriter, FindsTheDocumentForWhichAWholeRequestIsRefused) {
  Store store;
  HttpServer server([&](const HttpRequest& request) {
    if (request.body.find("\"id-13\"") != std::string::npos)
      return HttpAnswer{
          .status = 400,
          .body =
              R"({"error":{"type":"action_request_validation_exception","reason":"bad 13"},"status":400})"};
    return store.apply(request);
  });
  const auto run = write_all(server.url(), {numbered(0, 100)});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(store.there.size(), 99U);
  ASSERT_EQ(run.refused.size(), 1U);
  EXPECT_EQ(run.refused[0].first, "id-13");
  EXPECT_THAT(run.refused[0].second, HasSubstr("bad 13"));
}

TEST(BulkWriter, FailsAndRefusesNothingWhenEveryRequestIsRefused) {
  HttpServer server([&](const HttpRequest&) {
    return HttpAnswer{
        .status = 400,
        .body = R"({"error":{"type":"illegal_argument_exception","reason":"unknown parameter"}})"};
  });
  const auto run = write_all(server.url(), {numbered(0, 100)});
  EXPECT_THAT(run.failure, HasSubstr("unknown parameter"));
  EXPECT_FALSE(run.transient);
  EXPECT_TRUE(run.refused.empty());
}

TEST(BulkWriter, KeepsSendingWhenAnswersAreLateCutShortOrMissing) {
  Store store;
  int turn = 0;
  HttpServer server([&](const HttpRequest& request) {
    auto answer = store.apply(request);
    switch (++turn) {
      case 1:
        answer.drop = true;
        break;
      case 2:
        answer.cut = answer.body.size() / 2;
        break;
      case 3:
        return HttpAnswer{.status = 503, .body = "<html>gateway</html>"};
      case 4:
        answer.body = R"({"errors":false,"items":[{"index":{"status":201}}]})";
        break;
      case 5:
        answer.delay = 60s;
        break;
      default:
        break;
    }
    return answer;
  });
  const auto run = write_all(server.url(), {numbered(0, 20)}, {.timeout = 200ms});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(turn, 6);
  EXPECT_EQ(store.there.size(), 20U);
  EXPECT_EQ(run.counts.written, 20U);
}

TEST(BulkWriter, GivesUpAtItsDeadlineAndSaysWhy) {
  HttpServer server([&](const HttpRequest&) {
    return HttpAnswer{
        .status = 429,
        .body = R"({"error":{"type":"es_rejected_execution_exception","reason":"queue full"}})"};
  });
  const auto run = write_all(server.url(), {numbered(0, 5)}, {.deadline = 300ms});
  EXPECT_TRUE(run.transient);
  EXPECT_THAT(run.failure, HasSubstr("did not take 5 documents for index \"things\" within 300ms"));
  EXPECT_THAT(run.failure, HasSubstr("queue full"));
}

TEST(BulkWriter, NamesUserAndAddressWhenTheLoginIsRefused) {
  HttpServer server([&](const HttpRequest&) { return HttpAnswer{.status = 401}; });
  const auto run = write_all(server.url(), {numbered(0, 5)}, {.username = "ada", .password = "secret"});
  EXPECT_FALSE(run.transient);
  EXPECT_EQ(run.failure, "Elasticsearch at " + server.url() + " refused the login of user \"ada\"");
}

TEST(BulkWriter, EndsTheTaskWhenAnIndexMayNotBeWritten) {
  HttpServer server([&](const HttpRequest&) {
    return HttpAnswer{
        .body =
            R"({"errors":true,"items":[{"index":{"status":403,"error":{"type":"cluster_block_exception","reason":"index [things] blocked by: [FORBIDDEN/8/index write (api)]"}}}]})"};
  });
  const auto run = write_all(server.url(), {numbered(0, 1)});
  EXPECT_FALSE(run.transient);
  EXPECT_THAT(run.failure, HasSubstr("FORBIDDEN/8"));
  EXPECT_TRUE(run.refused.empty());
}

TEST(BulkWriter, UsesTheNodeThatAnswersWhenAnotherIsDown) {
  std::string dead;
  {
    HttpServer gone([](const HttpRequest&) { return HttpAnswer{}; });
    dead = gone.url();
  }
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  const auto run = write_all(dead + ", " + server.url(), {numbered(0, 1000)}, {.bulk_bytes = 4096});
  EXPECT_EQ(run.failure, "");
  EXPECT_EQ(store.there.size(), 1000U);
}

TEST(BulkWriter, RefusesIdsThatTheServerWouldRefuseARequestFor) {
  Store store;
  HttpServer server([&](const HttpRequest& request) { return store.apply(request); });
  const auto run = write_all(
      server.url(), {documents({{std::string(513, 'x'), "{}"}, {std::string(512, 'x'), "{}"}, {"", "{}"}})});
  EXPECT_EQ(run.refused.size(), 2U);
  EXPECT_EQ(store.there.size(), 1U);
}

TEST(BulkWriter, BlocksWhileTooMuchIsUnderWayAndEndsWhenAskedToStop) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.delay = 60s}; });
  std::stop_source stop;
  std::jthread stopper([&] {
    while (server.seen().empty()) std::this_thread::yield();
    stop.request_stop();
  });
  std::vector<std::shared_ptr<records::DocumentBatch>> endless(1000, numbered(0, 100));
  const auto run = write_all(server.url(), endless, {.bulk_bytes = 4096}, stop.get_token());
  EXPECT_TRUE(run.transient);
  EXPECT_THAT(run.failure, HasSubstr("was stopped"));
  size_t sent = 0;
  for (const auto& request : server.seen()) sent += request.body.size();
  EXPECT_LT(sent, 4U * 2 * 4096U);
}

TEST(BulkLimit, HalvesOncePerRoundAndGrowsBackSlowly) {
  using Clock = BulkLimit::Clock;
  BulkLimit limit(8);
  EXPECT_EQ(limit.limit(), 2);
  for (int i = 0; i < 100; ++i) limit.on_success(10ms);
  EXPECT_EQ(limit.limit(), 8);
  const auto now = Clock::now();
  for (int i = 0; i < 5; ++i) limit.on_overload(now - 1s, now);
  EXPECT_EQ(limit.limit(), 4);
  limit.on_overload(now + 1s, now + 2s);
  EXPECT_EQ(limit.limit(), 2);
  for (int i = 0; i < 10; ++i) limit.on_overload(now + 3s + i * 1s, now + 3s + i * 1s);
  EXPECT_EQ(limit.limit(), 1);
}

}  // namespace
}  // namespace tamis::sinks
