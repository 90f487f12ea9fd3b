#include "tasks/transforms/fields.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/suggest.h"
#include "tasks/transforms/timestamps.h"

namespace tamis::transforms {
namespace {

using base::Findings;
using base::Node;
using base::ValueType;
using records::Type;

const std::vector<std::string> type_words = {"keyword", "long", "double", "boolean", "timestamp"};

/// The words of expressions (PIPELINE §5): a field called so could not be named in one.
const std::vector<std::string> expression_words = {
    "and",  "or",  "not", "in", "is",       "null",  "true",  "false", "abs",    "round",       "floor",
    "ceil", "min", "max", "if", "coalesce", "lower", "upper", "trim",  "length", "starts_with", "contains"};

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A whole number that a node holds, also when it was written as `21.0`.
std::optional<int64_t> long_of(const Node& node) {
  if (node.kind == Node::Kind::integer) return node.integer;
  if (node.kind != Node::Kind::number) return std::nullopt;
  const auto number = parse_number(node.text);
  return number ? to_long(*number) : std::nullopt;
}

std::string shown(const Node& node) {
  return node.is_map() || node.is_list() ? std::string(node.kind_name()) : "\"" + node.text + "\"";
}

/// Reads one field; all that is wrong with it becomes findings.
class FieldReader {
 public:
  FieldReader(const Node& node, Field& field, Findings& findings)
      : node_(node), field_(field), findings_(findings) {}

  void read() {
    field_.required = base::boolean_at(node_, "required");
    field_.coerce = base::boolean_at(node_, "coerce");
    read_path();
    read_on_invalid();
    read_range();
    read_enum();
    read_text_checks();
    read_format();
    read_default();
  }

 private:
  void error(std::string_view key, std::string code, std::string message, std::string hint = "") {
    const Node* value = node_.find(key);
    findings_.error(value != nullptr ? value->span : node_.span, std::move(code), std::move(message),
                    std::move(hint));
  }

  /// The node of a check that only some types have; null, with a finding at the key, when this type has it
  /// not.
  const Node* for_types(std::string_view key, std::initializer_list<Type> types, std::string_view kinds) {
    const Node* node = node_.find(key);
    if (node == nullptr) return nullptr;
    if (std::find(types.begin(), types.end(), field_.type) != types.end()) return node;
    findings_.error(node_.key_span(key), "wrong_check",
                    fmt::format("\"{}\" is a check for {}, and \"{}\" is a {}", key, kinds, field_.name,
                                records::type_name(field_.type)));
    return nullptr;
  }

  void read_path() {
    const std::string path = base::text_at(node_, "path", field_.name);
    field_.path.clear();
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      field_.path.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    if (std::any_of(field_.path.begin(), field_.path.end(), [](const auto& part) { return part.empty(); }))
      error("path", "wrong_value", fmt::format("the path \"{}\" has an empty name in it", path),
            "names of members, with dots between them: site.name");
    else if (field_.path.size() > 1000)
      error("path", "wrong_value", "a path can't go deeper than 1000 members");
  }

  void read_on_invalid() {
    const Node* node = node_.find("on_invalid");
    if (node == nullptr || node->text == "reject") return;
    field_.null_on_invalid = true;
    if (field_.required)
      findings_.error(
          node_.key_span("on_invalid"), "conflict",
          fmt::format("\"{}\" is required, so \"on_invalid: null\" can't make it null", field_.name),
          "leave out one of the two");
  }

  void read_range() {
    const auto types = {Type::long_, Type::double_};
    const Node* low = for_types("min", types, "numbers");
    const Node* high = for_types("max", types, "numbers");
    if (low != nullptr && low->is_number()) read_bound(*low, "min", field_.min, field_.min_long, true);
    if (high != nullptr && high->is_number()) read_bound(*high, "max", field_.max, field_.max_long, false);
    if ((field_.min && field_.max && *field_.min > *field_.max) ||
        (field_.min_long && field_.max_long && *field_.min_long > *field_.max_long))
      findings_.error(
          low->span, "wrong_range",
          fmt::format("\"min\" is {} and \"max\" is {}, so no value can pass", low->text, high->text));
  }

