#include "tasks/local_run.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "tasks/operator.h"

namespace tamis::tasks {
namespace {

/// The tasks so that each comes after those it depends on; of those that are free the first of the file.
std::vector<const workflow::TaskSpec*> in_order(const workflow::Dag& dag) {
  std::vector<const workflow::TaskSpec*> order;
  std::set<std::string> done;
  while (order.size() < dag.tasks.size()) {
    const size_t before = order.size();
    for (const auto& task : dag.tasks) {
      if (done.contains(task.task_id)) continue;
      if (!std::all_of(task.depends_on.begin(), task.depends_on.end(),
                       [&](const auto& id) { return done.contains(id); }))
        continue;
      done.insert(task.task_id);
      order.push_back(&task);
    }
    if (order.size() == before) throw base::UserError("the tasks of \"{}\" wait for each other", dag.dag_id);
  }
  return order;
}

bool may_run(const workflow::TaskSpec& task, const LocalOutcome& outcome) {
  size_t good = 0, bad = 0, skipped = 0;
  for (const auto& id : task.depends_on) {
    bool is_bad = false, is_skipped = false;
    for (const auto& instance : outcome.tasks) {
      if (instance.task_id != id) continue;
      is_bad = is_bad || instance.state == "failed" || instance.state == "upstream_failed";
      is_skipped = is_skipped || instance.state == "skipped";
    }
    if (is_bad)
      ++bad;
    else if (is_skipped)
      ++skipped;
    else
      ++good;
  }
  const size_t all = task.depends_on.size();
  switch (task.trigger_rule) {
    case workflow::TriggerRule::all_success:
      return good == all;
    case workflow::TriggerRule::all_failed:
      return bad == all;
    case workflow::TriggerRule::one_success:
      return good > 0;
    case workflow::TriggerRule::one_failed:
      return bad > 0;
    case workflow::TriggerRule::one_done:
      return good + bad > 0;
    case workflow::TriggerRule::none_failed:
      return bad == 0;
    case workflow::TriggerRule::none_failed_min_one_success:
      return bad == 0 && good > 0;
    case workflow::TriggerRule::none_skipped:
      return skipped == 0;
    case workflow::TriggerRule::all_skipped:
      return skipped == all;
    case workflow::TriggerRule::all_done:
    case workflow::TriggerRule::all_done_setup_success:
    case workflow::TriggerRule::always:
      return true;
  }
  return true;
}

}  // namespace

struct LocalRun::Memory {
  base::Json cursor;
  std::optional<base::Instant> watermark;
};

LocalRun::LocalRun(workflow::Dag dag, LocalOptions options)
    : dag_(std::move(dag)), options_(std::move(options)) {
  if (!options_.context.partials) options_.context.partials = windows::make_memory_partial_store();
  if (!options_.context.log) options_.context.log = [](const std::string&) {};
  for (const auto& task : dag_.tasks) nodes_[task.task_id] = base::Node::from_json(task.body);
  for (const auto& [id, node] : nodes_) node_of_[id] = &node;
}

LocalRun::~LocalRun() = default;

LocalOutcome LocalRun::run(const std::string& run_id, const base::Interval& interval) {
  return run_all(run_id, interval, false);
}
LocalOutcome LocalRun::backfill(const std::string& run_id, const base::Interval& interval) {
  return run_all(run_id, interval, true);
}

LocalOutcome LocalRun::run_all(const std::string& run_id, const base::Interval& interval, bool by_interval) {
  LocalOutcome outcome;
  outcome.run_id = run_id;
  for (const auto* task : in_order(dag_)) {
    if (may_run(*task, outcome)) {
      run_task(*task, interval, by_interval, outcome);
      continue;
    }
    LocalTask instance;
    instance.task_id = task->task_id;
    instance.state = "upstream_failed";
    if (options_.on_task) options_.on_task(instance.task_id, instance.map_index, instance.state);
    outcome.tasks.push_back(std::move(instance));
  }
  outcome.is_success = std::none_of(outcome.tasks.begin(), outcome.tasks.end(), [](const auto& instance) {
    return instance.state == "failed" || instance.state == "upstream_failed";
  });
  // Only now, as the product does: a run sees what runs before it have seen.
  for (const auto& instance : outcome.tasks)
    if (instance.state == "success" && instance.result.is_object() &&
        instance.result.contains("max_event_time")) {
      const auto& text = instance.result["max_event_time"];
      const auto seen =
          text.is_string() ? base::parse_rfc3339(text.get_ref<const std::string&>()) : std::nullopt;
      auto& watermark = memory_[instance.task_id].watermark;
      if (seen && (!watermark || *seen > *watermark)) watermark = seen;
    }
  return outcome;
}

base::Json LocalRun::kwargs(const workflow::TaskSpec& task, const LocalTask& instance,
                            const LocalOutcome& outcome, const base::Interval& interval) const {
  TaskCall call;
  call.dag_id = dag_.dag_id;
  call.run_id = outcome.run_id;
  call.task_id = task.task_id;
  call.dag_version = dag_.version;
  call.folder = dag_.folder;
  call.map_index = instance.map_index;
  call.interval = interval;
  if (!instance.slice.is_null()) call.slice = &instance.slice;
  std::string watermark_of = task.task_id;
  if (task.operator_name == "close_windows") {
    const std::string windows = base::text_at(nodes_.at(task.task_id), "windows");
    watermark_of = windows.substr(0, windows.rfind('.'));
  }
  if (const auto found = outcome.watermarks.find(watermark_of); found != outcome.watermarks.end())
    call.watermark = found->second;
  return task_kwargs(nodes_.at(task.task_id), node_of_, call);
}

void LocalRun::work(LocalTask& instance, const workflow::TaskSpec& task, const base::Json& kwargs) const {
  const auto* kind = find_task(task.celery_task);
  if (kind == nullptr) {
    instance.state = task.celery_task.empty() ? "success" : "skipped";
    if (!task.celery_task.empty())
      instance.error = fmt::format("\"{}\" is a task of other Celery workers", task.celery_task);
    return;
  }
  const base::Node* arguments = nodes_.at(task.task_id).find("args");
  try {
    instance.result =
        kind->run(arguments != nullptr ? arguments->json() : base::Json::array(), kwargs, options_.context);
    instance.state = "success";
  } catch (const std::exception& error) {
    // As a worker does: the failure is the task's, not ours.
    instance.error = error.what();
    instance.state = "failed";
  }
}

void LocalRun::run_task(const workflow::TaskSpec& task, const base::Interval& interval, bool by_interval,
                        LocalOutcome& outcome) {
  LocalTask instance;
  instance.task_id = task.task_id;
  try {
    if (task.is_sliced) return run_slices(task, interval, by_interval, outcome);
    work(instance, task, kwargs(task, instance, outcome, interval));
  } catch (const base::Error& error) {
    instance.error = error.what();
    instance.state = "failed";
  }
  if (options_.on_task) options_.on_task(instance.task_id, instance.map_index, instance.state);
  outcome.tasks.push_back(std::move(instance));
}

void LocalRun::run_slices(const workflow::TaskSpec& task, const base::Interval& interval, bool by_interval,
                          LocalOutcome& outcome) {
  auto& memory = memory_[task.task_id];
  const auto& node = nodes_.at(task.task_id);
  sources::PlanRequest request;
  request.cursor = memory.cursor;
  request.interval = interval;
  request.by_interval = by_interval;
  const sources::SourceContext source_context{options_.context.connections, dag_.folder};
  sources::Plan plan;
  const auto* source = node.find("source");
  if (options_.context.make_source && source != nullptr && source->is_map() && !source->entries.empty())
    plan = options_.context.make_source(source->entries[0].key, source->entries[0].value, source_context)
               ->plan(request);
  else
    plan = plan_slices(node, request, source_context);
  outcome.watermarks[task.task_id] = memory.watermark;
  if (!by_interval) memory.cursor = plan.cursor;

  const size_t first = outcome.tasks.size(), count = plan.slices.size();
  for (size_t i = 0; i < count; ++i) {
    LocalTask instance;
    instance.task_id = task.task_id;
    instance.map_index = static_cast<int>(i);
    instance.slice = plan.slices[i].position;
    outcome.tasks.push_back(std::move(instance));
  }
  std::vector<base::Json> all_kwargs;
  for (size_t i = 0; i < count; ++i)
    all_kwargs.push_back(kwargs(task, outcome.tasks[first + i], outcome, interval));
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (options_.arrange) order = options_.arrange(count);

  std::atomic<size_t> next{0};
  std::mutex mutex;
  const auto run_some = [&] {
    for (size_t i; (i = next.fetch_add(1)) < order.size();) {
      LocalTask instance;
      instance.task_id = task.task_id;
      instance.map_index = static_cast<int>(order[i]);
      work(instance, task, all_kwargs[order[i]]);
      const std::lock_guard lock(mutex);
      if (options_.on_task) options_.on_task(instance.task_id, instance.map_index, instance.state);
      auto& kept = outcome.tasks[first + order[i]];
      kept.state = instance.state;
      kept.result = std::move(instance.result);
      kept.error = std::move(instance.error);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(options_.concurrency, order.size()); ++i) threads.emplace_back(run_some);
  run_some();
  for (auto& thread : threads) thread.join();
}

}  // namespace tamis::tasks
