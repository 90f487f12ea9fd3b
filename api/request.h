// A request on its way through a route: what stood in its path, typed reading of its query and body, and the
// shape of answers. Wrong values are thrown as Problem.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "core/http/server.h"

namespace tamis::api {

/// Where a list begins and how long it may be.
struct Page {
  size_t limit = 100, offset = 0;
};

class Request {
 public:
  Request(const http::Call& call, std::map<std::string, std::string> path)
      : call_(call), path_(std::move(path)) {}
  const http::Call& call() const { return call_; }
  /// What stood for `{name}` in the route.
  const std::string& at(std::string_view name) const;

  std::optional<std::string> text(std::string_view name) const;  ///< the last one, when it is repeated
  std::vector<std::string> all(std::string_view name) const;
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<int64_t> integer(std::string_view name) const;
  /// An instant with its offset; naive ones are refused, as Airflow does.  A blank is taken for the `+` it
  /// was.
  std::optional<base::Instant> instant(std::string_view name) const;
  /// `limit` (clamped to 100; 0 is 100) and `offset`.
  Page page() const;
  /// `order_by`, or the fallback: the field and whether it is descending.
  std::pair<std::string, bool> order(std::span<const std::string> fields, std::string_view fallback) const;

  /// The body as an object that holds no other keys than these.
  base::Json object(std::span<const std::string> keys) const;

  /// A JSON answer.  Old official clients (2.0 to 2.8) fail on nulls where they expect values: for them nulls
  /// are left out.
  http::Answer json(base::Json body, int status = 200) const;

 private:
  const http::Call& call_;
  std::map<std::string, std::string> path_;
};

/// An instant of a body or query, `name` for messages.
base::Instant read_instant(std::string text, std::string_view name);
/// `2026-03-01T09:00:00+00:00`, or null.
base::Json write_instant(const std::optional<base::Instant>& instant);

}  // namespace tamis::api
