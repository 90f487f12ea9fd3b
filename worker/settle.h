// Tells the world how a task ended: result first, then the message is done with.  The one place where our
// outcomes become Celery's states.  Called by slots and by the heartbeat.
#pragma once
#include <memory>
#include <string>

#include "core/queue/broker.h"
#include "core/queue/events.h"
#include "core/queue/message.h"
#include "core/queue/results.h"
#include "worker/execute.h"

namespace tamis::worker {

class Settle {
 public:
  Settle(queue::Broker& broker, queue::Results& results, queue::Events& events, bool task_events)
      : broker_(broker), results_(results), events_(events), task_events_(task_events) {}

  /// Stores what `outcome` means for the task and releases its message.  Throws TransientError when Redis is
  /// away: to be called again.
  void finish(const HoldingPtr& holding, const queue::TaskMessage& message, const Outcome& outcome,
              double seconds);

 private:
  queue::Broker& broker_;
  queue::Results& results_;
  queue::Events& events_;
  const bool task_events_;
};

/// The stored result of an outcome; nothing for those that leave the task's state alone.
std::optional<queue::TaskResult> result_of(const queue::TaskMessage& message, const Outcome& outcome);
/// Members that a result document has when the task has a parent or a group.
base::Json document_members(const queue::TaskMessage& message);

}  // namespace tamis::worker