  void read_bound(const Node& node, std::string_view key, std::optional<double>& number,
                  std::optional<int64_t>& exact, bool is_min) {
    if (!std::isfinite(node.number))
      return error(key, "wrong_value", fmt::format("\"{}\" must be a finite number", key),
                   "leave it out for no bound");
    if (field_.type == Type::double_) {
      number = node.number;
      return;
    }
    if (node.kind == Node::Kind::integer) {
      exact = node.integer;
      return;
    }
    // A bound between two longs means the next one inside.
    const auto parsed = parse_number(node.text);
    const auto floored = parsed ? floor_scaled(*parsed, 0) : std::nullopt;
    if (floored)
      exact = floored->value + (is_min && floored->has_rest ? 1 : 0);
    else
      error(key, "wrong_value", fmt::format("\"{}\" is beyond what a long of 64 bits can be", key));
  }

  void read_enum() {
    const Node* node = for_types("enum", {Type::keyword, Type::long_}, "keywords and longs");
    if (node == nullptr || !node->is_list()) return;
    if (node->items.empty()) error("enum", "wrong_value", "\"enum\" is empty, so no value can pass");
    for (const auto& item : node->items) {
      if (field_.type == Type::keyword) {
        if (item.is_text())
          field_.enum_texts.push_back(item.text);
        else
          findings_.error(
              item.span, "wrong_type", fmt::format("the values of a keyword are texts, not {}", shown(item)),
              item.is_map() || item.is_list() ? "" : fmt::format("write it in quotes: \"{}\"", item.text));
      } else if (const auto value = long_of(item)) {
        field_.enum_longs.push_back(*value);
      } else {
        findings_.error(item.span, "wrong_type",
                        fmt::format("the values of a long are integers, not {}", shown(item)));
      }
    }
  }

  void read_text_checks() {
    if (const Node* node = for_types("max_length", {Type::keyword}, "keywords");
        node != nullptr && node->is_number())
      field_.max_length = node->integer;
    if (const Node* node = for_types("pattern", {Type::keyword}, "keywords");
        node != nullptr && node->is_text()) {
      field_.pattern = node->text;
      const re2::RE2 compiled(field_.pattern, re2::RE2::Quiet);
      if (!compiled.ok()) {
        error("pattern", "wrong_pattern",
              fmt::format("\"{}\" is no regular expression: {}", node->text, compiled.error()),
              "RE2's syntax; the whole value must match");
        field_.pattern.clear();
      }
    }
  }

  void read_format() {
    const Node* node = for_types("format", {Type::timestamp}, "timestamps");
    std::string problem;
    if (node != nullptr && node->is_text()) {
      field_.format = node->text;
      format_ = TimestampFormat::compile(field_.format, problem);
      if (!format_)
        error("format", "wrong_format", problem,
              "rfc3339, epoch_s, epoch_ms, or a pattern such as \"%Y-%m-%d %H:%M:%S\"");
    } else {
      format_ = TimestampFormat::compile("rfc3339", problem);
    }
  }

  void read_default() {
    const Node* node = node_.find("default");
    if (node == nullptr || node->is_null()) return;
    bool fits = false;
    switch (field_.type) {
      case Type::keyword:
        if ((fits = node->is_text())) field_.default_value = node->text;
        break;
      case Type::long_:
        if (const auto value = long_of(*node)) {
          fits = true;
          field_.default_value = *value;
        }
        break;
      case Type::double_:
        if ((fits = node->is_number() && std::isfinite(node->number)))
          field_.default_value = node->number + 0.0;
        break;
      case Type::boolean:
        if ((fits = node->kind == Node::Kind::boolean)) field_.default_value = node->boolean;
        break;
      case Type::timestamp: {
        if (!format_) return;
        std::optional<base::Instant> instant;
        if (format_->is_number() ? node->is_number() : node->is_text()) instant = format_->read(node->text);
        fits = instant.has_value();
        if (fits) field_.default_value = *instant;
        break;
      }
    }
    if (!fits) {
      const std::string format = field_.type == Type::timestamp ? " in the format " + field_.format : "";
      return error("default", "wrong_default",
                   fmt::format("the default of \"{}\" must be a {}{}, not {}", field_.name,
                               records::type_name(field_.type), format, shown(*node)));
    }
    if (const std::string problem = default_problem(); !problem.empty())
      error("default", "wrong_default",
            fmt::format("the default {} fails the field's own check: {}", shown(*node), problem));
  }

