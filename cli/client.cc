#include "cli/client.h"

#include "core/http/client.h"

namespace tamis::cli {
namespace {

using base::Json;

constexpr auto timeout = std::chrono::seconds(60);

[[noreturn]] void refuse(const http::Response& response, const std::string& server) {
  const Json problem = Json::parse(response.body, nullptr, false);
  const bool told = problem.is_object() && problem.contains("title");
  if (!told && response.status != 503)
    throw base::Error("{} answered {}: is it tamis-api that listens there?", server, response.status);
  const std::string detail = told ? problem.value("detail", problem.value("title", "")) : "";
  if (told && problem.contains("findings"))
    throw FaultyDag(detail, problem["findings"], problem.value("text", ""));
  switch (response.status) {
    case 404:
      throw base::NotFound("{}", detail);
    case 409:
      throw base::Conflict("{}", detail);
    case 503:
      throw Unreachable("{} can't answer now: {}", server, detail);
    default:
      break;
  }
  if (response.status >= 500) throw base::Error("{} failed: {}", server, detail);
  throw base::UserError("{}", detail);
}

}  // namespace

Client::Client(std::string server) : server_(std::move(server)) {
  if (server_.find("://") == std::string::npos) server_ = "http://" + server_;
  while (server_.ends_with('/')) server_.pop_back();
}

std::string Client::call(const std::string& method, std::string_view path, const Query& query,
                         const std::string& body, const std::string& content_type,
                         const std::string& accept) const {
  http::Request request;
  request.method = method;
  request.url = server_ + std::string(path);
  char separator = '?';
  for (const auto& [name, value] : query) {
    request.url += separator + http::url_encode(name) + "=" + http::url_encode(value);
    separator = '&';
  }
  request.headers = {"Accept: " + accept};
  if (!body.empty()) request.headers.push_back("Content-Type: " + content_type);
  request.body = body;
  request.timeout = timeout;
  const auto response = http::fetch(request);
  if (response.status == 0)
    throw Unreachable(
        "can't reach the api at {}: {}\n"
        "start one with `tamis standalone` (all on this machine) or `tamis api`, or say where it is with "
        "--server or TAMIS_SERVER",
        server_, response.error);
  if (response.status >= 400) refuse(response, server_);
  return response.body;
}

Json Client::get(std::string_view path, const Query& query) const {
  const Json json = Json::parse(call("GET", path, query, "", "", "application/json"), nullptr, false);
  if (json.is_discarded())
    throw base::Error("{} did not answer JSON: is it tamis-api that listens there?", server_);
  return json;
}

std::string Client::get_text(std::string_view path, const Query& query) const {
  return call("GET", path, query, "", "", "text/plain");
}

Json Client::post(std::string_view path, const Json& body) const {
  return Json::parse(call("POST", path, {}, body.dump(), "application/json", "application/json"));
}

Json Client::post_text(std::string_view path, const std::string& body, const Query& query) const {
  return Json::parse(call("POST", path, query, body, "application/yaml", "application/json"));
}

Json Client::patch(std::string_view path, const Json& body) const {
  return Json::parse(call("PATCH", path, {}, body.dump(), "application/json", "application/json"));
}

Json Client::list(std::string_view path, const std::string& member, Query query, size_t max) const {
  Json all = Json::array();
  query.emplace_back("limit", std::to_string(std::min<size_t>(max, 100)));
  query.emplace_back("offset", "0");
  while (all.size() < max) {
    query.back().second = std::to_string(all.size());
    Json page = get(path, query);
    const size_t got = page.at(member).size();
    for (auto& item : page.at(member))
      if (all.size() < max) all.push_back(std::move(item));
    if (got < 100) break;
  }
  return all;
}

std::string encoded_path(std::initializer_list<std::string> segments) {
  std::string path = "/api/v1";
  for (const auto& segment : segments) path += "/" + http::url_encode(segment);
  return path;
}

}  // namespace tamis::cli
