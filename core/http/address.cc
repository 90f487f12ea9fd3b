#include "core/http/address.h"

#include <charconv>

#include "core/base/error.h"

namespace tamis::http {

std::string Address::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

bool Address::is_loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Address parse_address(std::string_view text, std::string_view flag) {
  const auto refuse = [&](std::string_view why) {
    throw base::UserError("--{} can't be \"{}\": {}; write host:port, as 127.0.0.1:8080", flag, text, why);
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) refuse("it names no port");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    refuse("an IPv6 address must stand in brackets");
  }
  const std::string_view digits = text.substr(colon + 1);
  int port = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 0 || port > 65535)
    refuse("a port is a number from 0 to 65535");
  return {host.empty() ? "0.0.0.0" : std::string(host), port};
}

}  // namespace tamis::http
