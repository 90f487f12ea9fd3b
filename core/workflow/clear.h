// Clearing, as Airflow has it: which task instances of a run are set back so that they run again.  Asked by
// api and cli, shown by the api's dry run, applied by the leading scheduler; all of them choose by the same
// rule.
#pragma once
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/workflow/dag.h"
#include "core/workflow/graph.h"
#include "core/workflow/run.h"

namespace tamis::workflow {

struct ClearRequest {
  std::string dag_id, run_id;
  std::vector<std::string> task_ids;  ///< empty: all tasks
  std::optional<int> map_index;       ///< of the named tasks; those around them are taken whole
  bool only_failed = false;           ///< failed and upstream_failed
  bool only_running = false;
  bool upstream = false;
  bool downstream = true;
  bool reset_run = true;  ///< an ended run runs again; else its instances are set back and wait

  base::Json json() const;
  /// Throws UserError when it is none.
  static ClearRequest from_json(const base::Json& json);
};

/// Numbers of tasks that a request is about, in their order.  Throws UserError for a task that the DAG
/// doesn't have.
std::vector<uint32_t> tasks_to_clear(const Dag& dag, const Graph& graph, const ClearRequest& request);

/// Whether an instance of one of these tasks is meant.
bool is_to_clear(const TaskInstance& instance, const ClearRequest& request);

/// Both for the instances of a whole run: their places in `instances`.
std::vector<size_t> instances_to_clear(const Dag& dag, const std::vector<TaskInstance>& instances,
                                       const ClearRequest& request);

}  // namespace tamis::workflow
