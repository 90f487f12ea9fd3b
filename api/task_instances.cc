// `…/taskInstances`: what became of each task, and of each slice of the sliced ones.
#include "api/task_instances.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/problem.h"
#include "core/base/suggest.h"

namespace tamis::api {
namespace {

using base::Json;
using workflow::DagRun;
using workflow::TaskInstance;

Json state_json(workflow::TaskState state) {
  return state == workflow::TaskState::none ? Json() : Json(workflow::state_name(state));
}

/// `whole`: with the slice and the result, which a list leaves out as they may be long.
Json instance_json(const DagRun& run, const workflow::Dag* dag, const TaskInstance& instance, bool whole) {
  const auto* task = dag ? dag->find(instance.task_id) : nullptr;
  Json duration;
  if (instance.start_date && instance.end_date)
    duration = std::chrono::duration<double>(*instance.end_date - *instance.start_date).count();
  Json json = {{"task_id", instance.task_id},
               {"dag_id", run.dag_id},
               {"dag_run_id", run.run_id},
               {"execution_date", write_instant(run.logical_date)},
               {"start_date", write_instant(instance.start_date)},
               {"end_date", write_instant(instance.end_date)},
               {"duration", duration},
               {"state", state_json(instance.state)},
               {"try_number", instance.try_number},
               {"map_index", instance.map_index},
               {"max_tries", instance.max_tries},
               {"hostname", instance.hostname},
               {"unixname", "tamis"},
               {"pool", task ? task->pool : "default_pool"},
               {"pool_slots", task ? task->pool_slots : 1},
               {"queue", task ? Json(task->queue) : Json()},
               {"priority_weight", task ? Json(task->priority_weight) : Json()},
               {"operator", task ? Json(task->operator_name) : Json()},
               {"queued_when", write_instant(instance.queued_at)},
               {"pid", nullptr},
               {"executor_config", "{}"},
               {"sla_miss", nullptr},
               {"rendered_fields", Json::object()},
               {"trigger", nullptr},
               {"triggerer_job", nullptr},
               {"note", instance.note.empty() ? Json() : Json(instance.note)},
               {"celery_id", instance.celery_id},
               {"next_try_at", write_instant(instance.next_try_at)},
               {"error", instance.error.empty() ? Json() : Json(instance.error)}};
  if (whole) {
    json["slice"] = instance.slice;
    json["result"] = instance.result;
  }
  return json;
}

std::optional<workflow::Dag> version_of(Backend& backend, const DagRun& run) {
  if (auto dag = backend.store->dag_version(run.dag_id, run.dag_version)) return dag;
  if (auto entry = backend.store->dag(run.dag_id)) return entry->dag;
  return std::nullopt;
}

/// The filters of a list, all of them together.
class Filter {
 public:
  explicit Filter(const Request& request) : pools_(request.all("pool")), queues_(request.all("queue")) {
    for (const auto& word : request.all("state")) {
      const auto state = word == "none" ? workflow::TaskState::none : workflow::parse_task_state(word);
      if (!state) bad_request(fmt::format("'{}' is no state of a task instance", word));
      states_.push_back(*state);
    }
    start_gte_ = request.instant("start_date_gte");
    start_lte_ = request.instant("start_date_lte");
    end_gte_ = request.instant("end_date_gte");
    end_lte_ = request.instant("end_date_lte");
  }

