// Where partials rest between the slices of a run and the closing of a window: Redis in production, memory in
// `tamis dags test` and tests; one contract suite for both.  Written by etl tasks, read by close_windows.
// Thread-safe.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/records/slice.h"
#include "tasks/windows/window.h"

namespace tamis::redis {
class Client;
}

namespace tamis::windows {

/// Names the windows of one task: `dag_id`, `task_id` (of the etl task) and the window's name.
struct WindowKey {
  std::string dag_id, task_id, window;
};

/// One field of a window: what a slice gave to it, or what many slices gave, merged.
struct StoredPartial {
  std::string slice;  ///< Slice::name(); empty for the compacted one
  int64_t span = 0;   ///< Slice::span(), or the sum of those merged: what a document's version counts
  std::string bytes;  ///< codec.h
  bool compactable =
      false;  ///< its run ended before the one that reads, and its slice can never hold other records
};

/// What compaction puts in place of many partials.
struct Compaction {
  struct Slice {
    std::string name;
    int64_t span = 0;
  };
  std::vector<Slice> slices;  ///< merged into `bytes`, beside what the compacted one held before
  std::string bytes;
  int64_t span = 0;    ///< of all slices ever merged into it
  uint64_t token = 0;  ///< WindowNote::token of the reading that it was made from
};

class PartialStore {
 public:
  virtual ~PartialStore() = default;

  /// Replaces everything that `slice` wrote before to the windows of `key`, and notes that `run_id` touched
  /// these windows: those written now, and those that lost what the slice wrote before.  A crash in between
  /// leaves what a repetition mends.
  virtual void put(const WindowKey& key, const std::string& run_id, const records::Slice& slice,
                   const std::vector<Partial>& partials) = 0;

  /// Takes away what slices wrote that no longer exist, as those of a file that was replaced by a shorter
  /// one; the windows count as touched by `run_id`.
  virtual void drop(const WindowKey& key, const std::string& run_id,
                    const std::vector<std::string>& slices) = 0;

  /// The starts that a run's slices wrote to or took something from, ascending.
  virtual std::vector<base::Instant> touched(const WindowKey& key, const std::string& run_id) = 0;

  struct WindowNote {
    size_t partials = 0;     ///< that were visited
    size_t compactable = 0;  ///< of these, how many compaction could take
    int64_t retired =
        0;  ///< spans of what was replaced or taken away: counted into versions, so that they never shrink
    uint64_t token = 0;  ///< changes whenever the window does
  };
  /// Gives `visit` the partials of one window one by one, in merging order: the compacted one, then by topic
  /// or path, partition and start, numbers as numbers.  Partials that the compacted one holds are left out.
  /// Returns empty when the window was compacted meanwhile: forget what was visited and read again.
  virtual std::optional<WindowNote> read(const WindowKey& key, base::Instant start, const std::string& run_id,
                                         const std::function<void(StoredPartial&&)>& visit) = 0;

  /// Puts one partial in place of those that were read; slices that it holds are never counted again in this
  /// window. Does nothing and returns false when the window changed since `read`.
  virtual bool compact(const WindowKey& key, base::Instant start, const Compaction& compaction) = 0;

  /// Forgets windows whose end is not after `before` (watermark - allowed_lateness), and notes of slices
  /// whose windows are all forgotten.  Call it after the windows of the run are safely written.
  virtual void forget(const WindowKey& key, base::Duration size, std::optional<base::Instant> before) = 0;

  /// All partials of one window, for tests and small windows.
  std::vector<StoredPartial> partials(const WindowKey& key, base::Instant start,
                                      const std::string& run_id = "");
};

std::unique_ptr<PartialStore> make_memory_partial_store();

struct RedisPartialStoreOptions {
  /// A window that nobody wrote to for so long is abandoned (its DAG is gone); must be longer than any
  /// allowed lateness.
  base::Duration window_ttl = std::chrono::hours(24 * 180);
  /// How long it stays known which windows a run touched, so that its close_windows can be cleared and run
  /// again.
  base::Duration touched_ttl = std::chrono::hours(24 * 30);
};
std::unique_ptr<PartialStore> make_redis_partial_store(std::shared_ptr<redis::Client> client,
                                                       RedisPartialStoreOptions options = {});

}  // namespace tamis::windows
