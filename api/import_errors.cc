// `/importErrors`: DAG files that could not be taken, with everything that is wrong in them.
#include <algorithm>
#include <array>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/hash.h"

namespace tamis::api {
namespace {

using base::Json;

/// Derived from the file, so that it stays the same as long as the error does.
int64_t error_id(const workflow::ImportError& error) {
  return static_cast<int64_t>(base::hash64(error.file) & 0x7fffffff);
}

Json error_json(const workflow::ImportError& error) {
  return {{"import_error_id", error_id(error)},
          {"timestamp", write_instant(error.at)},
          {"filename", error.file},
          {"stack_trace", error.text},
          {"findings", error.findings}};
}

http::Answer list(Backend& backend, const Request& request) {
  const auto page = request.page();
  static const std::array<std::string, 3> fields{"import_error_id", "timestamp", "filename"};
  const auto [field, descending] = request.order(fields, "import_error_id");
  auto errors = backend.store->import_errors();
  std::stable_sort(errors.begin(), errors.end(),
                   [by = field, down = descending](const auto& a, const auto& b) {
                     const auto& x = down ? b : a;
                     const auto& y = down ? a : b;
                     return by == "filename"    ? x.file < y.file
                            : by == "timestamp" ? x.at < y.at
                                                : error_id(x) < error_id(y);
                   });
  Json rows = Json::array();
  for (size_t i = page.offset; i < errors.size() && rows.size() < page.limit; ++i)
    rows.push_back(error_json(errors[i]));
  return request.json({{"import_errors", rows}, {"total_entries", errors.size()}});
}

http::Answer get(Backend& backend, const Request& request) {
  for (const auto& error : backend.store->import_errors())
    if (std::to_string(error_id(error)) == request.at("import_error_id"))
      return request.json(error_json(error));
  not_found("Import error not found", fmt::format("The ImportError with import_error_id: `{}` was not found",
                                                  request.at("import_error_id")));
}

}  // namespace

std::vector<Route> import_error_routes() {
  return {{"GET", "/api/v1/importErrors", {"limit", "offset", "order_by"}, list},
          {"GET", "/api/v1/importErrors/{import_error_id}", {}, get}};
}

}  // namespace tamis::api
