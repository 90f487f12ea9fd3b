// The worker's flags, turned into Options.  Called by main().
#pragma once
#include "worker/options.h"

namespace tamis::worker {

/// Throws UserError for a value that can't be.  `context` and `find_task` are main()'s to fill.
Options options_from_flags();

}  // namespace tamis::worker
