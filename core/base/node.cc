#include "core/base/node.h"

#include "core/base/json.h"

namespace tamis::base {

const Node* Node::find(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Span Node::key_span(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return entry.key_span;
  return span;
}

std::string_view Node::kind_name() const {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::number:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a mapping";
  }
  return "";
}

Json Node::json() const {
  switch (kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return boolean;
    case Kind::integer:
      return integer;
    case Kind::number:
      return number;
    case Kind::text:
      return text;
    case Kind::list: {
      Json out = Json::array();
      for (const auto& item : items) out.push_back(item.json());
      return out;
    }
    case Kind::map: {
      Json out = Json::object();
      for (const auto& entry : entries) out[entry.key] = entry.value.json();
      return out;
    }
  }
  return nullptr;
}

Node Node::from_json(const Json& json) {
  Node node;
  if (json.is_boolean()) {
    node.kind = Kind::boolean;
    node.boolean = json.get<bool>();
    node.text = node.boolean ? "true" : "false";
  } else if (json.is_number_integer()) {
    node.kind = Kind::integer;
    node.integer = json.get<int64_t>();
    node.number = static_cast<double>(node.integer);
    node.text = std::to_string(node.integer);
  } else if (json.is_number()) {
    node.kind = Kind::number;
    node.number = json.get<double>();
    node.text = json.dump();
  } else if (json.is_string()) {
    node.kind = Kind::text;
    node.text = json.get<std::string>();
    node.quoted = true;
  } else if (json.is_array()) {
    node.kind = Kind::list;
    for (const auto& item : json) node.items.push_back(from_json(item));
  } else if (json.is_object()) {
    node.kind = Kind::map;
    for (const auto& [key, value] : json.items()) node.entries.push_back({key, {}, from_json(value)});
  }
  return node;
}

}  // namespace tamis::base
