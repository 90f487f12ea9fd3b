// An HTTP/1.1 server that hands every request to one function.  The home of cpp-httplib; under the status
// server of every program and under the api.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/time.h"

namespace tamis::http {

/// A request as the server got it.
struct Call {
  std::string method;
  std::string path;                   ///< as it was sent, still encoded, without the query
  std::vector<std::string> segments;  ///< of the path, decoded; `+` stays
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order; `+` is a blank
  std::multimap<std::string, std::string> headers;         ///< names in lower case
  std::string body;
  std::string peer;
  /// The header's value, or empty.
  std::string header(const std::string& name) const;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

class Server {
 public:
  struct Options {
    size_t threads = 4;                                     ///< connections served at once
    size_t max_body = 1 << 20;                              ///< larger ones are answered 413
    base::Duration read_timeout = std::chrono::seconds(5);  ///< for a request to arrive
    size_t requests_per_connection = 1;  ///< more than one keeps connections open for up to a second
    /// What to answer to what is no proper request: 400, 413, 414.
    std::function<Answer(int status)> on_bad_request;
  };
  using Handle = std::function<Answer(const Call&)>;

  /// Listens on `address` (port 0: a free one) and calls `handle` from its threads; what that throws is
  /// answered 500. Throws UserError when the address is taken or not ours; `flag` is the flag to name then.
  Server(const std::string& address, std::string_view flag, Options options, Handle handle);
  /// Waits for requests under way, at most for their timeouts.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  std::string address() const;  ///< host:port it listens on

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `a%20b` -> `a b`; what is no valid escape stays as it is.
std::string url_decode(std::string_view text, bool plus_is_blank = false);

}  // namespace tamis::http
