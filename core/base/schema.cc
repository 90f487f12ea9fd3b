#include "core/base/schema.h"

#include <fmt/core.h>

#include <charconv>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/time.h"

namespace tamis::base {
namespace {

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::any:
      return "a value";
    case ValueType::text:
      return "a text";
    case ValueType::integer:
      return "an integer";
    case ValueType::number:
      return "a number";
    case ValueType::boolean:
      return "true or false";
    case ValueType::duration:
      return "a duration such as 90s, 5m or PT5M";
    case ValueType::instant:
      return "a date or date-time such as 2026-03-01T09:00:00Z";
    case ValueType::bytes:
      return "a size such as 64MiB";
    case ValueType::texts:
      return "a list of texts";
    case ValueType::list:
      return "a list";
    case ValueType::map:
    case ValueType::object:
      return "a mapping";
  }
  return "";
}

bool fits(const Node& node, ValueType type) {
  switch (type) {
    case ValueType::any:
      return true;
    case ValueType::text:
      return node.is_text();
    case ValueType::integer:
      return node.kind == Node::Kind::integer;
    case ValueType::number:
      return node.is_number();
    case ValueType::boolean:
      return node.kind == Node::Kind::boolean;
    case ValueType::duration:
      return (node.is_text() || node.is_number()) && parse_duration(node.text).has_value();
    case ValueType::instant:
      return node.is_text() && parse_instant(node.text).has_value();
    case ValueType::bytes:
      return (node.is_text() || node.kind == Node::Kind::integer) && parse_bytes(node.text).has_value();
    case ValueType::texts:
      if (!node.is_list()) return false;
      for (const auto& item : node.items)
        if (!item.is_text()) return false;
      return true;
    case ValueType::list:
      return node.is_list();
    case ValueType::map:
    case ValueType::object:
      return node.is_map();
  }
  return false;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

void check_value(const Node& node, const Key& key, Findings& findings) {
  if (node.is_null() && (key.nullable || key.type == ValueType::any)) return;
  if (!fits(node, key.type)) {
    std::string hint;
    if (key.type == ValueType::text && node.is_number())
      hint = fmt::format("write it in quotes: \"{}\"", node.text);
    if (key.type == ValueType::boolean && (node.text == "yes" || node.text == "on")) hint = "write true";
    if (key.type == ValueType::boolean && (node.text == "no" || node.text == "off")) hint = "write false";
    if (node.is_map() && node.entries.size() == 1 && node.entries[0].value.is_null() &&
        key.type != ValueType::map)
      hint = "templates begin with \"{{\" and need quotes around them";
    return findings.error(node.span, "wrong_type",
                          fmt::format("\"{}\" must be {}, not {}", key.name, type_name(key.type),
                                      node.is_text() || node.is_number() ? "\"" + node.text + "\""
                                                                         : std::string(node.kind_name())),
                          hint);
  }
  if (!key.one_of.empty() && node.is_text()) {
    for (const auto& word : key.one_of)
      if (word == node.text) return;
    return findings.error(
        node.span, "wrong_value",
        fmt::format("\"{}\" can't be \"{}\"{}", key.name, node.text, did_you_mean(node.text, key.one_of)),
        "one of " + join(key.one_of));
  }
  if (key.min || key.max) {
    double value = node.number;
    if (key.type == ValueType::duration)
      value = static_cast<double>(parse_duration(node.text)->count()) / 1e6;
    if (key.type == ValueType::bytes) value = static_cast<double>(*parse_bytes(node.text));
    if ((key.min && value < *key.min) || (key.max && value > *key.max))
      return findings.error(
          node.span, "out_of_range",
          key.min && key.max ? fmt::format("\"{}\" must be between {} and {}", key.name, *key.min, *key.max)
          : key.min          ? fmt::format("\"{}\" must be at least {}", key.name, *key.min)
                             : fmt::format("\"{}\" must be at most {}", key.name, *key.max));
  }
  if (key.type == ValueType::object && key.object != nullptr) check(node, *key.object, findings);
}

}  // namespace

const Key* Keys::find(std::string_view key) const {
  for (const auto& k : keys)
    if (k.name == key) return &k;
  return nullptr;
}

