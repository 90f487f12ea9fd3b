// Tells when one of some lists has something, without taking it and without polling.  Used by the queue's
// Broker.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/base/connections.h"
#include "core/base/time.h"

namespace tamis::redis {

/// One connection for each list waits in `BLMOVE list list RIGHT RIGHT`: that moves an entry onto its own
/// place, so nothing changes, and it returns as soon as anybody, ours or not, pushes.  Needs Redis 6.2.
/// wait() is for one thread, wake() for all.
class ListWatch {
 public:
  ListWatch(base::RedisConnection connection, std::vector<std::string> lists);
  ~ListWatch();
  ListWatch(const ListWatch&) = delete;
  ListWatch& operator=(const ListWatch&) = delete;

  /// Waits until a list may have something (true), or until `wait` passed or wake() was called (false).  May
  /// say true once more than there is reason to.  Throws TransientError when Redis can't be reached.
  bool wait(base::Duration wait);
  /// Ends the wait() that is under way, or else the next one.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::redis
