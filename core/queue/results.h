// What became of a task: Celery's result backend on Redis (`celery-task-meta-<id>`), readable by a Python
// AsyncResult.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "core/redis/client.h"

namespace tamis::queue {

/// Celery's words; ours map to them in one place (worker/settle).  `progress` stands for any state of a
/// client's own.
enum class State {
  pending,
  received,
  started,
  success,
  failure,
  retry,
  revoked,
  ignored,
  rejected,
  progress
};
std::string_view state_name(State state);  ///< PENDING, STARTED, …
bool is_final(State state);                ///< SUCCESS, FAILURE, REVOKED

struct TaskResult {
  std::string id;
  State state = State::pending;
  base::Json result;  ///< the value; of a failure {exc_type, exc_message, exc_module}
  std::string traceback;
  base::Json meta;  ///< the whole document as stored; when storing, members to put beside the usual ones
};

class Results {
 public:
  explicit Results(std::shared_ptr<redis::Client> redis, base::Duration expires = std::chrono::hours(24));
  /// Stores and publishes; a final state is never overwritten by another (one script).  Returns whether it
  /// was stored.
  bool store(const TaskResult& result);
  std::vector<std::optional<TaskResult>> find(std::span<const std::string> ids);
  /// Never throws: a document that can't be read is a pending result with the text in `meta`.
  static TaskResult decode(const std::string& id, const std::string& stored);
  /// The document that is stored.
  static std::string encode(const TaskResult& result, base::Instant done);
  /// Calls back for every result stored anywhere, as soon as it is, from a thread of its own.
  std::unique_ptr<redis::Subscription> follow(std::function<void(TaskResult)> on_result,
                                              std::function<void()> on_connected);
  void forget(std::span<const std::string> ids);

 private:
  std::shared_ptr<redis::Client> redis_;
  base::Duration expires_;
};

}  // namespace tamis::queue
