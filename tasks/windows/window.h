// Windows of event time: what a DAG file says about them, and the aggregation of one slice into partials.
// Called by the etl task (WindowSet) and by the checks of DAG files; close.h merges partials of all slices
// into documents.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/node.h"
#include "core/base/schema.h"
#include "core/records/batch.h"

namespace tamis::windows {

enum class Function { count, sum, avg, min, max, stddev, first, last, distinct, p50, p90, p95, p99 };

struct Aggregate {
  std::string name;
  Function function = Function::count;
  std::string field;  ///< empty for count()
  records::Type input = records::Type::keyword;
  records::Type output = records::Type::long_;
};

struct WindowSpec {
  std::string name;
  base::Duration size{}, slide{};  ///< slide == size: tumbling
  std::vector<std::string> group_by;
  std::vector<records::Type> group_types;
  std::vector<Aggregate> aggregates;
  /// What a window's document holds, for mappings and tables: window_start, window_end, groups, aggregates.
  records::Layout document_layout() const;
};

/// The keys of one window in `windows:`.
const base::Keys& window_keys();

/// Reads `windows:` of an etl task against the fields that its transforms leave.  Wrong parts become
/// findings.
std::vector<WindowSpec> read_windows(const base::Node& windows, const records::Layout& layout,
                                     base::Findings& findings);

/// What `windows:` needs of the rest of the task; `windows_key` is where the key stands.  `has_time`: the
/// task has `event_time:` or its source's records carry a time.
void check_window_needs(const base::Span& windows_key, bool has_allowed_lateness, bool has_time,
                        base::Findings& findings);

/// One window's groups as one slice saw them: what is kept until the window closes.
struct Partial {
  base::Instant start{};
  uint64_t groups = 0;
  std::string bytes;  ///< mergeable states, own format with a version byte (codec.h)
};

/// Aggregates the rows of one slice into all windows of a task.  One thread at a time, batches in order, so
/// that repeating gives the same bits.
class WindowSet {
 public:
  /// `specs` must have been read against `layout`.
  WindowSet(const std::vector<WindowSpec>& specs, const records::Layout& layout);
  ~WindowSet();
  /// Adds the live rows that are no lookback.
  void add(const records::Batch& batch);
  /// Groups touched so far, over all windows: the account's `windows`.
  uint64_t groups() const;
  /// Memory held for them.
  size_t memory() const;
  /// The partials of window spec `i`, in the order of their starts.
  std::vector<Partial> finish(size_t i);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::windows
