// What a worker can be asked to do.  A kind is one file and one line in registry.cc; its name is the Celery
// task name.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "tasks/pipeline/context.h"

namespace tamis::tasks {

/// What a task may use while it runs.
using Context = pipeline::Context;

struct TaskKind {
  std::string name;  ///< Celery's task name: `tamis.etl`
  std::string summary;
  /// Does the work and returns the task's result.  Throws UserError (never retried) or any other error
  /// (retried by policy).
  std::function<base::Json(const base::Json& args, const base::Json& kwargs, const Context&)> run;
};

const std::vector<TaskKind>& task_kinds();
const TaskKind* find_task(std::string_view name);

}  // namespace tamis::tasks
