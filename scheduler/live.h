// What the scheduler holds in memory: DAGs as compiled, live runs with counters, what waits and until when.
// Rebuilt from the store by whoever leads; changed by decide() alone.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/base/node.h"
#include "core/workflow/dag.h"
#include "core/workflow/graph.h"
#include "core/workflow/run.h"
#include "core/workflow/timetable.h"

namespace tamis::scheduler {

/// A version of a DAG with its edges and its tasks' mappings; shared by the runs that use it.
struct CompiledDag {
  workflow::Dag dag;
  workflow::Graph graph;
  std::unordered_map<std::string, uint32_t> numbers;
  std::vector<uint32_t> sliced;  ///< tasks that are planned
  std::vector<base::Node> bodies;
  std::map<std::string, const base::Node*> bodies_by_id;

  static std::shared_ptr<const CompiledDag> of(workflow::Dag dag);
};
using CompiledDagPtr = std::shared_ptr<const CompiledDag>;

/// One try of one task instance.
struct TaskKey {
  std::string dag_id, run_id, task_id;
  int map_index = -1;
  int try_number = 0;
  friend auto operator<=>(const TaskKey&, const TaskKey&) = default;
  /// The Celery task id: derived, so that sending again sends the same.
  std::string celery_id() const;
};

/// How the instances of one task stand: what trigger rules look at.
struct Counts {
  uint32_t total = 0, success = 0, skipped = 0, failed = 0, upstream_failed = 0, removed = 0;
  uint32_t done() const { return success + skipped + failed + upstream_failed + removed; }
  void add(workflow::TaskState state, int by);
};

struct LiveTask {
  std::vector<workflow::TaskInstance> instances;  ///< one of map_index -1, or 0, 1, …
  Counts counts;
  workflow::TaskInstance* find(int map_index);
};

struct LiveRun {
  workflow::DagRun run;  ///< without its task instances
  CompiledDagPtr dag;
  std::vector<LiveTask> tasks;  ///< by task number
  size_t unfinished = 0;
  size_t alive =
      0;  ///< instances that will go on by themselves: scheduled, queued, running, waiting for a retry
  uint64_t sequence = 0;  ///< in the order in which runs began
};

/// The order in which waiting instances are sent: priority, logical date, map index, then stable ones.
struct Waiting {
  int priority = 0;
  base::Instant logical_date{};
  int map_index = -1;
  std::string run_id;
  uint32_t task = 0;
  friend bool operator<(const Waiting& a, const Waiting& b) {
    return std::tie(b.priority, a.logical_date, a.map_index, a.run_id, a.task) <
           std::tie(a.priority, b.logical_date, b.map_index, b.run_id, b.task);
  }
};

struct LiveDag {
  CompiledDagPtr current;  ///< null when its file is gone and only runs are left
  std::unique_ptr<workflow::Timetable> timetable;
  bool is_paused = false;
  std::optional<base::Interval> last_interval;
  std::optional<base::Instant> last_creation;
  std::optional<base::Instant> next_run;
  base::Json progress = base::Json::object();
  std::map<std::string, std::unique_ptr<LiveRun>> runs;
  size_t running_runs = 0;
  size_t active_tasks = 0;  ///< queued or running, over all runs
  std::map<std::string, int> active_by_task;
  std::map<std::pair<std::string, std::string>, int> active_by_run_task;
  std::set<Waiting> waiting;
};

struct Timer {
  enum class Kind { retry, run_timeout, task_timeout, plan_timeout, restart };
  Kind kind = Kind::retry;
  TaskKey key;
};

struct State {
  std::map<std::string, LiveDag> dags;
  std::multimap<base::Instant, Timer> timers;
  std::set<std::pair<base::Instant, std::string>> due;  ///< scheduled runs
  uint64_t sequence = 0;

  /// When decide() must be called next without an event.
  std::optional<base::Instant> wake() const;
};

}  // namespace tamis::scheduler
