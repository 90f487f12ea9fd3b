#include "core/base/json.h"
#include "core/workflow/dag_file.h"

namespace tamis::workflow {

using base::Json;
using base::Key;
using base::Keys;
using base::ValueType;

const Keys& dag_keys() {
  static const Keys keys{
      "a DAG",
      {
          {.name = "dag_id", .type = ValueType::text, .summary = "its name; without it, the file's name"},
          {.name = "description",
           .type = ValueType::text,
           .summary = "one line for people",
           .nullable = true},
          {.name = "tags", .type = ValueType::texts, .summary = "words to find it by"},
          {.name = "owner",
           .type = ValueType::text,
           .summary = "who looks after it",
           .default_text = "airflow"},
          {.name = "schedule",
           .type = ValueType::any,
           .summary = "when it runs: a cron expression, @daily and the like, an interval such as 10m, "
                      "@continuous, @once, or null",
           .nullable = true,
           .default_text = "null"},
          {.name = "timezone",
           .type = ValueType::text,
           .summary = "IANA name of the zone its cron and dates are in",
           .default_text = "UTC"},
          {.name = "timetable",
           .type = ValueType::text,
           .summary = "interval: a run is about the interval that ended; trigger: about its own instant",
           .one_of = {"interval", "trigger"},
           .default_text = "interval"},
          {.name = "start_date",
           .type = ValueType::instant,
           .summary = "no run before; needed with a schedule",
           .nullable = true},
          {.name = "end_date", .type = ValueType::instant, .summary = "no run after", .nullable = true},
          {.name = "catchup",
           .type = ValueType::any,
           .summary = "what to do about missed intervals: true (all), latest, none (wait for the next), "
                      "false (as latest)",
           .default_text = "false"},
          {.name = "max_active_runs",
           .type = ValueType::integer,
           .summary = "runs at the same time",
           .min = 1,
           .max = 100000,
           .default_text = "16"},
          {.name = "max_active_tasks",
           .type = ValueType::integer,
           .summary = "task instances queued or running at the same time, over all runs",
           .min = 1,
           .max = 1000000,
           .default_text = "16"},
          {.name = "dagrun_timeout",
           .type = ValueType::duration,
           .summary = "a run that takes longer fails",
           .nullable = true,
           .min = 0.001},
          {.name = "params", .type = ValueType::map, .summary = "values that a trigger may override"},
          {.name = "is_paused_upon_creation",
           .type = ValueType::boolean,
           .summary = "a new DAG waits to be unpaused",
           .default_text = "false"},
          {.name = "default_args",
           .type = ValueType::map,
           .summary = "keys for every task that doesn't say them itself"},
          {.name = "tasks",
           .type = ValueType::any,
           .summary = "the tasks: a list, or a mapping from task_id",
           .required = true},
      }};
  return keys;
}

const Keys& task_keys() {
  static const Keys keys{
      "a task",
      {
          {.name = "task_id",
           .type = ValueType::text,
           .summary = "its name, unique in the DAG",
           .required = true},
          {.name = "operator", .type = ValueType::text, .summary = "what it does", .required = true},
          {.name = "description",
           .type = ValueType::text,
           .summary = "one line for people",
           .nullable = true},
          {.name = "owner", .type = ValueType::text, .summary = "who looks after it"},
          {.name = "depends_on", .type = ValueType::texts, .summary = "the tasks that must end before"},
          {.name = "trigger_rule",
           .type = ValueType::text,
           .summary = "how those tasks must have ended",
           .one_of = {"all_success", "all_done", "all_failed", "one_success", "one_failed", "one_done",
                      "none_failed", "none_failed_min_one_success", "none_skipped", "all_skipped", "always",
                      "dummy", "none_failed_or_skipped"},
           .default_text = "all_success"},
          {.name = "retries",
           .type = ValueType::integer,
           .summary = "tries after the first",
           .min = 0,
           .max = 1000,
           .default_text = "0"},
          {.name = "retry_delay",
           .type = ValueType::duration,
           .summary = "wait before the next try",
           .max = 86400,
           .default_text = "5m"},
          {.name = "retry_exponential_backoff",
           .type = ValueType::boolean,
           .summary = "double the wait with every try",
           .default_text = "false"},
          {.name = "max_retry_delay",
           .type = ValueType::duration,
           .summary = "the longest wait",
           .nullable = true},
          {.name = "execution_timeout",
           .type = ValueType::duration,
           .summary = "a try that takes longer fails",
           .nullable = true,
           .min = 0.001},
          {.name = "queue",
           .type = ValueType::text,
           .summary = "the Celery queue it is sent to",
           .default_text = "default"},
          {.name = "priority_weight",
           .type = ValueType::integer,
           .summary = "greater goes first",
           .min = -1000000,
           .max = 1000000,
           .default_text = "1"},
          {.name = "pool",
           .type = ValueType::text,
           .summary = "the pool whose slots it takes",
           .default_text = "default_pool"},
          {.name = "pool_slots",
           .type = ValueType::integer,
           .summary = "how many of them",
           .min = 1,
           .max = 100000,
           .default_text = "1"},
          {.name = "max_active_tis_per_dag",
           .type = ValueType::integer,
           .summary = "its instances at the same time, over all runs",
           .nullable = true,
           .min = 1},
          {.name = "max_active_tis_per_dagrun",
           .type = ValueType::integer,
           .summary = "its instances at the same time in one run",
           .nullable = true,
           .min = 1},
      }};
  return keys;
}

Json dag_schema(const OperatorTable& operators) {
  Json definitions = Json::object();
  Json names = Json::array();
  Json by_operator = Json::array();
  Json default_args = base::json_schema(task_keys());
  default_args.erase("required");
  for (const auto& entry : operators.entries) {
    Keys all = task_keys();
    for (const auto& key : entry.keys.keys) all.keys.push_back(key);
    Json task = base::json_schema(all);
    task["required"] = Json::array({"operator"});
    for (const auto& key : all.keys)
      if (key.required && key.name != "task_id" && key.name != "operator")
        task["required"].push_back(key.name);
    for (const char* alias : {"dependencies", "upstream"})
      task["properties"][alias] = {{"type", "array"}, {"items", {{"type", "string"}}}, {"deprecated", true}};
    if (!entry.summary.empty()) task["description"] = entry.summary;
    const Json own = base::json_schema(entry.keys);
    for (const auto& [name, value] : own["properties"].items()) default_args["properties"][name] = value;
    definitions[entry.name] = std::move(task);
    names.push_back(entry.name);
    by_operator.push_back(
        {{"if", {{"properties", {{"operator", {{"const", entry.name}}}}}, {"required", {"operator"}}}},
         {"then", {{"$ref", "#/$defs/" + entry.name}}}});
  }
  definitions["task"] = {{"type", "object"},
                         {"properties", {{"operator", {{"enum", names}}}}},
                         {"required", {"operator"}},
                         {"allOf", by_operator}};
  Json schema = base::json_schema(dag_keys());
  schema["properties"]["tasks"] = {
      {"description", dag_keys().find("tasks")->summary},
      {"anyOf",
       Json::array({Json{{"type", "array"},
                         {"items",
                          {{"allOf", Json::array({Json{{"$ref", "#/$defs/task"}},
                                                  Json{{"required", {"task_id"}}}})}}}},
                    Json{{"type", "object"}, {"additionalProperties", {{"$ref", "#/$defs/task"}}}}})}};
  schema["properties"]["default_args"] = default_args;
  schema["properties"]["schedule"]["type"] = {"string", "integer", "null"};
  schema["properties"]["catchup"]["enum"] = {true, false, "latest", "none", "all"};
  schema["$defs"] = definitions;
  Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Tamis DAG"}};
  out.update(schema);
  return out;
}

}  // namespace tamis::workflow
