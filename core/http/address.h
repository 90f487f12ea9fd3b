// `host:port` as flags and answers write it.  Used by the servers here, the api and the cli.
#pragma once
#include <string>
#include <string_view>

namespace tamis::http {

struct Address {
  std::string host;
  int port = 0;              ///< 0: a free one
  std::string text() const;  ///< `127.0.0.1:8080`, `[::1]:8080`
  /// Only programs of this machine can reach it.
  bool is_loopback() const;
};

/// Reads `host:port`, `[v6]:port`, `:port` (all addresses).  Throws UserError, naming `flag`.
Address parse_address(std::string_view text, std::string_view flag);

}  // namespace tamis::http
