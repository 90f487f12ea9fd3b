// What became of a run's records: the accounts of its slices added up, by task and in all (PIPELINE §7 of
// docs/pipeline.md). Served by the api, printed by `tamis dags report` and `tamis dags test`.
#pragma once
#include "core/base/json.h"
#include "core/workflow/run.h"

namespace tamis::workflow {

/// Adds one task result to a sum of results: numbers are added, `rejected_by` by reason, the greatest
/// `max_event_time` stays, `lost` ranges are gathered.  Members that are none of an account are left out.
void add_account(base::Json& sum, const base::Json& result);

/// Whether read = accepted + filtered + duplicate + rejected.
bool is_balanced(const base::Json& account);

/// `{dag_id, dag_run_id, state, tasks: [{task_id, total, done, states, account, errors}], total, is_balanced,
/// …}`; tasks in the order of the run.  `account` is null when no instance of the task has one yet.
base::Json run_report(const DagRun& run);

}  // namespace tamis::workflow
