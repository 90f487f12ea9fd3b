// Operators as DAG files name them, asked when a DAG is loaded and when a run is planned: are the task's own
// keys right, which Celery task does it become, into which slices does it fall.  The programs hand these
// answers to core/workflow, which lies below and knows no operator.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/connections.h"
#include "core/base/finding.h"
#include "core/base/node.h"
#include "core/base/schema.h"
#include "tasks/sources/source.h"

namespace tamis::tasks {

/// What an operator's check may look at beside its own task.
struct OperatorCheck {
  const base::Node& task;  ///< the task's whole mapping
  const std::map<std::string, const base::Node*>&
      tasks;           ///< all tasks of the DAG by task_id (close_windows looks at its etl task)
  std::string folder;  ///< of the DAG file
  base::Findings& findings;
  std::vector<std::string>& files;  ///< out: files whose content is part of the DAG's version
};

struct Operator {
  std::string name;  ///< the word in DAG files: etl, close_windows, shell, …
  std::string summary;
  std::string
      celery_task;  ///< `tamis.etl`; empty: the scheduler does it itself (empty) or the DAG says (celery)
  base::Keys keys;  ///< its own keys, beside those that every task has
  std::function<void(OperatorCheck&)> check;
  /// Whether a task of this operator falls into slices when its run is planned.
  bool is_sliced = false;
};

const std::vector<Operator>& operators();
const Operator* find_operator(std::string_view name);

/// Plans a sliced task: its slices and the cursor for the next run.  Throws TransientError when the source
/// can't be asked.
sources::Plan plan_slices(const base::Node& task, const sources::PlanRequest& request,
                          const sources::SourceContext& context);

/// The kwargs of the Celery message for one try of a task instance; everything a worker needs, as it has
/// never heard of a DAG.
struct TaskCall {
  std::string dag_id, run_id, task_id, dag_version, folder;
  int map_index = -1;
  int try_number = 1;
  std::optional<base::Instant>
      watermark;  ///< the greatest event time that finished runs of this task have seen
  base::Interval interval;
  const base::Json* slice = nullptr;  ///< of a sliced task
};
base::Json task_kwargs(const base::Node& task, const std::map<std::string, const base::Node*>& tasks,
                       const TaskCall& call);

}  // namespace tamis::tasks
