#include "cli/commands/all.h"
#include "cli/output.h"
#include "core/http/client.h"

namespace tamis::cli {
namespace {

using base::Json;

int run(Invocation& invocation) {
  Query query;
  for (const char* edge : {"from", "to"})
    if (const auto at = invocation.instant(edge)) query.emplace_back(edge, base::format_rfc3339(*at));
  if (invocation.has("order")) query.emplace_back("order", invocation.text("order"));
  if (invocation.has("store")) query.emplace_back("store", invocation.text("store"));
  for (const auto& filter : invocation.all("where")) {
    const size_t equals = filter.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw base::UserError("--where: \"{}\" is no filter; write field=value", filter);
    query.emplace_back(filter.substr(0, equals), filter.substr(equals + 1));
  }
  const auto limit = static_cast<size_t>(invocation.integer("limit", 20, 1, 10'000'000));
  const std::string path = "/data/" + http::url_encode(invocation.text("name"));
  Json rows = Json::array();
  std::string cursor;
  bool more = true;
  while (more && rows.size() < limit) {
    Query page_query = query;
    page_query.emplace_back("limit", std::to_string(std::min<size_t>(1000, limit - rows.size())));
    if (!cursor.empty()) page_query.emplace_back("cursor", cursor);
    const auto page = invocation.api().get(path, page_query);
    for (const auto& row : page.at("rows")) rows.push_back(row);
    more = page["next_cursor"].is_string() && !page["rows"].empty();
    if (more) cursor = page["next_cursor"].get<std::string>();
  }
  print_rows(invocation, rows);
  if (more && !invocation.has("limit"))
    invocation.err << fmt::format("the first {}; --limit shows more\n", rows.size());
  return ok;
}

}  // namespace

Command data_get() {
  return {
      .noun = "data",
      .verb = "get",
      .summary = "documents of an index or rows of a table",
      .positionals = {{"name"}},
      .options = {{"from", 0, "TIME", "@timestamp not before", {}},
                  {"to", 0, "TIME", "@timestamp before", {}},
                  {"where", 'w', "FIELD=VALUE", "only those with this value; may be repeated", {}},
                  {"limit", 'n', "N", "so many (default 20)", {}},
                  {"order", 0, "asc|desc", "by @timestamp", {"asc", "desc"}},
                  {"store", 0, "STORE", "elasticsearch or sqlite (default: where it is found)", {}}},
      .examples = {"tamis data get iot-by-minute --from=2026-03-01T09:00:00Z --where=sensor_id=casa-01",
                   "tamis data get iot_by_minute --limit=8 --columns=window_start,sensor_id,temperature_avg",
                   "tamis data get 'iot-clean-*' -o jsonl --limit=100000 > clean.jsonl"},
      .notes = "",
      .prints_rows = true,
      .run = run};
}

}  // namespace tamis::cli
