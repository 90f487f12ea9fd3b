// Writes the windows that a run touched: merges their partials and makes one document a group.  Called by the
// close_windows task and by `tamis dags test`.
#pragma once
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "core/records/document.h"
#include "tasks/windows/partial_store.h"

namespace tamis::windows {

struct CloseOptions {
  size_t batch_documents = 5000;
  size_t batch_bytes = 5 << 20;
  /// A window with more partials than this of runs that ended is compacted before it is written.
  size_t compact_above = 64;
  std::stop_token stop;  ///< asked to stop: TransientError
};

struct Closed {
  uint64_t windows = 0;
  uint64_t documents = 0;
  /// Partials that another version of the DAG wrote with other groups or another size, and that can't be
  /// counted.
  uint64_t incompatible = 0;
};

/// Takes documents over.  `batch.indices` is empty and to be filled by the callee: entry.index counts into
/// `starts`, so that `indices[i]` is the target's name for a window that begins at `starts[i]`.
using WriteDocuments =
    std::function<void(records::DocumentBatch batch, std::span<const base::Instant> starts)>;

/// Writes every group of each window that `run_id` touched, whole, in bounded batches.  Repeating it gives
/// the same bytes, ids and versions.  Throws Error for partials that can't be read.
Closed close_windows(PartialStore& store, const WindowKey& key, const WindowSpec& spec,
                     const std::string& run_id, const WriteDocuments& write,
                     const CloseOptions& options = {});

}  // namespace tamis::windows
