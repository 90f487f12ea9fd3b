// What a mapping may hold, as data: one table serves the check of DAG files, the JSON Schema and the docs.  A
// pluggable part declares its keys with these; core/workflow declares those of a DAG and a task.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/finding.h"
#include "core/base/json_fwd.h"
#include "core/base/node.h"

namespace tamis::base {

enum class ValueType {
  any,
  text,
  integer,
  number,
  boolean,
  duration,  ///< `90s`, `PT5M`, or seconds
  instant,   ///< an ISO date or date-time
  bytes,     ///< an integer, or `64MiB`, `5MB`, `1GiB`
  texts,     ///< a list of texts
  list,
  map,     ///< a mapping with free keys
  object,  ///< a mapping with the keys of `object`
};

struct Keys;

struct Key {
  std::string name;
  ValueType type = ValueType::any;
  std::string summary;  ///< one line for docs and editors
  bool required = false;
  bool nullable = false;            ///< `null` may stand for "none"
  std::vector<std::string> one_of;  ///< the values that a text may have
  std::optional<double> min, max;   ///< inclusive, for numbers; for durations in seconds
  std::string default_text;         ///< for docs
  const Keys* object = nullptr;     ///< ValueType::object
};

/// The keys of one mapping.  Keys that begin with `x-` are always free.
struct Keys {
  std::string name;  ///< what the mapping is called in messages: "field", "task"
  std::vector<Key> keys;
  const Key* find(std::string_view key) const;
};

/// Checks `node` against `keys`, all of it: that it is a mapping, unknown keys (with the nearest right one),
/// missing ones, types, ranges and words, nested objects too.  Returns whether it added no error.
bool check(const Node& node, const Keys& keys, Findings& findings);

/// JSON Schema (draft 2020-12) of a mapping.
Json json_schema(const Keys& keys);

/// Typed reading of members that were checked: `fallback` when the member is missing, null or of another
/// type.
std::string text_at(const Node& node, std::string_view key, std::string fallback = "");
int64_t integer_at(const Node& node, std::string_view key, int64_t fallback = 0);
double number_at(const Node& node, std::string_view key, double fallback = 0);
bool boolean_at(const Node& node, std::string_view key, bool fallback = false);
std::vector<std::string> texts_at(const Node& node, std::string_view key);

/// `64MiB`, `5MB`, `1048576`; empty when it is none.
std::optional<int64_t> parse_bytes(std::string_view text);
int64_t bytes_at(const Node& node, std::string_view key, int64_t fallback);

}  // namespace tamis::base
