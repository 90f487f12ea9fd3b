// Trigger rules and retry delays, exactly as Airflow 2.10 has them.  Pure; called by decide().
#pragma once
#include "core/base/time.h"
#include "core/workflow/dag.h"
#include "core/workflow/run.h"
#include "scheduler/live.h"

namespace tamis::scheduler {

enum class Verdict { wait, run, skip, upstream_failed };

/// `upstream` sums the counts of all direct upstream tasks.
Verdict judge(workflow::TriggerRule rule, const Counts& upstream);

/// How long to wait after try `try_number` failed: deterministic, with a jitter that depends on task, date
/// and try.
base::Duration retry_delay(const workflow::TaskSpec& task, const std::string& dag_id,
                           base::Instant logical_date, int try_number);

}  // namespace tamis::scheduler
