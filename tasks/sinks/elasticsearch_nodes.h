// The nodes of a cluster: whose turn it is, who is down, and requests with the connection's login and trust.
// Thread-safe. Used by everything that speaks to Elasticsearch or OpenSearch.
#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/connections.h"
#include "core/http/client.h"

namespace tamis::sinks {

class ElasticsearchNodes {
 public:
  /// Throws UserError for an address that is none.
  explicit ElasticsearchNodes(const base::ElasticsearchConnection& connection);

  /// A request to the node whose turn it is; `path` begins with a slash.  A JSON body's type unless `headers`
  /// name another.
  http::Request request(std::string method, const std::string& path, std::string body = "",
                        std::string type = "application/json");
  /// Notes how the node of `request` did: one that could not be reached is left out for a while.
  void note(const http::Request& request, const http::Response& response);

  /// One request; another node is tried when one can't be reached.  Throws TransientError when no node
  /// answers or with 429 or 5xx, UserError for 401 and 403.  Other answers are returned.
  http::Response ask(std::string method, const std::string& path, std::string body = "",
                     const std::stop_token& stop = {});

  /// `user "ada"`, `the API key`, or `nobody (no login is set)`.
  std::string login() const;
  /// All addresses, without passwords.
  const std::string& addresses() const { return addresses_; }

 private:
  struct Node {
    std::string url;
    int failures = 0;
    std::chrono::steady_clock::time_point down_until{};
  };
  const base::ElasticsearchConnection connection_;
  std::string addresses_;
  std::mutex mutex_;
  std::vector<Node> nodes_;  // under `mutex_`
  size_t next_ = 0;          // under `mutex_`
};

}  // namespace tamis::sinks
