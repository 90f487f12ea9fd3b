#include "core/http/status_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "core/base/error.h"
#include "core/http/address.h"
#include "core/http/server.h"

namespace tamis::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Sends bytes as they are and reads until the server closes: what no proper client would send can be sent
/// too.
std::string ask(const std::string& address, const std::string& bytes) {
  const auto to = parse_address(address, "to");
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(to.port));
  inet_pton(AF_INET, to.host.c_str(), &where.sin_addr);
  if (connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) return "not connected";
  size_t sent = 0;
  while (sent < bytes.size()) {
    const auto n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<size_t>(n);
  }
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  close(fd);
  return answer;
}

std::string get(const std::string& address, const std::string& path) {
  return ask(address, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

TEST(StatusServer, TellsHealthAndMetrics) {
  StatusServer server("127.0.0.1:0", [] { return base::Json{{"status", "healthy"}, {"queue", 3}}; });
  const auto health = get(server.address(), "/health");
  EXPECT_THAT(health, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(health, HasSubstr(R"({"status":"healthy","queue":3})"));
  const auto metrics = get(server.address(), "/metrics");
  EXPECT_THAT(metrics, HasSubstr("process_resident_memory_bytes"));
  EXPECT_THAT(get(server.address(), "/"), StartsWith("HTTP/1.1 404"));
}

TEST(StatusServer, Answers503WhenNotHealthy) {
  std::atomic<bool> good = true;
  StatusServer server("127.0.0.1:0", [&] { return base::Json{{"status", good ? "healthy" : "no Redis"}}; });
  EXPECT_THAT(get(server.address(), "/health"), StartsWith("HTTP/1.1 200"));
  good = false;
  EXPECT_THAT(get(server.address(), "/health"), StartsWith("HTTP/1.1 503"));
}

TEST(StatusServer, IsNoServerWithoutAnAddress) {
  StatusServer server("", [] { return base::Json{}; });
  EXPECT_EQ(server.address(), "");
}

TEST(StatusServer, SaysThatTheAddressIsTaken) {
  StatusServer first("127.0.0.1:0", [] { return base::Json{}; });
  try {
    StatusServer second(first.address(), [] { return base::Json{}; });
    FAIL() << "two servers on one port";
  } catch (const base::UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another program listens there"));
    EXPECT_THAT(error.what(), HasSubstr(first.address()));
  }
}

TEST(StatusServer, StopsAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) StatusServer server("127.0.0.1:0", [] { return base::Json{}; });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(StatusServer, SurvivesWhatIsNoRequest) {
  StatusServer server("127.0.0.1:0", [] { return base::Json{{"status", "healthy"}}; });
  EXPECT_THAT(ask(server.address(), "\x16\x03\x01 nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(get(server.address(), "/" + std::string(8000, 'a')), StartsWith("HTTP/1.1 414"));
  EXPECT_THAT(ask(server.address(),
                  "POST /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(get(server.address(), "/health"), StartsWith("HTTP/1.1 200"));
}

TEST(Server, HandsOverDecodedParts) {
  Call seen;
  Server server("127.0.0.1:0", "listen", {}, [&](const Call& call) {
    seen = call;
    return Answer{};
  });
  get(server.address(), "/dags/a%2Fb/runs/manual__1+00%3A00?x=a%20b&y=1+2&x=3&flag");
  EXPECT_THAT(seen.segments, testing::ElementsAre("dags", "a/b", "runs", "manual__1+00:00"));
  EXPECT_THAT(seen.query, testing::ElementsAre(testing::Pair("x", "a b"), testing::Pair("y", "1 2"),
                                               testing::Pair("x", "3"), testing::Pair("flag", "")));
  EXPECT_EQ(seen.header("host"), "x");
}

TEST(Server, RefusesBodiesAboveTheBound) {
  Server::Options options;
  options.max_body = 100;
  options.on_bad_request = [](int status) {
    return Answer{status, "application/json", "{\"n\":" + std::to_string(status) + "}", {}};
  };
  Server server("127.0.0.1:0", "listen", options, [](const Call& call) {
    return Answer{200, "text/plain", call.body, {}};
  });
  const auto post = [&](size_t n) {
    return ask(server.address(), "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                                     std::to_string(n) + "\r\n\r\n" + std::string(n, 'b'));
  };
  EXPECT_THAT(post(100), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(post(101), testing::AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("{\"n\":413}")));
}

TEST(Server, Answers500WhenTheHandlerThrows) {
  Server server("127.0.0.1:0", "listen", {},
                [](const Call&) -> Answer { throw base::Error("secret detail"); });
  const auto answer = get(server.address(), "/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("secret")));
}

TEST(Address, ReadsHostsAndPorts) {
  EXPECT_EQ(parse_address("127.0.0.1:8080", "listen").text(), "127.0.0.1:8080");
  EXPECT_EQ(parse_address("[::1]:80", "listen").text(), "[::1]:80");
  EXPECT_EQ(parse_address(":80", "listen").text(), "0.0.0.0:80");
  EXPECT_TRUE(parse_address("localhost:1", "listen").is_loopback());
  EXPECT_FALSE(parse_address("0.0.0.0:1", "listen").is_loopback());
  for (const char* bad : {"", "host", "host:", "host:x", "host:70000", "::1:80", "host:-1"})
    EXPECT_THROW(parse_address(bad, "listen"), base::UserError) << bad;
}

}  // namespace
}  // namespace tamis::http
