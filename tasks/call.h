// What the kwargs of our own Celery tasks say, read back: the worker's half of task_kwargs.  Called by etl.cc
// and close_windows.cc.
#pragma once
#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/base/node.h"
#include "core/base/time.h"

namespace tamis::tasks {

struct Call {
  std::string dag_id, run_id, task_id, folder;
  std::optional<base::Instant> watermark;
  base::Node task;          ///< the task's mapping
  base::Json slice;         ///< null when there is none
  std::string etl_task_id;  ///< of close_windows: the task whose windows it closes, and its mapping
  base::Node etl;
};

/// Throws UserError naming the member that is missing or wrong.
Call read_call(const base::Json& kwargs);

}  // namespace tamis::tasks
