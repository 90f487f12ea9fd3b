// Gives back what dead workers held, and buries what nobody can run.  Called every few seconds by every
// worker and by the scheduler; harmless at any time from anywhere.
#pragma once
#include <string>

#include "core/queue/broker.h"
#include "core/queue/results.h"

namespace tamis::queue {

/// Restores, and buries what killed too many workers.  Returns when the next postponed message is due. Throws
/// TransientError when Redis is away.
std::optional<base::Duration> reap(Broker& broker, Results& results);

/// Moves a held message to the dead letters of its queue, after whoever waits for it got a failure of this
/// class name.
void bury_with_result(Broker& broker, Results& results, const Delivery& delivery, const std::string& type,
                      const std::string& reason);

}  // namespace tamis::queue
