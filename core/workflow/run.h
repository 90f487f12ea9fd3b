// DAG runs and task instances as plain values, with Airflow's states.  Legal transitions stand in run.cc and
// nowhere else.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"

namespace tamis::workflow {

enum class RunState { queued, running, success, failed };
enum class TaskState {
  none,
  scheduled,
  queued,
  running,
  success,
  failed,
  skipped,
  upstream_failed,
  up_for_retry,
  up_for_reschedule,
  deferred,
  removed,
  restarting
};
std::string_view state_name(RunState state);
std::string_view state_name(TaskState state);  ///< `none` is written as JSON null
std::optional<RunState> parse_run_state(std::string_view text);
std::optional<TaskState> parse_task_state(std::string_view text);
bool is_final(RunState state);
bool is_final(TaskState state);  ///< success, failed, skipped, upstream_failed, removed

/// Whether the scheduler may change a state so (AIRFLOW's state machine; what people do by hand, as clearing,
/// is not in it).
bool is_legal(RunState from, RunState to);
bool is_legal(TaskState from, TaskState to);

struct TaskInstance {
  std::string task_id;
  int map_index = -1;  ///< -1: not mapped; a slice is 0, 1, …
  TaskState state = TaskState::none;
  int try_number = 0;     ///< of the try under way or last ended; 0 before the first
  int max_tries = 0;      ///< tries beyond the first that are allowed
  std::string celery_id;  ///< of the try; derived from run, task, map_index, try
  std::optional<base::Instant> queued_at, start_date, end_date, next_try_at;
  std::string hostname;
  base::Json slice;   ///< of a sliced task
  base::Json result;  ///< the account, small results; bounded
  std::string error;  ///< of a failed try, one line
  std::string note;

  /// Begins with state and try_number, so that `prefix` of the old ones tells whether a stored text is still
  /// the expected.
  base::Json json() const;
  static TaskInstance from_json(const base::Json& json);
  static std::string prefix(TaskState state, int try_number);
  /// `clean`, or `clean[3]` for a slice: how it is named in Redis, logs and messages.
  std::string name() const;
};
std::string task_name(std::string_view task_id, int map_index);

struct DagRun {
  std::string dag_id, run_id, dag_version;
  std::string run_type = "manual";  ///< manual, scheduled, backfill
  RunState state = RunState::queued;
  base::Instant logical_date{};
  base::Interval data_interval{};
  base::Instant queued_at{};
  std::optional<base::Instant> start_date, end_date;
  base::Json conf = base::Json::object();
  /// What each sliced task's plan was: `{task_id: {cursor, watermark, slices}}`; cursor and watermark_after
  /// are what the next run starts from.
  base::Json plans = base::Json::object();
  std::vector<TaskInstance> tasks;
  std::string note;

  base::Json json() const;
  static DagRun from_json(const base::Json& json);
};

}  // namespace tamis::workflow
