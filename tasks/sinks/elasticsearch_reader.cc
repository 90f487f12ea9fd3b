#include "tasks/sinks/elasticsearch_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/suggest.h"
#include "tasks/sinks/bulk_answer.h"

namespace tamis::sinks {
namespace {

using base::Json;

constexpr size_t largest_page = 10'000;  // index.max_result_window

/// The fields by which documents of the same time are told apart: pages must neither overlap nor leave gaps,
/// and sorting by the id or by the place in a shard is not to be had everywhere.
std::vector<std::pair<std::string, std::string>> order_fields(const Json& mappings) {
  std::vector<std::pair<std::string, std::string>> fields{{"source.topic", "keyword"},
                                                          {"source.partition", "integer"},
                                                          {"source.offset", "long"},
                                                          {"source.file", "keyword"},
                                                          {"source.line", "long"}};
  constexpr size_t fields_max = 16;
  for (const auto& index : mappings) {
    const auto at = Json::json_pointer("/mappings/properties");
    if (!index.contains(at)) continue;
    for (const auto& [name, mapping] : index[at].items()) {
      const std::string type = mapping.value("type", "");
      const bool sortable =
          type == "keyword" ? mapping.value("doc_values", true) : type == "long" || type == "boolean";
      const bool known = std::any_of(fields.begin(), fields.end(),
                                     [&name = name](const auto& field) { return field.first == name; });
      if (sortable && !known && fields.size() < fields_max) fields.emplace_back(name, type);
    }
  }
  return fields;
}

Json question(const DataQuery& query, const Json& mappings) {
  Json conditions = Json::array();
  Json range = Json::object();
  if (query.from) range["gte"] = base::format_rfc3339(*query.from);
  if (query.to) range["lt"] = base::format_rfc3339(*query.to);
  if (!range.empty()) conditions.push_back({{"range", {{"@timestamp", range}}}});
  for (const auto& [field, value] : query.filters) conditions.push_back({{"term", {{field, value}}}});

  const std::string order = query.descending ? "desc" : "asc";
  const auto by = [&](const std::string& field, const std::string& type) {
    Json one = Json::object();
    one[field] = {{"order", order}, {"unmapped_type", type}, {"missing", "_last"}};
    return one;
  };
  Json sort = Json::array();
  sort.push_back(by("@timestamp", "date"));
  for (const auto& [field, type] : order_fields(mappings)) sort.push_back(by(field, type));
  return {{"size", std::clamp<size_t>(query.limit, 1, largest_page)},
          {"track_total_hits", true},
          {"query", {{"bool", {{"filter", conditions}}}}},
          {"sort", std::move(sort)}};
}

}  // namespace

ElasticsearchReader::ElasticsearchReader(const base::ElasticsearchConnection& connection)
    : nodes_(connection) {}

DataPage ElasticsearchReader::read(const DataQuery& query) {
  if (query.target.empty() || query.target.find_first_of("/\\?#\" ,") != std::string::npos ||
      query.target[0] == '_')
    throw base::UserError("\"{}\" is no name of an index", query.target);
  const std::string path = "/" + http::url_encode(query.target);
  const auto mapping = nodes_.ask("GET", path + "/_mapping");
  if (mapping.status == 404) {
    const auto names = targets();
    throw base::NotFound("there is no index \"{}\"{}", query.target, base::did_you_mean(query.target, names));
  }
  const auto mappings = Json::parse(mapping.body, nullptr, false);
  Json body = question(query, mappings.is_object() ? mappings : Json::object());
  if (!query.cursor.empty()) {
    const auto after = Json::parse(query.cursor, nullptr, false);
    if (!after.is_array() || after.size() != body["sort"].size())
      throw base::UserError("\"{}\" is no cursor that a page of this index gave", query.cursor);
    body["search_after"] = after;
  }
  // Who asks right after a run wants to see what it wrote, not what was searchable a second ago.  Without the right to refresh
  // the answer is just that second older.
  if (query.cursor.empty()) nodes_.ask("POST", path + "/_refresh");
  const auto response = nodes_.ask("POST", path + "/_search", body.dump());
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
