// The account of a run as people read it: a row a task, a sum, and whether it adds up.  For `dags report` and
// `dags test`.
#pragma once
#include "cli/command.h"
#include "core/base/json.h"

namespace tamis::cli {

/// `report`: as workflow::run_report makes it.
void print_account(Invocation& invocation, const base::Json& report);

}  // namespace tamis::cli
