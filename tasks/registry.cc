#include "tasks/kinds.h"

namespace tamis::tasks {

const std::vector<TaskKind>& task_kinds() {
  static const std::vector<TaskKind> kinds = {
      etl_task(),
      close_windows_task(),
      shell_task(),
      http_task(),
  };
  return kinds;
}

const TaskKind* find_task(std::string_view name) {
  for (const auto& kind : task_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace tamis::tasks
