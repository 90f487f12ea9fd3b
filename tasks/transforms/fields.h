// What a DAG file says about a record's fields, as plain values, and its check when the file is loaded.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/finding.h"
#include "core/base/node.h"
#include "core/base/schema.h"
#include "core/base/time.h"
#include "core/records/batch.h"

namespace tamis::transforms {

using Value =
    std::variant<std::monostate, std::string, int64_t, double, bool, base::Instant>;  ///< monostate: null

/// One field as it was declared.  Only the checks of its type are set.
struct Field {
  std::string name;
  records::Type type = records::Type::keyword;
  std::vector<std::string> path;  ///< {name} unless `path:` says otherwise
  bool required = false, coerce = false, null_on_invalid = false;
  std::optional<double> min, max;             ///< of doubles
  std::optional<int64_t> min_long, max_long;  ///< of longs: exact
  std::vector<std::string> enum_texts;
  std::vector<int64_t> enum_longs;
  std::optional<int64_t> max_length;
  std::string pattern;
  std::string format = "rfc3339";
  Value default_value;
};

struct FieldSpec {
  std::vector<Field> fields;
  int64_t max_record_bytes = 1 << 20;
  bool keep_unknown = false;
  std::string event_time;  ///< a field's name, or empty
  std::optional<base::Duration> allowed_lateness;
  bool lateness_by_arrival = false;
  /// The rows that Clean makes: field i in column i.
  records::Layout layout() const;
};

/// The keys of one field, and those that stand beside `fields:` in a task, for checks, schema and docs.
const base::Keys& field_keys();
const std::vector<base::Key>&
record_keys();  ///< max_record_bytes, unknown_fields, event_time, allowed_lateness, lateness

/// The most that `max_record_bytes` can be.  Sources cut off what is longer, so that one line can't fill the
/// memory.
inline constexpr int64_t max_record_bytes_limit = 64 << 20;

/// Why `name` can't be a field's name (declared, derived or renamed), in words for people; empty when it can.
std::string wrong_field_name(std::string_view name);

/// Reads and checks `fields:` and what stands beside it in an etl task.  Wrong parts become findings; the
/// rest is returned. The types of what stands beside `fields:` are checked with record_keys, by the
/// operator's table.
FieldSpec read_fields(const base::Node& task, base::Findings& findings);

}  // namespace tamis::transforms
