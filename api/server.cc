#include "api/server.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/suggest.h"
#include "core/http/address.h"

namespace tamis::api {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at < path.size()) {
    const size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

/// The routes' patterns cut into segments, once.
struct Compiled {
  const Route* route;
  std::vector<std::string> parts;
};

const std::vector<Compiled>& compiled() {
  static const std::vector<Compiled> all = [] {
    std::vector<Compiled> table;
    for (const auto& route : routes()) table.push_back({&route, split(route.pattern)});
    return table;
  }();
  return all;
}

bool matches(const Compiled& candidate, const std::vector<std::string>& segments,
             std::map<std::string, std::string>& path) {
  if (candidate.parts.size() != segments.size()) return false;
  path.clear();
  for (size_t i = 0; i < segments.size(); ++i) {
    const auto& part = candidate.parts[i];
    if (part.starts_with('{')) {
      path[part.substr(1, part.size() - 2)] = segments[i];
    } else if (part != segments[i]) {
      return false;
    }
  }
  return true;
}

void check_query(const Route& route, const http::Call& call) {
  if (std::find(route.query.begin(), route.query.end(), "*") != route.query.end()) return;
  for (const auto& [name, value] : call.query)
    if (std::find(route.query.begin(), route.query.end(), name) == route.query.end())
      bad_request(fmt::format("Extra query parameter(s) {} not in spec{}", name,
                              base::did_you_mean(name, route.query)));
}

std::string host_of(std::string_view authority) {
  if (authority.starts_with('['))
    return std::string(authority.substr(1, std::min(authority.find(']'), authority.size()) - 1));
  return std::string(authority.substr(0, authority.find(':')));
}

/// Without a login, a page that the user's browser shows must not be able to act here: neither through a name
/// that was made to point at this machine, nor by a form or script of another origin.
void check_origin(const http::Call& call, bool only_local) {
  const auto host = call.header("host");
  if (only_local && !host.empty() && !http::Address{host_of(host), 0}.is_loopback())
    throw Problem(403, "Forbidden",
                  fmt::format("this server answers only to this machine's names, not to \"{}\"", host));
  const auto origin = call.header("origin");
  if (call.method == "GET" || call.method == "HEAD" || origin.empty()) return;
  const size_t scheme = origin.find("://");
  if (scheme == std::string::npos || origin.substr(scheme + 3) != host)
    throw Problem(403, "Forbidden", fmt::format("requests from pages of \"{}\" are refused", origin));
}

http::Answer dispatch(Backend& backend, const http::Call& call, std::string& pattern) {
  std::map<std::string, std::string> path;
  std::set<std::string> methods;
  const std::string method = call.method == "HEAD" ? "GET" : call.method;
  for (const auto& candidate : compiled()) {
    if (!matches(candidate, call.segments, path)) continue;
    if (candidate.route->method != method) {
      methods.insert(candidate.route->method);
      continue;
    }
    pattern = candidate.route->pattern;
    check_query(*candidate.route, call);
    return candidate.route->run(backend, Request(call, path));
  }
  if (methods.empty())
    not_found("Not Found",
              fmt::format("there is nothing at \"{}\"; /api/v1/openapi.json tells what there is", call.path));
  std::string allowed;
  for (const auto& word : methods) allowed += (allowed.empty() ? "" : ", ") + word;
  auto answer = problem_answer(405, usual_title(405),
                               fmt::format("\"{}\" takes {}, not {}", call.path, allowed, call.method));
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

/// The catch site of all routes.
http::Answer guarded(Backend& backend, const http::Call& call, bool only_local, std::string& pattern) {
  try {
    check_origin(call, only_local);
    return dispatch(backend, call, pattern);
  } catch (const Problem& problem) {
    return problem_answer(problem.status, problem.title, problem.what(), problem.extra);
  } catch (const base::NotFound& error) {
    return problem_answer(404, usual_title(404), error.what());
  } catch (const base::Conflict& error) {
    return problem_answer(409, usual_title(409), error.what());
  } catch (const base::UserError& error) {
    return problem_answer(400, usual_title(400), error.what());
  } catch (const base::TransientError& error) {
    base::log_warn("request failed for now",
                   {{"method", call.method}, {"path", call.path}, {"error", error.what()}});
    auto answer = problem_answer(503, usual_title(503), error.what());
    answer.headers.emplace_back("Retry-After", "1");
    return answer;
  } catch (const std::exception& error) {
    base::log_error("request failed",
                    {{"method", call.method}, {"path", call.path}, {"error", error.what()}});
    return problem_answer(500, usual_title(500), "internal error; the api's log tells more");
  }
}

}  // namespace

Server::Server(ServerOptions options, Backend backend) : backend_(std::move(backend)) {
  const auto address = http::parse_address(options.listen, "listen");
  only_local_ = address.is_loopback();
  if (!only_local_ && !options.allow_no_auth)
    throw base::UserError(
        "--listen {} can be reached from other machines, and nobody is asked who they are; listen on "
        "127.0.0.1, or say "
        "--allow_no_auth if the network in front of it is yours",
        options.listen);
  http::Server::Options http_options;
  http_options.threads = options.threads;
  http_options.max_body = options.max_body;
  http_options.requests_per_connection = 1000;
  http_options.on_bad_request = [max = options.max_body](int status) {
    const std::string detail = status == 413   ? fmt::format("a body may have {} bytes", max)
                               : status == 414 ? "the address is too long"
                               : status == 500 ? "internal error; the api's log tells more"
                                               : "this is no proper HTTP request";
    return problem_answer(status, usual_title(status), detail);
  };
  server_ = std::make_unique<http::Server>(options.listen, "listen", http_options,
                                           [this](const http::Call& call) { return answer(call); });
}

http::Answer Server::answer(const http::Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  std::string pattern = "unknown";
  auto result = guarded(backend_, call, only_local_, pattern);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  base::counter("tamis_api_requests_total", "requests answered",
                {{"route", pattern}, {"status", std::to_string(result.status)}})
      .add();
  base::histogram("tamis_api_request_seconds", "how long answers took", {{"route", pattern}})
      .observe(seconds);
  if (!result.content_type.starts_with("text/html"))
    result.headers.emplace_back("X-Content-Type-Options", "nosniff");
  result.headers.emplace_back("Cache-Control", "no-store");
  return result;
}

}  // namespace tamis::api
