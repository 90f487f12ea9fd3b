// The log lines of one try of a task instance, kept in Redis for `tamis tasks logs` and the api: bounded in
// lines and in time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/redis/client.h"

namespace tamis::queue {

class TaskLog {
 public:
  explicit TaskLog(std::shared_ptr<redis::Client> redis);
  /// `id` is the Celery task id of the try.
  void append(const std::string& id, const std::vector<std::string>& lines);
  std::vector<std::string> read(const std::string& id);

 private:
  std::shared_ptr<redis::Client> redis_;
};

}  // namespace tamis::queue
