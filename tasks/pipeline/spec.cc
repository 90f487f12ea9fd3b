#include "tasks/pipeline/spec.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::pipeline {
namespace {

using base::Node;

/// `kind: {parameters}`, the form of a source, a sink and a transform.
struct Part {
  std::string kind;
  base::Span span;
  Node parameters;
};

std::optional<Part> read_part(const Node& node, std::string_view what, std::string_view example,
                              base::Findings& findings) {
  Part part;
  if (node.is_text()) {
    part.kind = node.text;
    part.span = node.span;
    part.parameters.kind = Node::Kind::map;
    part.parameters.span = node.span;
    return part;
  }
  const auto hint = fmt::format("write for example {}", example);
  if (!node.is_map() || node.entries.empty()) {
    findings.error(node.span, "wrong_type",
                   fmt::format("a {} is a mapping with one key, not {}", what, node.kind_name()), hint);
    return std::nullopt;
  }
  if (node.entries.size() > 1) {
    findings.error(node.entries[1].key_span, "wrong_value",
                   fmt::format("a {} has one key; \"{}\" stands beside \"{}\"", what, node.entries[1].key,
                               node.entries[0].key),
                   hint);
  }
  part.kind = node.entries[0].key;
  part.span = node.entries[0].key_span;
  part.parameters = node.entries[0].value;
  if (part.parameters.is_null()) part.parameters.kind = Node::Kind::map;
  return part;
}

template <typename Kinds>
void unknown_kind(const Part& part, std::string_view what, const Kinds& kinds, base::Findings& findings) {
  std::vector<std::string> names;
  std::string list;
  for (const auto& kind : kinds) {
    names.push_back(kind.name);
    list += (list.empty() ? "" : ", ") + kind.name;
  }
  findings.error(
      part.span, fmt::format("unknown_{}", what),
      fmt::format("there is no {} \"{}\"{}", what, part.kind, base::did_you_mean(part.kind, names)),
      fmt::format("{}s: {}", what, list));
}

void read_source(const Node* node, EtlSpec& spec, base::Findings& findings) {
  if (node == nullptr || node->is_null()) return;
  const auto part = read_part(*node, "source", "kafka: {topic: readings}", findings);
  if (!part) return;
  spec.source = sources::find_source(part->kind);
  if (spec.source == nullptr) return unknown_kind(*part, "source", sources::source_kinds(), findings);
  spec.source_parameters = part->parameters;
  if (base::check(part->parameters, spec.source->keys, findings) && spec.source->check)
    spec.source->check(part->parameters, findings);
}

void read_transforms(const Node* list, const std::string& folder, EtlSpec& spec, base::Findings& findings) {
  transforms::CompileContext context;
  context.layout = spec.fields.layout();
  context.next_column = static_cast<uint32_t>(context.layout.fields.size());
  context.folder = folder;
  if (list != nullptr && list->is_list())
    for (const auto& item : list->items) {
      const auto part = read_part(item, "transform", "filter: temperature > 0", findings);
      if (!part) continue;
      const auto* kind = transforms::find_transform(part->kind);
      if (kind == nullptr) {
        unknown_kind(*part, "transform", transforms::transform_kinds(), findings);
        continue;
      }
      // A null is for the transform to refuse, not for us to call an empty mapping.
      const Node& parameters = item.is_map() ? item.entries[0].value : part->parameters;
      if (auto transform = kind->compile(parameters, context, findings)) {
        spec.lookback = std::max(spec.lookback, transform->lookback());
        spec.transforms.push_back(std::move(transform));
      }
    }
  spec.layout = std::move(context.layout);
  spec.columns = context.next_column;
  spec.files = std::move(context.files);
}

void read_target(const Part& part, const SinkPlace& place, SinkSpec& sink, base::Findings& findings) {
  const auto& key = sink.kind->target_key;
  const Node* name = key.empty() ? nullptr : part.parameters.find(key);
  if (name == nullptr || !name->is_text()) return;
  std::string error;
  auto target = Target::parse(name->text, error);
  if (!target) return findings.error(name->span, "bad_pattern", fmt::format("\"{}\": {}", key, error));
  if (target->takes_time() && place.purpose == sinks::Purpose::rejects)
    return findings.error(name->span, "bad_pattern",
                          fmt::format("\"{}\" of rejects takes no event time", key),
                          "a reject may have none; write a plain name");
  if (target->takes_time() && !place.has_time)
    return findings.error(name->span, "bad_pattern",
                          fmt::format("\"{}\" takes the event time, but these records have none", key),
                          "name a required timestamp field in \"event_time\"");
  sink.target = std::move(*target);
}

void read_id(const Part& part, const SinkPlace& place, SinkSpec& sink, base::Findings& findings) {
  const Node* id = part.parameters.find("id");
  if (id == nullptr || !sink.kind->takes_id || !id->is_list()) return;
  if (place.layout == nullptr)
    return findings.error(part.parameters.key_span("id"), "wrong_value",
                          place.purpose == sinks::Purpose::rejects
                              ? "rejects have ids of their own; \"id\" has no place here"
                              : "windows have ids of their own; \"id\" has no place here");
  if (id->items.empty()) return findings.error(id->span, "wrong_value", "\"id\" needs at least one field");
  std::vector<std::string> names;
  for (const auto& field : place.layout->fields) names.push_back(field.name);
  for (const auto& item : id->items) {
    if (place.layout->find(item.text) == nullptr)
      findings.error(item.span, "unknown_field",
                     fmt::format("\"id\" names \"{}\", which is no field of the documents{}", item.text,
                                 base::did_you_mean(item.text, names)));
    else
      sink.id.push_back(item.text);
  }
}

void check_time(const Node& task, const EtlSpec& spec, base::Findings& findings) {
  const Node* windows = task.find("windows");
  const bool has_windows = windows != nullptr && !windows->is_null();
  const bool has_time = spec.has_time || spec.source == nullptr;
  if (has_windows)
    windows::check_window_needs(task.key_span("windows"), task.find("allowed_lateness") != nullptr, has_time,
                                findings);
  if (!has_time && !has_windows && spec.fields.allowed_lateness)
    findings.error(
        task.key_span("allowed_lateness"), "missing_key",
        fmt::format("\"allowed_lateness\" needs \"event_time\", as records of \"{}\" carry no time",
                    spec.source->name),
        "add event_time: with the name of a required timestamp field");
  if (spec.fields.lateness_by_arrival && spec.source != nullptr && !spec.source->has_time)
    findings.error(
        task.key_span("lateness"), "wrong_value",
        fmt::format("lateness by arrival needs records with a time of their own; those of \"{}\" carry none",
                    spec.source->name),
        "leave \"lateness\" out");
}

}  // namespace

