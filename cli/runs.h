// Runs as the commands name and watch them.
#pragma once
#include <string>

#include "cli/command.h"
#include "core/base/json.h"

namespace tamis::cli {

/// The run that `reference` names: an id, `latest`, `latest:failed` (any state), or a logical date.  Throws
/// NotFound.
base::Json find_run(Client& api, const std::string& dag_id, const std::string& reference);

/// Watches a run until it has ended: a bar on a terminal, lines otherwise.  Returns `failed` when it failed,
/// was not done in time, or could not be watched to its end.
int watch_run(Invocation& invocation, const std::string& dag_id, const std::string& run_id,
              base::Duration timeout);

}  // namespace tamis::cli
