// HTTP requests, one at a time or many at once on kept connections.  The home of libcurl.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tamis::http {

struct Authentication {
  std::string username, password;  ///< basic, when there is a user
  std::string authorization;       ///< the whole header's value, `ApiKey …` or `Bearer …`
};

struct Request {
  std::string method = "GET";
  std::string url;                   ///< http or https; redirects are not followed
  std::vector<std::string> headers;  ///< `Name: value`
  std::string body;
  base::Duration timeout =
      std::chrono::seconds(30);  ///< all of it; a connection must stand within 10 s of it
  Authentication authentication;
  std::string ca;                         ///< file of the authorities to trust
  size_t max_response_bytes = 256 << 20;  ///< a longer body is an error
};

struct Response {
  int status = 0;  ///< 0: no answer, see `error`
  std::string body;
  std::multimap<std::string, std::string> headers;  ///< names in lower case
  std::string error;                                ///< what went wrong on the way, for people
  bool sent = false;                                ///< something may have reached the server
};

/// One request, blocking; a thread's connections are kept for its next ones.  Never throws for what the
/// network or server does.  Thread-safe.
Response fetch(const Request& request, const std::stop_token& stop = {});

/// Many requests at once on kept connections, driven by one thread of its own.  Thread-safe.
class Multi {
 public:
  /// More than `max_in_flight` requests wait their turn, in order.
  explicit Multi(size_t max_in_flight);
  /// Cancels what is under way.
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  /// `on_done` runs on the driving thread and must be quick.  The request's body is kept until then and given
  /// back.
  void send(Request request, std::function<void(Request, Response)> on_done);
  /// Ends requests under way; their on_done is called with an error.
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `a b` -> `a%20b`: all but letters, digits and `-_.~`.
std::string url_encode(std::string_view text);

}  // namespace tamis::http