  bool takes(const TaskInstance& instance, const workflow::Dag* dag) const {
    const auto* task = dag ? dag->find(instance.task_id) : nullptr;
    const auto among = [](const auto& list, const auto& value) {
      return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    return among(states_, instance.state) && among(pools_, task ? task->pool : "default_pool") &&
           among(queues_, task ? task->queue : "default") &&
           in(instance.start_date, start_gte_, start_lte_) && in(instance.end_date, end_gte_, end_lte_);
  }

 private:
  using Optional = std::optional<base::Instant>;
  static bool in(const Optional& at, const Optional& gte, const Optional& lte) {
    return (!gte || (at && *at >= *gte)) && (!lte || (at && *at <= *lte));
  }
  std::vector<workflow::TaskState> states_;
  std::vector<std::string> pools_, queues_;
  Optional start_gte_, start_lte_, end_gte_, end_lte_;
};

template <typename Takes>
http::Answer answer_list(Backend& backend, const Request& request, const DagRun& run, Takes takes) {
  const auto page = request.page();
  const auto dag = version_of(backend, run);
  Json rows = Json::array();
  size_t total = 0;
  for (const auto& instance : run.tasks) {
    if (!takes(instance, dag ? &*dag : nullptr)) continue;
    if (total++ >= page.offset && rows.size() < page.limit)
      rows.push_back(instance_json(run, dag ? &*dag : nullptr, instance, false));
  }
  return request.json({{"task_instances", rows}, {"total_entries", total}});
}

http::Answer list(Backend& backend, const Request& request) {
  const Filter filter(request);
  const auto run = find_run(backend, request);
  return answer_list(backend, request, run,
                     [&](const auto& instance, const auto* dag) { return filter.takes(instance, dag); });
}

http::Answer list_mapped(Backend& backend, const Request& request) {
  static const std::array<std::string, 2> fields{"map_index", "state"};
  const auto [field, descending] = request.order(fields, "map_index");
  auto run = find_run(backend, request);
  const auto& task_id = request.at("task_id");
  std::erase_if(run.tasks, [&](const TaskInstance& instance) {
    return instance.task_id != task_id || instance.map_index < 0;
  });
  if (run.tasks.empty())
    not_found("Task is not mapped",
              fmt::format("the task \"{}\" has no mapped instances in this run", task_id));
  std::stable_sort(run.tasks.begin(), run.tasks.end(),
                   [by_state = field == "state", down = descending](const auto& a, const auto& b) {
                     const auto& x = down ? b : a;
                     const auto& y = down ? a : b;
                     return by_state ? workflow::state_name(x.state) < workflow::state_name(y.state)
                                     : x.map_index < y.map_index;
                   });
  return answer_list(backend, request, run, [](const auto&, const auto*) { return true; });
}

http::Answer get(Backend& backend, const Request& request, std::optional<int64_t> map_index) {
  const auto run = find_run(backend, request);
  const auto dag = version_of(backend, run);
  return request.json(
      instance_json(run, dag ? &*dag : nullptr, find_instance(run, request.at("task_id"), map_index), true));
}

http::Answer get_mapped(Backend& backend, const Request& request) {
  const auto& text = request.at("map_index");
  int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size())
    not_found("Not Found", fmt::format("\"{}\" is no map index", text));
  return get(backend, request, index);
}

}  // namespace

const TaskInstance& find_instance(const DagRun& run, const std::string& task_id,
                                  std::optional<int64_t> map_index) {
  bool is_mapped = false;
  std::vector<std::string> names;
  for (const auto& instance : run.tasks) {
    if (names.empty() || names.back() != instance.task_id) names.push_back(instance.task_id);
    if (instance.task_id != task_id) continue;
    if (instance.map_index == map_index.value_or(-1)) return instance;
    is_mapped = is_mapped || instance.map_index >= 0;
  }
  if (is_mapped && !map_index)
    not_found("Task instance not found", "Task instance is mapped, add the map_index value to the URL");
  not_found("Task instance not found",
            fmt::format("the run \"{}\" has no instance of \"{}\"{}{}", run.run_id, task_id,
                        map_index ? fmt::format(" with map index {}", *map_index) : "",
                        base::did_you_mean(task_id, names)));
}

std::vector<Route> task_instance_routes() {
  const std::string base = "/api/v1/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances";
  const auto get_plain = [](Backend& backend, const Request& request) {
    return get(backend, request, std::nullopt);
  };
  return {{"GET",
           base,
           {"limit", "offset", "state", "pool", "queue", "start_date_gte", "start_date_lte", "end_date_gte",
            "end_date_lte"},
           list},
          {"GET", base + "/{task_id}", {}, get_plain},
          {"GET", base + "/{task_id}/listMapped", {"limit", "offset", "order_by"}, list_mapped},
          {"GET", base + "/{task_id}/{map_index}", {}, get_mapped}};
}

}  // namespace tamis::api
