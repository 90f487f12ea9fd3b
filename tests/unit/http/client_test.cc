#include "core/http/client.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "tests/fakes/http_server.h"

namespace tamis::http {
namespace {

using namespace std::chrono_literals;
using fakes::HttpAnswer;
using fakes::HttpRequest;
using fakes::HttpServer;

TEST(Fetch, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  HttpServer server(
      [](const HttpRequest&) { return HttpAnswer{.status = 201, .body = "made", .headers = {"X-One: 1"}}; });
  const Response response = fetch({.method = "PUT",
                                   .url = server.url() + "/a?b=c",
                                   .headers = {"Content-Type: text/plain"},
                                   .body = "hello"});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "made");
  EXPECT_EQ(response.headers.find("x-one")->second, "1");
  const HttpRequest seen = server.seen().at(0);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/a?b=c");
  EXPECT_EQ(seen.body, "hello");
  EXPECT_EQ(seen.headers.at("content-type"), "text/plain");
}

TEST(Fetch, NeverAsksToContinueNorSendsChunksWithLongBodies) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{}; });
  const std::string body(3 << 20, 'x');
  EXPECT_EQ(fetch({.method = "POST", .url = server.url(), .body = body}).status, 200);
  const HttpRequest seen = server.seen().at(0);
  EXPECT_EQ(seen.body.size(), body.size());
  EXPECT_FALSE(seen.headers.contains("expect"));
  EXPECT_FALSE(seen.headers.contains("transfer-encoding"));
  EXPECT_FALSE(seen.headers.contains("content-type"));
}

TEST(Fetch, SendsBasicAndKeyAuthentication) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{}; });
  fetch({.url = server.url(), .authentication = {.username = "ada", .password = "secret"}});
  fetch({.url = server.url(), .authentication = {.authorization = "ApiKey abc"}});
  EXPECT_EQ(server.seen().at(0).headers.at("authorization"), "Basic YWRhOnNlY3JldA==");
  EXPECT_EQ(server.seen().at(1).headers.at("authorization"), "ApiKey abc");
}

TEST(Fetch, KeepsTheConnectionForTheNextRequest) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.body = "x"}; });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch({.url = server.url()}).status, 200);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Fetch, TellsThatNothingWasSentWhenNobodyListens) {
  std::string url;
  {
    HttpServer gone([](const HttpRequest&) { return HttpAnswer{}; });
    url = gone.url();
  }
  const Response response = fetch({.url = url});
  EXPECT_EQ(response.status, 0);
  EXPECT_FALSE(response.sent);
  EXPECT_NE(response.error.find("connect"), std::string::npos) << response.error;
}

TEST(Fetch, EndsWithinItsTimeoutAndTellsThatTheRequestMayHaveArrived) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.delay = 60s}; });
  const auto begin = std::chrono::steady_clock::now();
  const Response response = fetch({.url = server.url(), .timeout = 100ms});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(response.status, 0);
  EXPECT_TRUE(response.sent);
  EXPECT_FALSE(response.error.empty());
}

TEST(Fetch, RefusesAnAnswerThatIsTooLong) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.body = std::string(1000, 'x')}; });
  const Response response = fetch({.url = server.url(), .max_response_bytes = 999});
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(response.error, "the answer is longer than 999 bytes");
  EXPECT_EQ(fetch({.url = server.url(), .max_response_bytes = 1000}).status, 200);
}

TEST(Fetch, CallsHalfAnAnswerNone) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.body = "0123456789", .cut = 4}; });
  const Response response = fetch({.url = server.url()});
  EXPECT_EQ(response.status, 0);
  EXPECT_TRUE(response.sent);
  EXPECT_FALSE(response.error.empty());
}

TEST(Fetch, EndsWhenAskedToStop) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.delay = 60s}; });
  std::stop_source stop;
  auto response = std::async(std::launch::async,
                             [&] { return fetch({.url = server.url(), .timeout = 50s}, stop.get_token()); });
  while (server.seen().empty()) std::this_thread::yield();
  stop.request_stop();
  ASSERT_EQ(response.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(response.get().error, "the request was cancelled");
}

TEST(Fetch, KnowsOnlyHttp) {
  EXPECT_EQ(fetch({.url = "file:///etc/hostname"}).status, 0);
}

TEST(Multi, GivesEveryRequestBackWithItsAnswer) {
  HttpServer server([](const HttpRequest& request) { return HttpAnswer{.body = "for " + request.body}; });
  std::latch done(50);
  std::mutex mutex;
  std::map<std::string, std::string> answers;
  Multi multi(4);
  for (int i = 0; i < 50; ++i)
    multi.send({.method = "POST", .url = server.url(), .body = std::to_string(i)},
               [&](Request request, Response response) {
                 {
                   std::lock_guard lock(mutex);
                   answers[request.body] = response.body;
                 }
                 done.count_down();
               });
  done.wait();
  EXPECT_EQ(answers.size(), 50U);
  for (const auto& [body, answer] : answers) EXPECT_EQ(answer, "for " + body);
  EXPECT_LE(server.connections(), 4);
}

TEST(Multi, CallsBackForWhatItCancels) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.delay = 60s}; });
  std::atomic<int> cancelled = 0;
  std::latch done(3);
  Multi multi(1);
  for (int i = 0; i < 3; ++i)
    multi.send({.url = server.url()}, [&](Request, Response response) {
      if (response.error == "the request was cancelled") ++cancelled;
      done.count_down();
    });
  while (server.seen().empty()) std::this_thread::yield();
  multi.cancel();
  done.wait();
  EXPECT_EQ(cancelled, 3);
}

TEST(Multi, CallsBackBeforeItIsGone) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{.delay = 60s}; });
  std::atomic<int> called = 0;
  {
    Multi multi(2);
    for (int i = 0; i < 4; ++i) multi.send({.url = server.url()}, [&](Request, Response) { ++called; });
  }
  EXPECT_EQ(called, 4);
}

TEST(UrlEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(url_encode("a b/ü-_.~9"), "a%20b%2F%C3%BC-_.~9");
}

}  // namespace
}  // namespace tamis::http
