// Between decisions and Celery: a try as the message that a worker gets, and a result as what happened to the
// try.
#pragma once
#include <optional>

#include "core/queue/message.h"
#include "core/queue/results.h"
#include "scheduler/decide.h"

namespace tamis::scheduler {

/// Everything a worker needs stands in the message, as it has never heard of a DAG.
queue::TaskMessage message_of(const Send& send);

/// Empty for states that mean nothing to a run (PENDING, RETRY, progress).
std::optional<Event> event_of(const TaskKey& key, const queue::TaskResult& result);

}  // namespace tamis::scheduler