  /// Which of its own checks the default fails, or empty.
  std::string default_problem() const {
    if (const auto* number = std::get_if<double>(&field_.default_value)) {
      if ((field_.min && *number < *field_.min) || (field_.max && *number > *field_.max))
        return "\"min\" or \"max\"";
    } else if (const auto* integer = std::get_if<int64_t>(&field_.default_value)) {
      if ((field_.min_long && *integer < *field_.min_long) ||
          (field_.max_long && *integer > *field_.max_long))
        return "\"min\" or \"max\"";
      if (!field_.enum_longs.empty() &&
          std::find(field_.enum_longs.begin(), field_.enum_longs.end(), *integer) == field_.enum_longs.end())
        return "it is not in \"enum\"";
    } else if (const auto* text = std::get_if<std::string>(&field_.default_value)) {
      if (!field_.enum_texts.empty() &&
          std::find(field_.enum_texts.begin(), field_.enum_texts.end(), *text) == field_.enum_texts.end())
        return "it is not in \"enum\"" + base::did_you_mean(*text, field_.enum_texts);
      if (field_.max_length && code_points(*text) > static_cast<size_t>(*field_.max_length))
        return "\"max_length\"";
      if (!field_.pattern.empty() && !re2::RE2::FullMatch(*text, re2::RE2(field_.pattern, re2::RE2::Quiet)))
        return "\"pattern\"";
    }
    return "";
  }

  const Node& node_;
  Field& field_;
  Findings& findings_;
  std::optional<TimestampFormat> format_;
};

void read_event_time(const Node& task, FieldSpec& spec, Findings& findings) {
  const Node* node = task.find("event_time");
  if (node == nullptr || !node->is_text()) return;
  spec.event_time = node->text;
  const auto found = std::find_if(spec.fields.begin(), spec.fields.end(),
                                  [&](const Field& f) { return f.name == node->text; });
  if (found == spec.fields.end()) {
    std::vector<std::string> names;
    for (const auto& field : spec.fields) names.push_back(field.name);
    findings.error(node->span, "unknown_field",
                   fmt::format("\"event_time\" names no field: \"{}\"{}", node->text,
                               base::did_you_mean(node->text, names)),
                   "a required timestamp of \"fields\"");
  } else if (found->type != Type::timestamp || !found->required) {
    findings.error(
        node->span, "wrong_event_time",
        found->type != Type::timestamp
            ? fmt::format("\"event_time\" must be a timestamp, and \"{}\" is a {}", found->name,
                          type_name(found->type))
            : fmt::format("\"event_time\" must be a required field, and \"{}\" may be missing", found->name),
        fmt::format("{}: {{type: timestamp, required: true}}", found->name));
  }
}

}  // namespace

records::Layout FieldSpec::layout() const {
  records::Layout out;
  for (size_t i = 0; i < fields.size(); ++i)
    out.fields.push_back({fields[i].name, fields[i].type, static_cast<uint32_t>(i)});
  return out;
}

const base::Keys& field_keys() {
  static const base::Keys keys{
      "field",
      {
          {.name = "type",
           .type = ValueType::text,
           .summary = "what the value must be",
           .required = true,
           .one_of = type_words},
          {.name = "path",
           .type = ValueType::text,
           .summary = "where it stands, into objects by dots",
           .default_text = "the field's name"},
          {.name = "required",
           .type = ValueType::boolean,
           .summary = "records without it are rejected",
           .default_text = "false"},
          {.name = "coerce",
           .type = ValueType::boolean,
           .summary = "takes texts that hold a number, boolean or timestamp too",
           .default_text = "false"},
          {.name = "default", .type = ValueType::any, .summary = "taken when the value is missing or null"},
          {.name = "min", .type = ValueType::number, .summary = "smallest number, inclusive"},
          {.name = "max", .type = ValueType::number, .summary = "largest number, inclusive"},
          {.name = "enum", .type = ValueType::list, .summary = "the values that a keyword or long may have"},
          {.name = "max_length",
           .type = ValueType::integer,
           .summary = "longest keyword, in characters",
           .min = 0},
          {.name = "pattern",
           .type = ValueType::text,
           .summary = "regular expression (RE2) that the whole keyword must match"},
          {.name = "format",
           .type = ValueType::text,
           .summary = "of a timestamp: rfc3339, epoch_s, epoch_ms or a strptime pattern",
           .default_text = "rfc3339"},
          {.name = "on_invalid",
           .type = ValueType::text,
           .summary = "null: a value that fails becomes null instead of rejecting the record",
           .nullable = true,
           .one_of = {"reject", "null"},
           .default_text = "reject"},
      }};
  return keys;
}

const std::vector<base::Key>& record_keys() {
  static const std::vector<base::Key> keys = {
      {.name = "max_record_bytes",
       .type = ValueType::bytes,
       .summary = "larger records are rejected",
       .min = 1,
       .max = static_cast<double>(max_record_bytes_limit),
       .default_text = "1MiB"},
      {.name = "unknown_fields",
       .type = ValueType::text,
       .summary = "whether undeclared members go into the documents",
       .one_of = {"drop", "keep"},
       .default_text = "drop"},
      {.name = "event_time",
       .type = ValueType::text,
       .summary = "the required timestamp field that says when it happened"},
      {.name = "allowed_lateness",
       .type = ValueType::duration,
       .summary = "how far behind the watermark a record may be"},
      {.name = "lateness",
       .type = ValueType::text,
       .summary = "what a record's lateness is measured against",
       .one_of = {"watermark", "arrival"},
       .default_text = "watermark"},
  };
  return keys;
}

std::string wrong_field_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_word = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  if (name.empty() || !is_letter(name[0]) || !std::all_of(name.begin(), name.end(), is_word))
    return fmt::format("\"{}\" can't be a field's name: letters, digits and _ only, and no digit first",
                       name);
  if (name == "source")
    return "\"source\" can't be a field's name: documents say there where a record came from";
  if (std::find(expression_words.begin(), expression_words.end(), name) != expression_words.end())
    return fmt::format("\"{}\" can't be a field's name: it is a word of expressions", name);
  return "";
}

