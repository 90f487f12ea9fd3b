// The scheduler's mind: what happened and what time it is → what to do.  Reads no clock and no Redis; the
// same state, events and time give the same decisions, so that a simulator can search it.  Acting on
// decisions is engine's business.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/json.h"
#include "core/workflow/clear.h"
#include "core/workflow/run_store.h"
#include "scheduler/live.h"

namespace tamis::scheduler {

// What happened.
/// A DAG is there, or there in another version.
struct DagSeen {
  CompiledDagPtr dag;
  bool is_paused = false;
  std::optional<base::Interval> last_interval;
  base::Json progress = base::Json::object();
};
struct DagGone {
  std::string dag_id;
};
struct DagPaused {
  std::string dag_id;
  bool is_paused = false;
};
/// A run was created by somebody, or is taken over from a former leader.
struct RunSeen {
  workflow::DagRun run;
  CompiledDagPtr dag;  ///< of the run's version; null when that is lost: the run then fails
};
struct TaskStarted {
  TaskKey key;
  std::string hostname;
};
struct TaskEnded {
  TaskKey key;
  workflow::TaskState outcome = workflow::TaskState::success;  ///< success, failed or skipped
  base::Json result;
  std::string error;
  bool may_retry = true;
  std::string hostname;
};
/// The planner's answer for a sliced task.
struct Planned {
  TaskKey key;
  std::vector<base::Json> slices;
  base::Json cursor;
  std::string error;  ///< when not empty the plan failed
  bool may_retry = true;
};
/// Somebody asks to clear task instances.
struct ClearAsked {
  std::string id;  ///< of the request
  workflow::ClearRequest request;
  std::optional<workflow::DagRun> run;  ///< as stored, whole; not looked at when the run is live
  CompiledDagPtr dag;                   ///< of the run's version; null when that is lost
};
using Event = std::variant<DagSeen, DagGone, DagPaused, RunSeen, TaskStarted, TaskEnded, Planned, ClearAsked>;

// What to do, in this order: what is created, then what is changed, then what is sent.
struct CreateRun {
  workflow::DagRun run;
};
struct ChangeRun {
  workflow::RunChange change;
};
/// Sends one try's message.
struct Send {
  TaskKey key;
  CompiledDagPtr dag;
  base::Json slice;
  std::optional<base::Instant> watermark;
  base::Interval interval;
};
struct AskPlan {
  TaskKey key;
  CompiledDagPtr dag;
  base::Json cursor;
  base::Interval interval;
  bool by_interval = false;
};
struct Revoke {
  std::string celery_id;
  bool is_awaited = false;  ///< its end is waited for
};
/// A request that led to no change.
struct Answer {
  workflow::RequestAnswer answer;
};
struct RunEnded {
  std::string dag_id, run_id;
  workflow::RunState state = workflow::RunState::success;
};
struct ShowNextRun {
  std::string dag_id;
  std::optional<base::Instant> at;
};
using Decision = std::variant<CreateRun, ChangeRun, Send, AskPlan, Revoke, Answer, RunEnded, ShowNextRun>;

struct Limits {
  base::Duration plan_timeout = std::chrono::minutes(2);
  base::Duration timeout_grace =
      std::chrono::seconds(30);  ///< a worker ends its own tries; later than this the scheduler does
  base::Duration restart_grace = std::chrono::seconds(
      15);  ///< a cleared try that doesn't end by then is followed by the next all the same
  base::Duration continuous_pause =
      std::chrono::seconds(1);  ///< between the starts of two runs of a @continuous DAG
};

/// Takes in the events in their order, and all that is due at `now`.  Throws std::logic_error on an illegal
/// transition, which would be our mistake.
std::vector<Decision> decide(State& state, const std::vector<Event>& events, base::Instant now,
                             const Limits& limits = {});

}  // namespace tamis::scheduler
