// A value read from YAML or JSON that still knows where it stood, so that whoever finds it wrong can point at
// it. Made by core/base/yaml and by from_json (a worker's copy of a task has no places); read by the DAG
// parser and by tasks.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/finding.h"
#include "core/base/json_fwd.h"

namespace tamis::base {

class Node {
 public:
  enum class Kind { null, boolean, integer, number, text, list, map };
  struct Entry;

  Kind kind = Kind::null;
  std::string text;            ///< a scalar as it was written, without quotes and escapes
  bool quoted = false;         ///< the scalar stood in quotes or in a block: always Kind::text
  int64_t integer = 0;         ///< Kind::integer
  double number = 0;           ///< Kind::number, and Kind::integer as a double
  bool boolean = false;        ///< Kind::boolean
  std::vector<Node> items;     ///< Kind::list
  std::vector<Entry> entries;  ///< Kind::map, in the order written; keys are distinct
  Span span;

  bool is_null() const { return kind == Kind::null; }
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_text() const { return kind == Kind::text; }
  bool is_number() const { return kind == Kind::integer || kind == Kind::number; }

  /// The member of a map, or null when there is none or this is no map.
  const Node* find(std::string_view key) const;
  const Node* find(const char* key) const { return find(std::string_view(key)); }
  /// Where the key of a member stands; the whole node's place when there is none.
  Span key_span(std::string_view key) const;

  /// What people call this kind: "a list", "a number", …
  std::string_view kind_name() const;

  Json json() const;
  static Node from_json(const Json& json);
};

struct Node::Entry {
  std::string key;
  Span key_span;
  Node value;
};

}  // namespace tamis::base
