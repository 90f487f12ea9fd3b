#include "tasks/sinks/elasticsearch_nodes.h"

#include <algorithm>

#include "core/base/error.h"
#include "tasks/sinks/bulk_answer.h"

namespace tamis::sinks {

ElasticsearchNodes::ElasticsearchNodes(const base::ElasticsearchConnection& connection)
    : connection_(connection) {
  std::string_view rest = connection_.url;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string url(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t first = url.find_first_not_of(" \t"), last = url.find_last_not_of(" \t/");
    if (first == std::string::npos || last == std::string::npos) continue;
    url = url.substr(first, last - first + 1);
    if (!url.starts_with("http://") && !url.starts_with("https://"))
      throw base::UserError(
          "--elasticsearch: \"{}\" is no address; write http://host:9200 or https://host:9200", url);
    if (url.find('@') != std::string::npos)
      throw base::UserError(
          "--elasticsearch holds a password; give it as --elasticsearch_username and "
          "--elasticsearch_password");
    addresses_ += (addresses_.empty() ? "" : ", ") + url;
    nodes_.push_back({.url = std::move(url)});
  }
  if (nodes_.empty()) throw base::UserError("--elasticsearch names no node");
}

std::string ElasticsearchNodes::login() const {
  if (!connection_.api_key.empty()) return "the API key";
  if (!connection_.username.empty()) return "user \"" + connection_.username + '"';
  return "nobody (no login is set)";
}

http::Request ElasticsearchNodes::request(std::string method, const std::string& path, std::string body,
                                          std::string type) {
  http::Request request;
  {
    std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    size_t chosen = next_ % nodes_.size();
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const size_t n = (next_ + i) % nodes_.size();
      if (nodes_[n].down_until <= now) {
        chosen = n;
        break;
      }
      if (nodes_[n].down_until < nodes_[chosen].down_until) chosen = n;
    }
    next_ = chosen + 1;
    request.url = nodes_[chosen].url + path;
  }
  request.method = std::move(method);
  if (!body.empty()) request.headers.push_back("Content-Type: " + type);
  request.body = std::move(body);
  request.timeout = connection_.timeout;
  request.ca = connection_.ca;
  if (!connection_.api_key.empty()) {
    request.authentication.authorization = "ApiKey " + connection_.api_key;
  } else {
    request.authentication.username = connection_.username;
    request.authentication.password = connection_.password;
  }
  return request;
}

void ElasticsearchNodes::note(const http::Request& request, const http::Response& response) {
  std::lock_guard lock(mutex_);
  for (auto& node : nodes_) {
    if (!request.url.starts_with(node.url + "/")) continue;
    if (response.status != 0) {
      node.failures = 0;
      node.down_until = {};
    } else {
      node.failures = std::min(node.failures + 1, 6);
      node.down_until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500 << node.failures);
    }
    return;
  }
}

http::Response ElasticsearchNodes::ask(std::string method, const std::string& path, std::string body,
                                       const std::stop_token& stop) {
  size_t count = 0;
  {
    std::lock_guard lock(mutex_);
    count = nodes_.size();
  }
  http::Response response;
  for (size_t i = 0; i < count; ++i) {
    const auto one = request(method, path, body);
    response = http::fetch(one, stop);
    if (stop.stop_requested()) throw base::TransientError("asking Elasticsearch was stopped");
    note(one, response);
    if (response.status != 0) break;
  }
  const auto& status = response.status;
  if (status == 0)
    throw base::TransientError("Elasticsearch at {} doesn't answer: {}", addresses_, response.error);
  if (status == 401)
    throw base::UserError("Elasticsearch at {} refused the login of {}", addresses_, login());
  if (status == 403)
    throw base::UserError("Elasticsearch at {}: {} may not {} {}: {}", addresses_, login(), method,
                          path.substr(0, path.find('?')), error_text(response.body));
  if (status == 429 || status >= 500)
    throw base::TransientError("Elasticsearch at {} answered {}: {}", addresses_, status,
                               error_text(response.body));
  return response;
}

}  // namespace tamis::sinks
