// Puts task messages onto their queues, many in one round trip, so that Celery's workers and ours find them.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "core/queue/message.h"
#include "core/redis/client.h"

namespace tamis::queue {

class Producer {
 public:
  explicit Producer(std::shared_ptr<redis::Client> redis);
  /// Sends all in one pipeline.  Sending an id again is harmless to our workers: the second copy finds the
  /// result.  Throws TransientError when Redis didn't take all of them; some may then be on their way.
  void send(std::span<const TaskMessage> messages);
  /// Asks workers to give a task up (Celery's revoke, by pidbox), and notes it in Redis for workers that
  /// start later. `terminate`: also when it runs.
  void revoke(const std::string& id, bool terminate);

 private:
  std::shared_ptr<redis::Client> redis_;
};

}  // namespace tamis::queue
