// Celery's events, by which Flower and `celery events` see workers and tasks.  Sent by workers; lossy by
// design: when Redis is away they are dropped.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/redis/client.h"

namespace tamis::queue {

class Events {
 public:
  Events(std::shared_ptr<redis::Client> redis, std::string node);
  /// `fields` beside those that every event has.  Never throws.  Thread-safe.
  void send(std::string_view type, const base::Json& fields);

 private:
  std::shared_ptr<redis::Client> redis_;
  std::string node_;
  std::atomic<int64_t> clock_ = 0;
};

}  // namespace tamis::queue
