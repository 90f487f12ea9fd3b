// The api as the commands ask it: JSON over HTTP, with its problem documents turned into errors that say what
// to do.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"

namespace tamis::cli {

/// The api can't be reached: exit code 5.
class Unreachable : public base::TransientError {
 public:
  using TransientError::TransientError;
};

/// A submitted DAG file has errors, already told as text.
class FaultyDag : public base::UserError {
 public:
  FaultyDag(const std::string& message, base::Json found, std::string as_text)
      : UserError(message), findings(std::move(found)), text(std::move(as_text)) {}
  base::Json findings;
  std::string text;
};

using Query = std::vector<std::pair<std::string, std::string>>;

class Client {
 public:
  /// `server`: `http://host:port`, or `host:port`.
  explicit Client(std::string server);
  const std::string& server() const { return server_; }

  base::Json get(std::string_view path, const Query& query = {}) const;
  std::string get_text(std::string_view path, const Query& query = {}) const;
  base::Json post(std::string_view path, const base::Json& body) const;
  base::Json post_text(std::string_view path, const std::string& body, const Query& query) const;
  base::Json patch(std::string_view path, const base::Json& body) const;
  /// All pages of a list of at most 100 each: the items under `member`, up to `max`.
  base::Json list(std::string_view path, const std::string& member, Query query = {},
                  size_t max = 1'000'000) const;

 private:
  std::string call(const std::string& method, std::string_view path, const Query& query,
                   const std::string& body, const std::string& content_type, const std::string& accept) const;
  std::string server_;
};

/// `/api/v1` + segments, each encoded: api_path("dags", id, "dagRuns").
template <typename... Segments>
std::string api_path(const Segments&... segments);
std::string encoded_path(std::initializer_list<std::string> segments);
template <typename... Segments>
std::string api_path(const Segments&... segments) {
  return encoded_path({std::string(segments)...});
}

}  // namespace tamis::cli
