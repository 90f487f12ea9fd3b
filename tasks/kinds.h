// The task kinds, one function a file; listed in registry.cc and called by nothing else.
#pragma once
#include "tasks/task.h"

namespace tamis::tasks {

TaskKind etl_task();
TaskKind close_windows_task();
TaskKind shell_task();
TaskKind http_task();

}  // namespace tamis::tasks
