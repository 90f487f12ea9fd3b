#include "core/workflow/dag.h"

#include <array>
#include <utility>

#include "core/base/schema.h"
#include "core/workflow/timetable.h"

namespace tamis::workflow {

using base::Duration;
using base::Instant;
using base::Json;
using base::Node;

namespace {

constexpr std::pair<TriggerRule, std::string_view> rules[] = {
    {TriggerRule::all_success, "all_success"},
    {TriggerRule::all_done, "all_done"},
    {TriggerRule::all_failed, "all_failed"},
    {TriggerRule::one_success, "one_success"},
    {TriggerRule::one_failed, "one_failed"},
    {TriggerRule::one_done, "one_done"},
    {TriggerRule::none_failed, "none_failed"},
    {TriggerRule::none_failed_min_one_success, "none_failed_min_one_success"},
    {TriggerRule::none_skipped, "none_skipped"},
    {TriggerRule::all_skipped, "all_skipped"},
    {TriggerRule::all_done_setup_success, "all_done_setup_success"},
    {TriggerRule::always, "always"},
};

std::optional<Duration> duration_at(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  return found == nullptr || found->is_null() ? std::nullopt : base::parse_duration(found->text);
}

std::optional<int> optional_integer(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  if (found == nullptr || found->kind != Node::Kind::integer) return std::nullopt;
  return static_cast<int>(found->integer);
}

Json instant_json(const std::optional<Instant>& instant) {
  return instant ? Json(base::format_rfc3339(*instant)) : Json(nullptr);
}

std::optional<Instant> instant_from(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return base::parse_rfc3339(found->get<std::string>());
}

}  // namespace

std::string_view trigger_rule_name(TriggerRule rule) {
  for (const auto& [value, name] : rules)
    if (value == rule) return name;
  return "";
}

std::optional<TriggerRule> parse_trigger_rule(std::string_view text) {
  if (text == "dummy") return TriggerRule::always;
  if (text == "none_failed_or_skipped") return TriggerRule::none_failed_min_one_success;
  for (const auto& [value, name] : rules)
    if (name == text) return value;
  return std::nullopt;
}

std::string_view catchup_name(Catchup catchup) {
  return catchup == Catchup::all ? "all" : catchup == Catchup::latest ? "latest" : "none";
}

TaskSpec TaskSpec::from_body(const Node& body) {
  TaskSpec task;
  task.task_id = base::text_at(body, "task_id");
  task.operator_name = base::text_at(body, "operator");
  task.depends_on = base::texts_at(body, "depends_on");
  task.trigger_rule =
      parse_trigger_rule(base::text_at(body, "trigger_rule")).value_or(TriggerRule::all_success);
  task.retries = static_cast<int>(base::integer_at(body, "retries", task.retries));
  task.retry_delay = duration_at(body, "retry_delay").value_or(task.retry_delay);
  task.retry_exponential_backoff = base::boolean_at(body, "retry_exponential_backoff");
  task.max_retry_delay = duration_at(body, "max_retry_delay");
  task.execution_timeout = duration_at(body, "execution_timeout");
  task.queue = base::text_at(body, "queue", task.queue);
  task.priority_weight = static_cast<int>(base::integer_at(body, "priority_weight", task.priority_weight));
  task.pool = base::text_at(body, "pool", task.pool);
  task.pool_slots = static_cast<int>(base::integer_at(body, "pool_slots", task.pool_slots));
  task.max_active_tis_per_dag = optional_integer(body, "max_active_tis_per_dag");
  task.max_active_tis_per_dagrun = optional_integer(body, "max_active_tis_per_dagrun");
  task.body = body.json();
  return task;
}

const TaskSpec* Dag::find(std::string_view task_id) const {
  for (const auto& task : tasks)
    if (task.task_id == task_id) return &task;
  return nullptr;
}

Json Dag::json() const {
  Json list = Json::array();
  for (const auto& task : tasks)
    list.push_back({{"celery_task", task.celery_task}, {"is_sliced", task.is_sliced}, {"body", task.body}});
  return {{"dag_id", dag_id},
          {"version", version},
          {"description", description},
          {"owner", owner},
          {"tags", tags},
          {"schedule", schedule.kind == Schedule::Kind::none ? Json(nullptr) : Json(schedule.text)},
          {"timezone", timezone},
          {"timetable", trigger_timetable ? "trigger" : "interval"},
          {"start_date", instant_json(start_date)},
          {"end_date", instant_json(end_date)},
          {"catchup", catchup_name(catchup)},
          {"max_active_runs", max_active_runs},
          {"max_active_tasks", max_active_tasks},
          {"dagrun_timeout", dagrun_timeout ? Json(base::format_duration(*dagrun_timeout)) : Json(nullptr)},
          {"params", params},
          {"tasks", list},
          {"file", file},
          {"folder", folder},
          {"files", files},
          {"is_paused_upon_creation", is_paused_upon_creation},
          {"source", source}};
}

Dag Dag::from_json(const Json& json) {
  Dag dag;
  const auto text = [&](const char* key, std::string fallback = "") {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : fallback;
  };
  dag.dag_id = text("dag_id");
  dag.version = text("version");
  dag.description = text("description");
  dag.owner = text("owner", dag.owner);
  dag.tags = json.value("tags", std::vector<std::string>());
  dag.schedule = parse_schedule(text("schedule"));
  dag.timezone = text("timezone", "UTC");
  dag.trigger_timetable = text("timetable") == "trigger";
  dag.start_date = instant_from(json, "start_date");
  dag.end_date = instant_from(json, "end_date");
  const auto catchup = text("catchup", "latest");
  dag.catchup = catchup == "all" ? Catchup::all : catchup == "none" ? Catchup::none : Catchup::latest;
  dag.max_active_runs = json.value("max_active_runs", dag.max_active_runs);
  dag.max_active_tasks = json.value("max_active_tasks", dag.max_active_tasks);
  if (const auto timeout = text("dagrun_timeout"); !timeout.empty())
    dag.dagrun_timeout = base::parse_duration(timeout);
  dag.params = json.value("params", Json::object());
  dag.file = text("file");
  dag.folder = text("folder");
  dag.files = json.value("files", std::vector<std::string>());
  dag.is_paused_upon_creation = json.value("is_paused_upon_creation", false);
  dag.source = text("source");
  for (const auto& item : json.at("tasks")) {
    auto task = TaskSpec::from_body(Node::from_json(item.at("body")));
    task.celery_task = item.value("celery_task", "");
    task.is_sliced = item.value("is_sliced", false);
    dag.tasks.push_back(std::move(task));
  }
  return dag;
}

}  // namespace tamis::workflow