const windows::WindowSpec* EtlSpec::find_window(std::string_view name) const {
  for (const auto& window : windows)
    if (window.name == name) return &window;
  return nullptr;
}

const base::Keys& etl_keys() {
  using base::ValueType;
  static const base::Keys keys = [] {
    base::Keys k{"etl task", {}};
    const auto add = [&](std::string name, ValueType type, std::string summary, bool required = false,
                         bool nullable = false) {
      base::Key key;
      key.name = std::move(name);
      key.type = type;
      key.summary = std::move(summary);
      key.required = required;
      key.nullable = nullable;
      k.keys.push_back(std::move(key));
    };
    add("source", ValueType::map, "where records come from, as kafka: {topic: readings}", true);
    add("fields", ValueType::map, "the fields of a record, by name, with type and checks", true);
    for (const auto& key : transforms::record_keys()) k.keys.push_back(key);
    add("transforms", ValueType::list,
        "what happens to records, in order: filter, deduplicate, derive, rename, drop, lookup", false, true);
    add("sinks", ValueType::list, "where clean records go", false, true);
    add("windows", ValueType::map, "aggregates over windows of event time, by name", false, true);
    add("rejects", ValueType::list,
        "where rejected records go; without it the first 20 of a slice stay in the task's result", false,
        true);
    return k;
  }();
  return keys;
}

const records::Layout& rejects_layout() {
  static const records::Layout layout = [] {
    records::Layout l;
    for (const char* name :
         {"reason", "field", "message", "raw", "raw_base64", "dag_id", "run_id", "task_id"})
      l.fields.push_back({name, records::Type::keyword, static_cast<uint32_t>(l.fields.size())});
    return l;
  }();
  return layout;
}

std::vector<SinkSpec> read_sinks(const Node* list, const SinkPlace& place, base::Findings& findings) {
  std::vector<SinkSpec> sinks;
  if (list == nullptr || !list->is_list()) return sinks;
  for (const auto& item : list->items) {
    const auto part = read_part(item, "sink", "elasticsearch: {index: readings}", findings);
    if (!part) continue;
    SinkSpec sink;
    sink.kind = sinks::find_sink(part->kind);
    if (sink.kind == nullptr) {
      unknown_kind(*part, "sink", sinks::sink_kinds(), findings);
      continue;
    }
    sink.parameters = part->parameters;
    base::Keys keys = sink.kind->keys;
    if (sink.kind->takes_id && keys.find("id") == nullptr) {
      base::Key id;
      id.name = "id";
      id.type = base::ValueType::texts;
      id.summary = "fields whose values make the document's id";
      keys.keys.push_back(std::move(id));
    }
    if (base::check(part->parameters, keys, findings) && sink.kind->check)
      sink.kind->check(part->parameters, findings);
    read_target(*part, place, sink, findings);
    read_id(*part, place, sink, findings);
    sinks.push_back(std::move(sink));
  }
  return sinks;
}

EtlSpec read_etl(const Node& task, const std::string& folder, base::Findings& findings) {
  EtlSpec spec;
  read_source(task.find("source"), spec, findings);
  spec.fields = transforms::read_fields(task, findings);
  spec.has_time = !spec.fields.event_time.empty() || (spec.source != nullptr && spec.source->has_time);
  read_transforms(task.find("transforms"), folder, spec, findings);
  check_time(task, spec, findings);
  if (const Node* windows = task.find("windows"); windows != nullptr && windows->is_map())
    spec.windows = windows::read_windows(*windows, spec.layout, findings);
  spec.sinks =
      read_sinks(task.find("sinks"), {sinks::Purpose::documents, &spec.layout, spec.has_time}, findings);
  spec.rejects = read_sinks(task.find("rejects"), {sinks::Purpose::rejects, nullptr, false}, findings);
  if (spec.sinks.empty() && spec.windows.empty() && !findings.has_errors())
    findings.warning(task.span, "writes_nothing",
                     "the task has neither \"sinks\" nor \"windows\": it only counts records");
  return spec;
}

void check_own_keys(const Node& task, const base::Keys& keys, base::Findings& findings) {
  if (!task.is_map()) {
    base::check(task, keys, findings);
    return;
  }
  Node own;
  own.kind = Node::Kind::map;
  own.span = task.span;
  for (const auto& entry : task.entries)
    if (keys.find(entry.key) != nullptr) own.entries.push_back(entry);
  base::check(own, keys, findings);
}

void throw_if_wrong(const base::Findings& findings, std::string_view what) {
  for (const auto& finding : findings.all())
    if (finding.severity == base::Severity::error)
      throw base::UserError("{}: {}{}", what, finding.message,
                            finding.hint.empty() ? "" : "; " + finding.hint);
}

}  // namespace tamis::pipeline
