// Runs of a DAG in one process, without scheduler, queue or Redis: what `tamis dags test` does, and the
// conformance tests.  Plans, runs every slice through the code that workers run, closes windows, and keeps
// what a next run starts from.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/workflow/dag.h"
#include "tasks/task.h"

namespace tamis::tasks {

struct LocalOptions {
  Context context;         ///< without `partials`, they are kept in memory
  size_t concurrency = 1;  ///< slices at once
  /// The order in which `n` slices are run, as indices; one may occur several times.  Empty: 0, 1, …
  std::function<std::vector<size_t>(size_t n)> arrange;
  /// Called when a task instance ended.
  std::function<void(const std::string& task_id, int map_index, const std::string& state)> on_task;
};

/// One task instance of a run, in Airflow's words.
struct LocalTask {
  std::string task_id;
  int map_index = -1;  ///< of a slice
  std::string state;   ///< success, failed, skipped, upstream_failed
  base::Json slice, result;
  std::string error;  ///< of a failed one; of a skipped one why
};

struct LocalOutcome {
  std::string run_id;
  bool is_success = false;
  std::vector<LocalTask> tasks;  ///< in the order they were run; slices by map_index
  /// By etl task: what the run stored when it was planned.
  std::map<std::string, std::optional<base::Instant>> watermarks;
};

/// The runs of one DAG, one after the other.
class LocalRun {
 public:
  LocalRun(workflow::Dag dag, LocalOptions options);
  ~LocalRun();
  /// Runs all tasks in the order of their dependencies.  What fails is in the outcome; nothing is retried.
  LocalOutcome run(const std::string& run_id, const base::Interval& interval);
  /// `by_interval`: sources that can take what belongs to the interval, as a backfill does.
  LocalOutcome backfill(const std::string& run_id, const base::Interval& interval);

 private:
  struct Memory;  ///< of one task between runs
  LocalOutcome run_all(const std::string& run_id, const base::Interval& interval, bool by_interval);
  void run_task(const workflow::TaskSpec& task, const base::Interval& interval, bool by_interval,
                LocalOutcome& outcome);
  void run_slices(const workflow::TaskSpec& task, const base::Interval& interval, bool by_interval,
                  LocalOutcome& outcome);
  void work(LocalTask& instance, const workflow::TaskSpec& task, const base::Json& kwargs) const;
  base::Json kwargs(const workflow::TaskSpec& task, const LocalTask& instance, const LocalOutcome& outcome,
                    const base::Interval& interval) const;

  workflow::Dag dag_;
  LocalOptions options_;
  std::map<std::string, base::Node> nodes_;
  std::map<std::string, const base::Node*> node_of_;
  std::map<std::string, Memory> memory_;
};

}  // namespace tamis::tasks
