// Where partials rest between the slices of a run and the closing of a window: Redis in production (a hash a
// window, a field a slice), memory in `tamis dags test` and tests.  One contract suite for both. Thread-safe.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/records/slice.h"
#include "tasks/windows/window.h"

namespace tamis::redis {
class Client;
}

namespace tamis::windows {

/// Names the windows of one task: `dag_id`, `task_id` and the window's name.
struct WindowKey {
  std::string dag_id, task_id, window;
};

struct StoredPartial {
  std::string slice;  ///< Slice::name(), by which partials are ordered when merged (topic, partition, start;
                      ///< numbers as numbers)
  int64_t span = 0;   ///< Slice::span(): what the version counts
  std::string bytes;
};

class PartialStore {
 public:
  virtual ~PartialStore() = default;
  /// Replaces everything that `slice` wrote before to the windows of `key`, and notes that `run_id` touched
  /// these starts.
  virtual void put(const WindowKey& key, const std::string& run_id, const records::Slice& slice,
                   const std::vector<Partial>& partials) = 0;
  /// The starts that a run's slices wrote to or took something from, ascending.
  virtual std::vector<base::Instant> touched(const WindowKey& key, const std::string& run_id) = 0;
  /// All partials of one window in merging order.
  virtual std::vector<StoredPartial> partials(const WindowKey& key, base::Instant start) = 0;
  /// Forgets windows whose end is not after `before` (watermark - allowed_lateness), and the notes of what
  /// `run_id` touched once its windows are written (`run_id` may be empty).
  virtual void forget(const WindowKey& key, base::Duration size, std::optional<base::Instant> before) = 0;
};

std::unique_ptr<PartialStore> make_memory_partial_store();
std::unique_ptr<PartialStore> make_redis_partial_store(std::shared_ptr<redis::Client> client);

}  // namespace tamis::windows
