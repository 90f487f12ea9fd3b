#include "tasks/windows/window.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/base/suggest.h"

namespace tamis::windows {
namespace {

using base::Node;
using base::Span;
using records::Type;

/// A record in more windows than this is a mistake in the DAG file, and would cost as many group states.
constexpr int64_t max_overlap = 1000;

constexpr std::array<std::string_view, 13> function_names = {
    "count", "sum", "avg", "min", "max", "stddev", "first", "last", "distinct", "p50", "p90", "p95", "p99"};

std::vector<std::string> function_words() {
  return {function_names.begin(), function_names.end()};
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(std::string_view text) {
  return !text.empty() && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

/// Names that a window's document or every document has for itself.
bool is_reserved(std::string_view name) {
  static constexpr std::string_view reserved[] = {
      "window_start", "window_end", "source", "_id", "_index", "_source", "_type", "_version", "_routing"};
  return std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved);
}

/// `field(…)` as it was written: parts with their places in the text.
struct Call {
  std::string_view function, field;
  size_t function_at = 0, field_at = 0;
  bool good = false;
};

Call parse_call(std::string_view text) {
  Call call;
  size_t at = 0;
  const auto skip = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  };
  const auto word = [&] {
    const size_t begin = at;
    while (at < text.size() && (is_letter(text[at]) || (at > begin && is_digit(text[at])))) ++at;
    return text.substr(begin, at - begin);
  };
  skip();
  call.function_at = at;
  call.function = word();
  skip();
  if (call.function.empty() || at == text.size() || text[at] != '(') return call;
  ++at;
  skip();
  call.field_at = at;
  call.field = word();
  skip();
  if (at == text.size() || text[at] != ')') return call;
  ++at;
  skip();
  call.good = at == text.size();
  return call;
}

/// The place of a part of a scalar; the whole scalar's where it spans lines or came without places.
Span part_of(const Node& node, size_t at, size_t size) {
  Span span = node.span;
  if (span.line == 0 || span.line != span.end_line) return span;
  const int begin = span.column + static_cast<int>(at) + (node.quoted ? 1 : 0);
  if (begin + static_cast<int>(size) > span.end_column) return node.span;
  span.column = begin;
  span.end_column = begin + static_cast<int>(std::max<size_t>(size, 1));
  return span;
}

std::vector<std::string> field_names(const records::Layout& layout) {
  std::vector<std::string> names;
  for (const auto& field : layout.fields) names.push_back(field.name);
  return names;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

bool is_number(Type type) {
  return type == Type::long_ || type == Type::double_;
}

bool takes(Function function, Type type) {
  switch (function) {
    case Function::count:
    case Function::first:
    case Function::last:
    case Function::distinct:
      return true;
    case Function::min:
    case Function::max:
      return is_number(type) || type == Type::timestamp || type == Type::keyword;
    default:
      return is_number(type);
  }
}

Type output_of(Function function, Type input) {
  switch (function) {
    case Function::count:
    case Function::distinct:
      return Type::long_;
    case Function::sum:
    case Function::min:
    case Function::max:
    case Function::first:
    case Function::last:
      return input;
    default:
      return Type::double_;
  }
}

std::optional<Aggregate> read_aggregate(const Node::Entry& entry, const records::Layout& layout,
                                        base::Findings& findings) {
  const Node& node = entry.value;
  const auto wrong = [&](const Span& span, std::string code, std::string message, std::string hint = "") {
    findings.error(span, std::move(code), std::move(message), std::move(hint));
    return std::nullopt;
  };
  if (!node.is_text())
    return wrong(
        node.span, "wrong_type",
        fmt::format("aggregate \"{}\" must be a function of a field, not {}", entry.key, node.kind_name()),
        "write it as avg(temperature) or count()");
  const Call call = parse_call(node.text);
  const auto words = function_words();
  const auto found = std::find(function_names.begin(), function_names.end(), call.function);
  if (!call.function.empty() && found == function_names.end())
    return wrong(part_of(node, call.function_at, call.function.size()), "unknown_function",
                 fmt::format("there is no aggregate function \"{}\"{}", call.function,
                             base::did_you_mean(call.function, words)),
                 "functions: " + list_of(words));
  if (!call.good)
    return wrong(
        node.span, "bad_aggregate",
        fmt::format("aggregate \"{}\" must be a function of one field, not \"{}\"", entry.key, node.text),
        "write it as avg(temperature) or count()");
  Aggregate aggregate;
  aggregate.name = entry.key;
  aggregate.function = static_cast<Function>(found - function_names.begin());
  if (call.field.empty()) {
    if (aggregate.function != Function::count)
      return wrong(part_of(node, call.function_at, call.function.size()), "missing_field",
                   fmt::format("{}() needs a field", call.function),
                   fmt::format("write {}(field)", call.function));
    return aggregate;
  }
  aggregate.field = call.field;
  const auto* field = layout.find(call.field);
  const Span place = part_of(node, call.field_at, call.field.size());
  if (field == nullptr) {
    const auto names = field_names(layout);
    return wrong(place, "unknown_field",
                 fmt::format("there is no field \"{}\" after the transforms{}", call.field,
                             base::did_you_mean(call.field, names)),
                 names.empty() ? "" : "fields: " + list_of(names));
  }
  if (!takes(aggregate.function, field->type))
    return wrong(place, "wrong_type",
                 fmt::format("{} can't take \"{}\", which is a {}", call.function, call.field,
                             records::type_name(field->type)),
                 aggregate.function == Function::min || aggregate.function == Function::max
                     ? "it takes a long, a double, a timestamp or a keyword"
                     : "it takes a long or a double");
  aggregate.input = field->type;
  aggregate.output = output_of(aggregate.function, field->type);
  return aggregate;
}

void read_groups(const Node& node, const records::Layout& layout, WindowSpec& spec,
                 base::Findings& findings) {
  const Node* groups = node.find("group_by");
  if (groups == nullptr || !groups->is_list()) return;
  const auto names = field_names(layout);
  for (const auto& item : groups->items) {
    const auto* field = layout.find(item.text);
    if (field == nullptr) {
      findings.error(item.span, "unknown_field",
                     fmt::format("there is no field \"{}\" after the transforms{}", item.text,
                                 base::did_you_mean(item.text, names)),
                     names.empty() ? "" : "fields: " + list_of(names));
    } else if (is_reserved(item.text)) {
      findings.error(item.span, "reserved_name",
                     fmt::format("\"{}\" is a name that a window's document has for itself", item.text),
                     "rename the field in the transforms");
    } else if (std::find(spec.group_by.begin(), spec.group_by.end(), item.text) != spec.group_by.end()) {
      findings.error(item.span, "duplicate_name", fmt::format("\"{}\" is in \"group_by\" twice", item.text));
    } else {
      spec.group_by.push_back(item.text);
      spec.group_types.push_back(field->type);
    }
  }
}

void read_aggregates(const Node& node, const records::Layout& layout, WindowSpec& spec,
                     base::Findings& findings) {
  const Node* aggregates = node.find("aggregates");
  if (aggregates == nullptr || !aggregates->is_map()) return;
  if (aggregates->entries.empty())
    findings.error(aggregates->span, "missing_key", "\"aggregates\" needs at least one",
                   "for example readings: count()");
  for (const auto& entry : aggregates->entries) {
    if (!is_word(entry.key))
      findings.error(entry.key_span, "bad_name", fmt::format("\"{}\" is no name for an aggregate", entry.key),
                     "letters, digits and _, not beginning with a digit");
    else if (is_reserved(entry.key))
      findings.error(entry.key_span, "reserved_name",
                     fmt::format("\"{}\" is a name that documents have for themselves", entry.key),
                     "choose another name for the aggregate");
    else if (std::find(spec.group_by.begin(), spec.group_by.end(), entry.key) != spec.group_by.end())
      findings.error(entry.key_span, "duplicate_name",
                     fmt::format("\"{}\" is the name of a field in \"group_by\" too", entry.key),
                     "choose another name for the aggregate");
    if (auto aggregate = read_aggregate(entry, layout, findings))
      spec.aggregates.push_back(std::move(*aggregate));
  }
}

void read_times(const Node& node, WindowSpec& spec, base::Findings& findings) {
  const Node* size = node.find("size");
  const Node* slide = node.find("slide");
  if (size == nullptr) return;
  const auto size_value = base::parse_duration(size->text);
  if (!size_value) return;
  spec.size = spec.slide = *size_value;
  if (spec.size.count() <= 0)
    return findings.error(size->span, "out_of_range", "\"size\" must be longer than nothing");
  if (slide == nullptr || slide->is_null()) return;
  const auto slide_value = base::parse_duration(slide->text);
  if (!slide_value) return;
  if (slide_value->count() <= 0)
    return findings.error(slide->span, "out_of_range", "\"slide\" must be longer than nothing");
  if (*slide_value > spec.size)
    return findings.error(
        slide->span, "out_of_range",
        fmt::format(
            "\"slide\" ({}) can't be longer than \"size\" ({}): records between windows would be lost",
            base::format_duration(*slide_value), base::format_duration(spec.size)));
  const int64_t overlap = (spec.size.count() + slide_value->count() - 1) / slide_value->count();
  if (overlap > max_overlap)
    return findings.error(
        slide->span, "out_of_range",
        fmt::format("every record would be in {} windows; at most {} are possible", overlap, max_overlap),
        "make \"slide\" longer or \"size\" shorter");
  spec.slide = *slide_value;
}

}  // namespace

records::Layout WindowSpec::document_layout() const {
  records::Layout layout;
  const auto add = [&](const std::string& field, Type type) {
    layout.fields.push_back({field, type, static_cast<uint32_t>(layout.fields.size())});
  };
  add("window_start", Type::timestamp);
  add("window_end", Type::timestamp);
  for (size_t i = 0; i < group_by.size(); ++i) add(group_by[i], group_types[i]);
  for (const auto& aggregate : aggregates) add(aggregate.name, aggregate.output);
  return layout;
}

const base::Keys& window_keys() {
  using base::ValueType;
  static const base::Keys keys{
      "a window",
      {{.name = "size",
        .type = ValueType::duration,
        .summary = "how long a window is, as 1m",
        .required = true},
       {.name = "slide",
        .type = ValueType::duration,
        .summary = "a window begins every so often; without it windows follow each other",
        .default_text = "size"},
       {.name = "group_by", .type = ValueType::texts, .summary = "fields whose values make a group"},
       {.name = "aggregates",
        .type = ValueType::map,
        .summary = "name: function(field), as temperature_avg: avg(temperature); count() counts records",
        .required = true}}};
  return keys;
}

std::vector<WindowSpec> read_windows(const Node& windows, const records::Layout& layout,
                                     base::Findings& findings) {
  std::vector<WindowSpec> specs;
  if (!windows.is_map()) {
    findings.error(
        windows.span, "wrong_type",
        fmt::format("\"windows\" must be a mapping of names to windows, not {}", windows.kind_name()));
    return specs;
  }
  for (const auto& entry : windows.entries) {
    if (entry.key.starts_with("x-")) continue;
    if (!is_word(entry.key))
      findings.error(entry.key_span, "bad_name", fmt::format("\"{}\" is no name for a window", entry.key),
                     "letters, digits and _, not beginning with a digit");
    base::check(entry.value, window_keys(), findings);
    if (!entry.value.is_map()) continue;
    WindowSpec spec;
    spec.name = entry.key;
    read_times(entry.value, spec, findings);
    read_groups(entry.value, layout, spec, findings);
    read_aggregates(entry.value, layout, spec, findings);
    specs.push_back(std::move(spec));
  }
  return specs;
}

void check_window_needs(const Span& windows_key, bool has_allowed_lateness, bool has_time,
                        base::Findings& findings) {
  if (!has_allowed_lateness)
    findings.error(windows_key, "missing_key",
                   "\"windows\" need \"allowed_lateness\", which bounds how long they are kept",
                   "add allowed_lateness: 1h beside it");
  if (!has_time)
    findings.error(windows_key, "missing_key",
                   "\"windows\" need \"event_time\", as the source's records carry no time",
                   "add event_time: with the name of a required timestamp field");
}

}  // namespace tamis::windows
