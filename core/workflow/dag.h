// A DAG as plain values, as its file said it.  Made by dag_file, stored by its version, read by scheduler,
// api and cli.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/node.h"
#include "core/base/time.h"

namespace tamis::workflow {

enum class TriggerRule {
  all_success,
  all_done,
  all_failed,
  one_success,
  one_failed,
  one_done,
  none_failed,
  none_failed_min_one_success,
  none_skipped,
  all_skipped,
  all_done_setup_success,
  always
};
std::string_view trigger_rule_name(TriggerRule rule);
/// Airflow's old names `dummy` and `none_failed_or_skipped` too.
std::optional<TriggerRule> parse_trigger_rule(std::string_view text);

struct TaskSpec {
  std::string task_id;
  std::string operator_name;
  std::vector<std::string> depends_on;
  TriggerRule trigger_rule = TriggerRule::all_success;
  int retries = 0;
  base::Duration retry_delay = std::chrono::minutes(5);
  bool retry_exponential_backoff = false;
  std::optional<base::Duration> max_retry_delay;
  std::optional<base::Duration> execution_timeout;
  std::string queue = "default";
  int priority_weight = 1;
  std::string pool = "default_pool";
  int pool_slots = 1;
  std::optional<int> max_active_tis_per_dag, max_active_tis_per_dagrun;
  bool is_sliced = false;
  std::string celery_task;  ///< the name on the queue; empty: the scheduler does it itself
  base::Json body;          ///< the task's whole mapping, defaults applied; members in the order written

  /// Reads what every task has from its checked mapping; is_sliced and celery_task are left to the caller.
  static TaskSpec from_body(const base::Node& body);
};

/// What `schedule:` may be.
struct Schedule {
  enum class Kind { none, cron, interval, continuous, once };
  Kind kind = Kind::none;
  std::string text;        ///< as written
  base::Duration every{};  ///< Kind::interval
};

enum class Catchup { all, latest, none };
std::string_view catchup_name(Catchup catchup);

struct Dag {
  std::string dag_id, description, owner = "airflow";
  std::vector<std::string> tags;
  Schedule schedule;
  std::string timezone = "UTC";
  bool trigger_timetable =
      false;  ///< `timetable: trigger`: a run is for its own instant, not for the interval that ended
  std::optional<base::Instant> start_date, end_date;
  Catchup catchup = Catchup::latest;
  int max_active_runs = 16, max_active_tasks = 16;
  std::optional<base::Duration> dagrun_timeout;
  base::Json params = base::Json::object();
  std::vector<TaskSpec> tasks;     ///< in the order of the file
  std::string file, folder;        ///< where it came from
  std::vector<std::string> files;  ///< lookup files, whose content is part of the version
  std::string version;             ///< hash of all that gives it its meaning, lookup files included
  std::string source;              ///< the file's text
  bool is_paused_upon_creation = false;

  const TaskSpec* find(std::string_view task_id) const;
  base::Json json() const;  ///< all of it, for the store; from_json reads it back
  static Dag from_json(const base::Json& json);
};

}  // namespace tamis::workflow
