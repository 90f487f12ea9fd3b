// SIGTERM and SIGINT as a std::stop_token; a second signal ends the process at once.  Called by every main().
#pragma once
#include <stop_token>

#include "core/base/time.h"

namespace tamis::base {

/// Blocks the two signals in all threads started later and waits for them in one of its own.  Call once,
/// first in main().
std::stop_token stop_on_signals();

/// Waits for `duration` or until a stop is asked for; returns whether it was.
bool wait_for(const std::stop_token& stop, Duration duration);

}  // namespace tamis::base
