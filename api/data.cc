// `/data`: what was indexed, raw and aggregated, by time range and field values, page by page.
#include <algorithm>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"

namespace tamis::api {
namespace {

using base::Json;

constexpr size_t max_rows = 1000;
constexpr size_t max_filters = 20;

/// Of time ranges dates alone may be written too: unlike a run's date, they can't start anything wrong.
std::optional<base::Instant> time_of(const Request& request, std::string_view name) {
  auto text = request.text(name);
  if (!text) return std::nullopt;
  std::replace(text->begin(), text->end(), ' ', '+');
  if (const auto instant = base::parse_instant(*text)) return instant;
  bad_request(
      fmt::format("'{}' is no time: write {}=2026-03-01T09:00:00Z or {}=2026-03-01", *text, name, name));
}

sinks::DataQuery read_query(const Request& request) {
  sinks::DataQuery query;
  query.target = request.at("name");
  query.from = time_of(request, "from");
  query.to = time_of(request, "to");
  if (query.from && query.to && *query.from > *query.to) bad_request("'from' lies after 'to'");
  query.cursor = request.text("cursor").value_or("");
  const int64_t limit = request.integer("limit").value_or(100);
  if (limit < 1) bad_request("'limit' must be at least 1");
  query.limit = static_cast<size_t>(std::min<int64_t>(limit, max_rows));
  const auto order = request.text("order").value_or("asc");
  if (order != "asc" && order != "desc")
    bad_request(fmt::format("'order' can't be '{}': asc or desc", order));
  query.descending = order == "desc";
  static const std::vector<std::string> own{"from", "to", "cursor", "limit", "order", "store"};
  for (const auto& [name, value] : request.call().query)
    if (std::find(own.begin(), own.end(), name) == own.end()) query.filters.emplace_back(name, value);
  if (query.filters.size() > max_filters)
    bad_request(fmt::format("at most {} fields can be filtered by", max_filters));
  return query;
}

/// The stores to ask, those that `store=` names or all.
std::vector<DataStore> stores(Backend& backend, const Request& request) {
  const auto wanted = request.text("store");
  std::vector<DataStore> chosen;
  for (const auto& store : backend.data)
    if (!wanted || store.name == *wanted) chosen.push_back(store);
  if (wanted && chosen.empty()) bad_request(fmt::format("there is no store '{}' here", *wanted));
  if (chosen.empty()) throw base::TransientError("no store to read from: start tamis-api with --data");
  return chosen;
}

http::Answer list(Backend& backend, const Request& request) {
  Json rows = Json::array(), unavailable = Json::array();
  for (const auto& store : stores(backend, request)) {
    try {
      for (const auto& name : store.reader->targets())
        rows.push_back({{"name", name}, {"store", store.name}});
    } catch (const base::TransientError& error) {
      unavailable.push_back({{"store", store.name}, {"error", error.what()}});
    }
  }
  if (rows.empty() && unavailable.size() == stores(backend, request).size())
    throw base::TransientError("{}", unavailable[0]["error"].get<std::string>());
  return request.json({{"data", rows}, {"unavailable", unavailable}, {"total_entries", rows.size()}});
}

http::Answer get(Backend& backend, const Request& request) {
  const auto query = read_query(request);
  std::string missing, broken;
  for (const auto& store : stores(backend, request)) {
    try {
      const auto page = store.reader->read(query);
      Json rows = Json::array();
      for (const auto& row : page.rows) rows.push_back(row);
      return request.json({{"name", query.target},
                           {"store", store.name},
                           {"rows", rows},
                           {"next_cursor", page.next_cursor.empty() ? Json() : Json(page.next_cursor)},
                           {"total_entries", page.total ? Json(*page.total) : Json()}});
    } catch (const base::NotFound& error) {
      // Both stores may be there: what the first does not have the second may.
      if (missing.empty() || std::string_view(error.what()).find("did you mean") != std::string_view::npos)
        missing = error.what();
    } catch (const base::TransientError& error) {
      broken = error.what();
    }
  }
  if (!broken.empty()) throw base::TransientError("{}", broken);
  not_found("Data not found", missing);
}

}  // namespace

std::vector<Route> data_routes() {
  return {{"GET", "/data", {"store"}, list}, {"GET", "/data/{name}", {"*"}, get}};
}

}  // namespace tamis::api
