// Where a Redis is and how to log in, read from its URL.  For core/redis alone; others hold a
// base::RedisConnection.
#pragma once
#include <string>

namespace tamis::redis {

struct Address {
  std::string host;
  int port = 6379;
  std::string path;  ///< of a unix socket; then host and port mean nothing
  std::string username, password;
  int database = 0;

  /// For people and logs: `127.0.0.1:6379/0` or `/run/redis.sock/0`, never with the password.
  std::string text() const;
  bool is_unix() const { return !path.empty(); }
};

/// Reads `redis://[[user]:password@]host[:port][/db]`, `unix:///path[?db=n]` and Celery's
/// `redis+socket:///path?virtual_host=n`. Parts may be percent-encoded.  Throws UserError, also for
/// `rediss://`, which hiredis 0.14 can't speak.
Address parse_address(const std::string& url);

}  // namespace tamis::redis