FieldSpec read_fields(const Node& task, Findings& findings) {
  FieldSpec spec;
  if (const Node* fields = task.find("fields"); fields != nullptr) {
    if (!fields->is_map())
      findings.error(fields->span, "wrong_type",
                     fmt::format("\"fields\" must be a mapping of names, not {}", fields->kind_name()),
                     "fields: {temperature: {type: double}}");
    for (const auto& entry : fields->entries) {
      if (entry.key.starts_with("x-")) continue;
      Field field;
      field.name = entry.key;
      if (const auto problem = wrong_field_name(entry.key); !problem.empty())
        findings.error(entry.key_span, "wrong_name", problem,
                       fmt::format("another name with \"path: {}\"", entry.key));
      base::Keys keys = field_keys();
      keys.name = "field \"" + entry.key + "\"";
      base::check(entry.value, keys, findings);
      const auto type = std::find(type_words.begin(), type_words.end(), base::text_at(entry.value, "type"));
      if (type != type_words.end()) {
        field.type = static_cast<Type>(type - type_words.begin());
        FieldReader(entry.value, field, findings).read();
      } else {
        field.path = {field.name};
        field.required = base::boolean_at(entry.value, "required");
      }
      spec.fields.push_back(std::move(field));
    }
  }
  spec.max_record_bytes = base::bytes_at(task, "max_record_bytes", spec.max_record_bytes);
  spec.keep_unknown = base::text_at(task, "unknown_fields") == "keep";
  spec.lateness_by_arrival = base::text_at(task, "lateness") == "arrival";
  if (const Node* node = task.find("allowed_lateness");
      node != nullptr && (node->is_text() || node->is_number()))
    spec.allowed_lateness = base::parse_duration(node->text);
  read_event_time(task, spec, findings);
  return spec;
}

}  // namespace tamis::transforms
