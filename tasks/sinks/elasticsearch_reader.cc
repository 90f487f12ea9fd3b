#include "tasks/sinks/elasticsearch_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/suggest.h"
#include "tasks/sinks/bulk_answer.h"

namespace tamis::sinks {
namespace {

using base::Json;

constexpr size_t largest_page = 10'000;  // index.max_result_window

Json question(const DataQuery& query) {
  Json conditions = Json::array();
  Json range = Json::object();
  if (query.from) range["gte"] = base::format_rfc3339(*query.from);
  if (query.to) range["lt"] = base::format_rfc3339(*query.to);
  if (!range.empty()) conditions.push_back({{"range", {{"@timestamp", range}}}});
  for (const auto& [field, value] : query.filters) conditions.push_back({{"term", {{field, value}}}});

  // Documents of the same time follow in the order of the shard, which an index that isn't written to keeps.
  const std::string order = query.descending ? "desc" : "asc";
  Json body = {
      {"size", std::clamp<size_t>(query.limit, 1, largest_page)},
      {"track_total_hits", true},
      {"query", {{"bool", {{"filter", conditions}}}}},
      {"sort",
       Json::array({{{"@timestamp", {{"order", order}, {"unmapped_type", "date"}, {"missing", "_last"}}}},
                    {{"_doc", {{"order", order}}}}})}};
  return body;
}

}  // namespace

ElasticsearchReader::ElasticsearchReader(const base::ElasticsearchConnection& connection)
    : nodes_(connection) {}

DataPage ElasticsearchReader::read(const DataQuery& query) {
  if (query.target.empty() || query.target.find_first_of("/\\?#\" ,") != std::string::npos ||
      query.target[0] == '_')
    throw base::UserError("\"{}\" is no name of an index", query.target);
  Json body = question(query);
  if (!query.cursor.empty()) {
    const auto after = Json::parse(query.cursor, nullptr, false);
    if (!after.is_array() || after.size() != 2)
      throw base::UserError("\"{}\" is no cursor that a page gave", query.cursor);
    body["search_after"] = after;
  }
  const auto response = nodes_.ask("POST", "/" + http::url_encode(query.target) + "/_search", body.dump());
  if (response.status == 404) {
    const auto names = targets();
    throw base::NotFound("there is no index \"{}\"{}", query.target, base::did_you_mean(query.target, names));
  }
  if (response.status == 400)
    throw base::UserError("index \"{}\" can't be asked that: {}", query.target, error_text(response.body));
  const auto answer = Json::parse(response.body, nullptr, false);
  if (response.status != 200 || !answer.is_object() || !answer.contains("hits"))
    throw base::TransientError("Elasticsearch at {} gave no answer to a search: {} {}", nodes_.addresses(),
                               response.status, error_text(response.body));
  DataPage page;
  const auto& hits = answer["hits"];
  if (hits.contains("total") && hits["total"].is_object())
    page.total = hits["total"].value("value", int64_t{0});
  const auto& found = hits["hits"];
  for (const auto& hit : found) {
    Json row = {{"_id", hit.value("_id", "")}};
    if (query.target.find('*') != std::string::npos) row["_index"] = hit.value("_index", "");
    if (hit.contains("_source") && hit["_source"].is_object())
      for (const auto& [name, value] : hit["_source"].items()) row[name] = value;
    page.rows.push_back(std::move(row));
  }
  if (found.size() == body["size"].get<size_t>() && found.back().contains("sort"))
    page.next_cursor = found.back()["sort"].dump();
  return page;
}

std::vector<std::string> ElasticsearchReader::targets() {
  const auto response = nodes_.ask("GET", "/_cat/indices?format=json&h=index&expand_wildcards=open");
  const auto answer = Json::parse(response.body, nullptr, false);
  if (response.status != 200 || !answer.is_array())
    throw base::TransientError("Elasticsearch at {} can't list its indices: {} {}", nodes_.addresses(),
                               response.status, error_text(response.body));
  std::vector<std::string> names;
  for (const auto& one : answer)
    if (auto name = one.value("index", std::string()); !name.empty() && name[0] != '.')
      names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  return names;
}

std::unique_ptr<DataReader> make_elasticsearch_reader(const base::ElasticsearchConnection& connection) {
  return std::make_unique<ElasticsearchReader>(connection);
}

}  // namespace tamis::sinks
