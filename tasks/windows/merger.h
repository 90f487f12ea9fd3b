// Merges the partials of one window, one by one and in slice order, and writes a document for each group.
// Memory holds the window's groups and no partial.  Used by close_windows; may be used again for the next
// window; not thread-safe.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/records/document.h"
#include "tasks/windows/partial_store.h"

namespace tamis::windows {

class Merger {
 public:
  Merger(const WindowKey& key, const WindowSpec& spec);
  ~Merger();

  /// Forgets all groups and begins with the window of this start.
  void begin(base::Instant start);
  /// Adds a partial.  Returns false, and adds nothing but its span, when it was made with other groups or
  /// another size of windows.  Aggregates that the partial of an older DAG version doesn't have become null
  /// in this window.  Throws Error for corrupt bytes.
  bool add(const StoredPartial& partial);
  size_t groups() const;
  /// The sum of the spans: grows with what was merged, and is the same when the same slices are merged again.
  int64_t span() const;

  /// Whether all partials added had all aggregates; only then may they be replaced by `encode`.
  bool is_complete() const;

  /// All that was merged as one partial.
  std::string encode() const;

  /// Appends one document a group, in the order in which groups were first seen.  After each it calls
  /// `added`, which may take the batch away and returns the `index` of the entries that follow.
  void documents(uint32_t index, int64_t version, records::DocumentBatch& batch,
                 const std::function<uint32_t()>& added) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::windows
