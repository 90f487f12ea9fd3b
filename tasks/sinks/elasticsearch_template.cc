#include "tasks/sinks/elasticsearch_template.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/log.h"
#include "tasks/sinks/bulk_answer.h"

namespace tamis::sinks {
namespace {

using base::Json;

// Lucene takes terms of 32,766 bytes, and a character may have four.
constexpr int longest_keyword = 8191;

Json keyword() {
  return {{"type", "keyword"}, {"ignore_above", longest_keyword}};
}
Json stored_only() {
  return {{"type", "keyword"}, {"index", false}, {"doc_values", false}};
}

Json mapping_of(records::Type type) {
  switch (type) {
    case records::Type::keyword:
      return keyword();
    case records::Type::long_:
      return {{"type", "long"}};
    case records::Type::double_:
      return {{"type", "double"}};
    case records::Type::boolean:
      return {{"type", "boolean"}};
    case records::Type::timestamp:
      return {{"type", "date"}};
  }
  return keyword();
}

Json properties(const SinkContext& context) {
  Json all = Json::object();
  for (const auto& field : context.layout.fields) all[field.name] = mapping_of(field.type);
  const Json source = {{"properties",
                        {{"topic", keyword()},
                         {"partition", {{"type", "integer"}}},
                         {"offset", {{"type", "long"}}},
                         {"file", keyword()},
                         {"line", {{"type", "long"}}}}}};
  if (context.purpose != Purpose::rejects) all["@timestamp"] = {{"type", "date"}};
  if (context.purpose != Purpose::windows) all["source"] = source;
  if (context.purpose == Purpose::rejects) {
    for (const char* name : {"reason", "field", "dag_id", "run_id", "task_id"}) all[name] = keyword();
    // Whatever was rejected, as long as it may be: to be read, not searched.
    for (const char* name : {"message", "raw", "raw_base64"}) all[name] = stored_only();
  }
  return all;
}

bool has_all(const Json& present, const Json& wanted) {
  if (!present.is_object()) return false;
  return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& field) {
    if (!present.contains(field.key())) return false;
    const Json &is = present[field.key()], &should = field.value();
    // The server gives numbers of settings back as texts at times, and adds nothing of its own to types.
    if (should.contains("properties"))
      return has_all(is.value("properties", Json::object()), should["properties"]);
    return is.value("type", "") == should["type"].template get<std::string>();
  });
}

}  // namespace

IndexTemplate make_template(const std::string& index, const SinkContext& context) {
  IndexTemplate made;
  std::string name;
  size_t literal = 0;  // characters before the first part that varies
  for (size_t i = 0; i < index.size();) {
    if (index[i] == '{') {
      if (made.pattern.find('*') == std::string::npos) literal = made.pattern.size();
      if (!made.pattern.ends_with('*')) made.pattern += '*';
      i = std::min(index.find('}', i), index.size() - 1) + 1;
      continue;
    }
    made.pattern += index[i];
    name += index[i++];
  }
  if (made.pattern.find('*') == std::string::npos) literal = made.pattern.size();
  while (!name.empty() && std::string_view("-_.").find(name.back()) != std::string_view::npos)
    name.pop_back();
  made.name = "tamis-" + (name.empty() ? "all" : name);
  // Of overlapping patterns the longer beginning wins; two of the same priority would be refused.
  const size_t priority = 200 + literal * 2 + (made.pattern.find('*') == std::string::npos ? 1 : 0);
  made.body = {{"index_patterns", Json::array({made.pattern})},
               {"priority", priority},
               {"template",
                {{"mappings",
                  // Members that nobody declared are kept and not indexed: their types may change from record
                  // to record, and Elasticsearch would refuse all but the first.
                  {{"dynamic", "false"}, {"properties", properties(context)}}}}},
               {"_meta", {{"made_by", "tamis"}, {"dag_id", context.dag_id}, {"task_id", context.task_id}}}};
  return made;
}

void ensure_template(ElasticsearchNodes& nodes, const IndexTemplate& wanted, const std::stop_token& stop) {
  const std::string path = "/_index_template/" + http::url_encode(wanted.name);
  Json body = wanted.body;
  auto& mappings = body["template"]["mappings"];
  const auto found = nodes.ask("GET", path, "", stop);
  if (found.status == 200) {
    const auto answer = Json::parse(found.body, nullptr, false);
    const auto at = Json::json_pointer("/index_templates/0/index_template/template/mappings");
    if (answer.is_object() && answer.contains(at)) {
      const Json& present = answer[at];
      const Json properties = present.value("properties", Json::object());
      if (has_all(properties, mappings["properties"])) return;
      for (const auto& [name, mapping] : properties.items())
        if (!mappings["properties"].contains(name)) mappings["properties"][name] = mapping;
      if (present.contains("dynamic"))
        mappings["dynamic"] = present["dynamic"];  // somebody may have opened it
    }
  } else if (found.status != 404) {
    throw base::UserError(
        "Elasticsearch at {} gives no index templates (7.8 or newer is needed): {}; with `manage_template: "
        "false` "
        "none is made",
        nodes.addresses(), error_text(found.body));
  }
  const auto stored = nodes.ask("PUT", path, body.dump(), stop);
  if (stored.status != 200)
    throw base::UserError(
        "Elasticsearch at {} refused the index template \"{}\": {}; with `manage_template: false` none is "
        "made",
        nodes.addresses(), wanted.name, error_text(stored.body));
  base::log_info("index template stored", {{"template", wanted.name}, {"pattern", wanted.pattern}});
  // Indices from before get the fields that are new; where a field has another type there, its documents are
  // refused one by one.
  const Json added = {{"properties", mappings["properties"]}};
  const auto updated =
      nodes.ask("PUT", "/" + http::url_encode(wanted.pattern) + "/_mapping", added.dump(), stop);
  if (updated.status != 200 && updated.status != 404)
    base::log_warn("mapping of old indices kept",
                   {{"pattern", wanted.pattern}, {"reason", error_text(updated.body)}});
}

}  // namespace tamis::sinks