bool check(const Node& node, const Keys& keys, Findings& findings) {
  const size_t before = findings.error_count();
  if (!node.is_map()) {
    findings.error(node.span, "wrong_type",
                   fmt::format("{} must be a mapping, not {}", keys.name, node.kind_name()));
    return false;
  }
  std::vector<std::string> names;
  for (const auto& key : keys.keys) names.push_back(key.name);
  for (const auto& entry : node.entries) {
    if (entry.key.starts_with("x-")) continue;
    const Key* key = keys.find(entry.key);
    if (key == nullptr)
      findings.error(
          entry.key_span, "unknown_key",
          fmt::format("{} has no key \"{}\"{}", keys.name, entry.key, did_you_mean(entry.key, names)),
          "keys: " + join(names));
    else
      check_value(entry.value, *key, findings);
  }
  for (const auto& key : keys.keys)
    if (key.required && node.find(key.name) == nullptr)
      findings.error(node.span, "missing_key", fmt::format("{} needs \"{}\"", keys.name, key.name),
                     key.summary);
  return findings.error_count() == before;
}

Json json_schema(const Keys& keys) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const auto& key : keys.keys) {
    Json p = Json::object();
    switch (key.type) {
      case ValueType::any:
        break;
      case ValueType::text:
        p["type"] = "string";
        break;
      case ValueType::integer:
        p["type"] = "integer";
        break;
      case ValueType::number:
        p["type"] = "number";
        break;
      case ValueType::boolean:
        p["type"] = "boolean";
        break;
      case ValueType::duration:
        p["type"] = {"string", "number"};
        break;
      case ValueType::instant:
        p["type"] = "string";
        break;
      case ValueType::bytes:
        p["type"] = {"string", "integer"};
        break;
      case ValueType::texts:
        p = {{"type", "array"}, {"items", {{"type", "string"}}}};
        break;
      case ValueType::list:
        p["type"] = "array";
        break;
      case ValueType::map:
        p["type"] = "object";
        break;
      case ValueType::object:
        p = key.object != nullptr ? json_schema(*key.object) : Json{{"type", "object"}};
        break;
    }
    if (!key.one_of.empty()) p["enum"] = key.one_of;
    if (key.min && key.type != ValueType::duration && key.type != ValueType::bytes) p["minimum"] = *key.min;
    if (key.max && key.type != ValueType::duration && key.type != ValueType::bytes) p["maximum"] = *key.max;
    if (key.nullable) {
      p = Json{{"anyOf", Json::array({p, Json{{"type", "null"}}})}};
    }
    if (!key.summary.empty()) p["description"] = key.summary;
    properties[key.name] = p;
    if (key.required) required.push_back(key.name);
  }
  Json schema = {{"type", "object"},
                 {"properties", properties},
                 {"patternProperties", {{"^x-", Json::object()}}},
                 {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

std::string text_at(const Node& node, std::string_view key, std::string fallback) {
  const Node* found = node.find(key);
  return found != nullptr && found->is_text() ? found->text : fallback;
}

int64_t integer_at(const Node& node, std::string_view key, int64_t fallback) {
  const Node* found = node.find(key);
  return found != nullptr && found->kind == Node::Kind::integer ? found->integer : fallback;
}

double number_at(const Node& node, std::string_view key, double fallback) {
  const Node* found = node.find(key);
  return found != nullptr && found->is_number() ? found->number : fallback;
}

bool boolean_at(const Node& node, std::string_view key, bool fallback) {
  const Node* found = node.find(key);
  return found != nullptr && found->kind == Node::Kind::boolean ? found->boolean : fallback;
}

std::vector<std::string> texts_at(const Node& node, std::string_view key) {
  std::vector<std::string> out;
  if (const Node* found = node.find(key))
    for (const auto& item : found->items)
      if (item.is_text()) out.push_back(item.text);
  return out;
}

std::optional<int64_t> parse_bytes(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  int64_t factor = 0;
  if (unit.empty() || unit == "B")
    factor = 1;
  else if (unit == "kB" || unit == "KB")
    factor = 1000;
  else if (unit == "MB")
    factor = 1000000;
  else if (unit == "GB")
    factor = 1000000000;
  else if (unit == "KiB")
    factor = 1 << 10;
  else if (unit == "MiB")
    factor = 1 << 20;
  else if (unit == "GiB")
    factor = 1 << 30;
  if (factor == 0 || value > (int64_t{1} << 50) / factor) return std::nullopt;
  return value * factor;
}

int64_t bytes_at(const Node& node, std::string_view key, int64_t fallback) {
  const Node* found = node.find(key);
  if (found == nullptr) return fallback;
  return parse_bytes(found->text).value_or(fallback);
}

}  // namespace tamis::base
