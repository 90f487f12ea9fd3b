#include "scheduler/live.h"

#include "core/workflow/try_id.h"

namespace tamis::scheduler {

CompiledDagPtr CompiledDag::of(workflow::Dag dag) {
  auto compiled = std::make_shared<CompiledDag>();
  compiled->dag = std::move(dag);
  compiled->graph = workflow::Graph(compiled->dag);
  const auto& tasks = compiled->dag.tasks;
  compiled->bodies.reserve(tasks.size());
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    compiled->numbers.emplace(tasks[i].task_id, i);
    if (tasks[i].is_sliced) compiled->sliced.push_back(i);
    compiled->bodies.push_back(base::Node::from_json(tasks[i].body));
    compiled->bodies_by_id.emplace(tasks[i].task_id, &compiled->bodies.back());
  }
  return compiled;
}

std::string TaskKey::celery_id() const {
  return workflow::try_id(dag_id, run_id, task_id, map_index, try_number);
}

void Counts::add(workflow::TaskState state, int by) {
  using enum workflow::TaskState;
  const auto n = static_cast<uint32_t>(by);  // wraps around for -1, as it should
  if (state == success) this->success += n;
  if (state == skipped) this->skipped += n;
  if (state == failed) this->failed += n;
  if (state == upstream_failed) this->upstream_failed += n;
  if (state == removed) this->removed += n;
}

workflow::TaskInstance* LiveTask::find(int map_index) {
  const size_t i = map_index < 0 ? 0 : static_cast<size_t>(map_index);
  return i < instances.size() && instances[i].map_index == map_index ? &instances[i] : nullptr;
}

std::optional<base::Instant> State::wake() const {
  std::optional<base::Instant> first;
  if (!timers.empty()) first = timers.begin()->first;
  if (!due.empty() && (!first || due.begin()->first < *first)) first = due.begin()->first;
  return first;
}

}  // namespace tamis::scheduler
