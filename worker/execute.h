// Runs one task and says how it ended, whatever it throws.  Called by slots.
#pragma once
#include <string>
#include <variant>

#include "core/base/json.h"
#include "tasks/task.h"
#include "worker/holding.h"

namespace tamis::worker {

struct Succeeded {
  base::Json result;
};

/// As Celery stores an exception; `type` is a class name: UserError, TransientError, …
struct Failed {
  std::string type, message;
  std::string module = "tamis";
  base::Json arguments;  ///< exc_message when it isn't [message]
};

struct Revoked {
  std::string why;  ///< revoked, terminated, expired
};

/// The message goes back to the queue: the worker stops.
struct GivenBack {};

/// Somebody else has the message by now: whatever came of it is not ours to tell.
struct Dropped {};

using Outcome = std::variant<Succeeded, Failed, Revoked, GivenBack, Dropped>;

/// Runs `kind`; `holding`, which has begun, says whether and why it was told to stop.
Outcome execute(const tasks::TaskKind& kind, const base::Json& args, const base::Json& kwargs,
                const tasks::Context& context, const Holding& holding, size_t max_result_bytes);

/// Celery's words for a limit that was passed.
Failed time_limit_exceeded(double seconds);

}  // namespace tamis::worker
