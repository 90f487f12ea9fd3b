// The Celery task id of one try of a task instance.  Derived, so that sending a try twice is one task; the
// api finds the logs of former tries by it.
#pragma once
#include <string>
#include <string_view>

#include "core/base/id.h"

namespace tamis::workflow {

inline std::string try_id(std::string_view dag_id, std::string_view run_id, std::string_view task_id,
                          int map_index, int try_number) {
  std::string name(dag_id);
  name.append("\n").append(run_id).append("\n").append(task_id).append("\n");
  return base::derived_uuid(name + std::to_string(map_index) + "\n" + std::to_string(try_number));
}

}  // namespace tamis::workflow
