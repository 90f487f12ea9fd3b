// The tasks that nobody wants any more: heard from Celery clients and `tamis` by pidbox, and kept in Redis
// for workers that were not there.  Asked by slots before they run a task.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/queue/producer.h"
#include "core/redis/client.h"

namespace tamis::worker {

class Revocations {
 public:
  /// `terminate` is called, from another thread, for tasks that are to stop even when they run.
  Revocations(std::shared_ptr<redis::Client> redis, std::string node,
              std::function<void(const std::string& id)> terminate);
  ~Revocations();
  /// Throws TransientError when Redis is away.
  bool contains(const std::string& id) const;

 private:
  void hear(const std::string& envelope);

  std::shared_ptr<redis::Client> redis_;
  const std::string node_;
  std::function<void(const std::string& id)> terminate_;
  std::unique_ptr<redis::Subscription> subscription_;
};

}  // namespace tamis::worker
