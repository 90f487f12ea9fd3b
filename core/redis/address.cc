#include "core/redis/address.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "core/base/error.h"

namespace tamis::redis {
namespace {

/// The URL as it may be shown: without what stands before the `@`.
std::string shown(std::string_view url) {
  const auto scheme = url.find("://");
  const auto at = url.rfind('@');
  if (scheme == std::string_view::npos || at == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, scheme + 3)) + "***" + std::string(url.substr(at));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

int number(std::string_view text, int max, const std::string& url, const char* what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max)
    throw base::UserError("the Redis URL \"{}\" has the {} \"{}\": it must be a number from 0 to {}",
                          shown(url), what, text, max);
  return value;
}

/// Takes `?db=1&…` off the end of `rest`; what it says goes into `address`.
void read_query(std::string_view& rest, Address& address, const std::string& url) {
  const auto mark = rest.find('?');
  if (mark == std::string_view::npos) return;
  auto query = rest.substr(mark + 1);
  rest = rest.substr(0, mark);
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto item = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = item.find('=');
    const auto name = item.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
    if (name == "db" || name == "virtual_host")
      address.database = number(value, 65535, url, "database");
    else if (name == "password")
      address.password = percent_decoded(value);
    else if (name == "username")
      address.username = percent_decoded(value);
    else if (!name.empty())
      throw base::UserError(
          "the Redis URL \"{}\" has the option \"{}\": only db, username and password are known", shown(url),
          name);
  }
}

void read_credentials(std::string_view& rest, Address& address, const std::string& url) {
  const auto at = rest.rfind('@');
  if (at == std::string_view::npos) return;
  const auto credentials = rest.substr(0, at);
  rest = rest.substr(at + 1);
  const auto colon = credentials.find(':');
  if (colon == std::string_view::npos)
    throw base::UserError(
        "the Redis URL \"{}\" has a user and no password: write redis://user:password@host or "
        "redis://:password@host",
        shown(url));
  address.username = percent_decoded(credentials.substr(0, colon));
  address.password = percent_decoded(credentials.substr(colon + 1));
}

}  // namespace

std::string Address::text() const {
  if (is_unix()) return fmt::format("unix://{}?db={}", path, database);
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}/{}", brackets ? "[" : "", host, brackets ? "]" : "", port, database);
}

Address parse_address(const std::string& url) {
  Address address;
  const auto scheme_end = url.find("://");
  const auto scheme = scheme_end == std::string::npos ? std::string() : url.substr(0, scheme_end);
  if (scheme == "rediss")
    throw base::UserError(
        "the Redis URL \"{}\" asks for TLS, which needs hiredis 1.0 or newer; this build has an older one: "
        "use redis:// through a tunnel (stunnel) or a unix socket",
        shown(url));
  if (scheme == "sentinel")
    throw base::UserError(
        "the Redis URL \"{}\" names a Sentinel, which isn't supported: give the master's address",
        shown(url));
  const bool is_unix = scheme == "unix" || scheme == "redis+socket";
  if (!is_unix && scheme != "redis")
    throw base::UserError(
        "the Redis URL \"{}\" must be redis://[user:password@]host:port/db or unix:///path?db=n", shown(url));
  std::string_view rest = std::string_view(url).substr(scheme_end + 3);
  read_query(rest, address, url);
  read_credentials(rest, address, url);
  if (is_unix) {
    address.path = percent_decoded(rest);
    if (address.path.empty() || address.path.front() != '/')
      throw base::UserError("the Redis URL \"{}\" has no absolute path: write unix:///path?db=n", shown(url));
    return address;
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) {
    const auto database = rest.substr(slash + 1);
    if (!database.empty()) address.database = number(database, 65535, url, "database");
    rest = rest.substr(0, slash);
  }
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos)
      throw base::UserError("the Redis URL \"{}\" has a [ without a ]", shown(url));
    address.host = rest.substr(1, close - 1);
    if (close + 1 < rest.size() && rest[close + 1] == ':') port = rest.substr(close + 2);
  } else {
    const auto colon = rest.find(':');
    address.host = percent_decoded(rest.substr(0, colon));
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  if (!port.empty()) address.port = number(port, 65535, url, "port");
  if (address.host.empty()) address.host = "127.0.0.1";
  return address;
}

}  // namespace tamis::redis
