// What a worker is told: filled from flags by main(), or by a test.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "tasks/task.h"

namespace tamis::worker {

struct Options {
  std::string name;  ///< node name, `tamis@host-pid`
  std::vector<std::string> queues = {"celery"};
  int concurrency = 2;  ///< tasks at once
  base::Duration lease = std::chrono::seconds(30);
  base::Duration shutdown_timeout = std::chrono::seconds(30);
  /// How long a task may go on after it was told to stop, before the process ends under it.
  base::Duration stop_grace = std::chrono::seconds(10);
  int max_losses = 5;  ///< workers that may die with a message before it is buried
  size_t max_result_bytes = 4 << 20;
  base::Duration result_expires = std::chrono::hours(24);
  bool task_events = false;    ///< Celery's -E
  std::string status_address;  ///< as the status server has it; for the roster

  /// Where tasks are looked up: tasks::find_task, or a test's own.
  std::function<const tasks::TaskKind*(std::string_view name)> find_task;
  /// What every task gets; stop, log and progress are set for each.
  tasks::Context context;
  /// Ends the process under a task that doesn't stop.  Tests watch it instead.
  std::function<void(int status)> end_process;
};

}  // namespace tamis::worker
