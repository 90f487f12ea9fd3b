// The operators as the DAG parser takes them, which lies below tasks/ and knows none.  Called by every
// program that reads DAG files.
#pragma once
#include "core/workflow/operator_table.h"

namespace tamis::tasks {

workflow::OperatorTable operator_table();

}  // namespace tamis::tasks
