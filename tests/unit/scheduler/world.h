// One DAG under decide(), with what it decided last: for the tests of deciding.
#pragma once
#include "scheduler/decide.h"

namespace tamis::scheduler {

using base::from_civil;
using base::Instant;
using base::Json;
using std::chrono::seconds;
using workflow::RunState;
using workflow::TaskState;

inline workflow::TaskSpec task(const std::string& id, std::vector<std::string> upstream = {},
                               bool sliced = false) {
  workflow::TaskSpec task;
  task.task_id = id;
  task.operator_name = "x";
  task.celery_task = "x";
  task.depends_on = std::move(upstream);
  task.is_sliced = sliced;
  task.retry_delay = seconds(10);
  task.body = {{"task_id", id}};
  return task;
}

struct World {
  State state;
  workflow::Dag dag;
  CompiledDagPtr compiled;
  Instant now = from_civil(2026, 3, 1);
  std::vector<Decision> last;

  explicit World(std::vector<workflow::TaskSpec> tasks) {
    dag.dag_id = "d";
    dag.version = "v";
    dag.tasks = std::move(tasks);
  }
  void load() {
    compiled = CompiledDag::of(dag);
    step({DagSeen{compiled, false, std::nullopt, Json::object()}});
  }
  void step(std::vector<Event> events) { last = decide(state, events, now); }
  void trigger(const std::string& id) {
    workflow::DagRun run;
    run.dag_id = "d";
    run.run_id = id;
    run.dag_version = "v";
    run.logical_date = run.queued_at = now;
    step({RunSeen{run, compiled}});
  }
  /// A run as the store would hold it now, when all changes were made.
  workflow::DagRun stored(const std::string& id) const {
    workflow::DagRun run = state.dags.at("d").runs.at(id)->run;
    for (const auto& live : state.dags.at("d").runs.at(id)->tasks)
      run.tasks.insert(run.tasks.end(), live.instances.begin(), live.instances.end());
    return run;
  }
  void clear(workflow::ClearRequest request, std::optional<workflow::DagRun> run = {}) {
    request.dag_id = "d";
    request.run_id = "r";
    step({ClearAsked{"1-0", request, std::move(run), compiled}});
  }
  TaskKey key(const std::string& run, const std::string& id, int map_index = -1, int try_number = 1) {
    return {"d", run, id, map_index, try_number};
  }
  void end(const TaskKey& which, TaskState outcome = TaskState::success, Json result = nullptr,
           bool may_retry = true) {
    TaskEnded ended;
    ended.key = which;
    ended.outcome = outcome;
    ended.result = std::move(result);
    ended.may_retry = may_retry;
    step({ended});
  }
  void plan(const TaskKey& which, int slices, Json cursor) {
    Planned planned;
    planned.key = which;
    for (int i = 0; i < slices; ++i) planned.slices.push_back({{"start", i}});
    planned.cursor = std::move(cursor);
    step({planned});
  }
  template <typename Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> out;
    for (const auto& decision : last)
      if (const auto* found = std::get_if<Kind>(&decision)) out.push_back(*found);
    return out;
  }
  std::vector<std::string> sent() const {
    std::vector<std::string> out;
    for (const auto& send : all<Send>())
      out.push_back(workflow::task_name(send.key.task_id, send.key.map_index));
    return out;
  }
  const workflow::TaskInstance& instance(const std::string& run, uint32_t number, size_t i = 0) {
    return state.dags["d"].runs.at(run)->tasks[number].instances.at(i);
  }
};

}  // namespace tamis::scheduler
