// The memory of DAGs and runs, in Redis (docs/redis-keys.md) or, for tests, in memory; one contract suite for
// both.  Every change of a run is one script that compares the old state, the try and the leader's fencing
// token (I6).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/redis/client.h"
#include "core/workflow/dag.h"
#include "core/workflow/run.h"

namespace tamis::workflow {

/// A DAG as clients see it.
struct DagEntry {
  Dag dag;  ///< its last good version
  bool is_paused = false;
  bool has_import_errors = false;
  std::optional<base::Instant> next_run;        ///< when the next scheduled run is due
  std::optional<base::Interval> last_interval;  ///< of the newest scheduled or backfill run; kept by create()
  /// Where each sliced task's next run begins: `{task_id: {cursor, watermark, run_id}}`; kept by RunWriter.
  base::Json progress = base::Json::object();
};

struct ImportError {
  std::string file, text;
  base::Json findings;
  base::Instant at{};
};

struct RunQuery {
  std::string dag_id;  ///< empty: all
  std::optional<RunState> state;
  size_t limit = 100, offset = 0;  ///< newest first
};

/// What somebody asks the leading scheduler to do, as clearing (clear.h).  It is taken once: with the change
/// that it leads to, or with an answer.
struct RequestEntry {
  std::string id;
  base::Json body;
};
/// What became of a request: `{"cleared": 3}` or `{"error": "…"}`.
struct RequestAnswer {
  std::string id;
  base::Json answer;
};

class RunStore {
 public:
  virtual ~RunStore() = default;

  // DAGs.  Written by the leading scheduler from the DAG folder.
  virtual void put_dag(const DagEntry& entry) = 0;
  virtual void set_next_run(const std::string& dag_id, std::optional<base::Instant> at) = 0;
  virtual void remove_dag(const std::string& dag_id) = 0;
  virtual std::optional<DagEntry> dag(const std::string& dag_id) = 0;
  virtual std::vector<DagEntry> dags() = 0;
  virtual std::optional<Dag> dag_version(const std::string& dag_id, const std::string& version) = 0;
  virtual bool set_paused(const std::string& dag_id, bool paused) = 0;  ///< false: no such DAG
  virtual void set_import_errors(const std::vector<ImportError>& errors) = 0;
  virtual std::vector<ImportError> import_errors() = 0;

  // Runs.  Anyone creates (queued); only the leader changes.
  /// Throws Conflict when the DAG has a run of that id or, scheduled, of that logical date.
  virtual void create(const DagRun& run) = 0;
  virtual std::optional<DagRun> run(const std::string& dag_id, const std::string& run_id) = 0;
  virtual std::vector<DagRun> runs(const RunQuery& query) = 0;  ///< without their task instances
  virtual size_t count_runs(const RunQuery& query) = 0;
  virtual std::vector<DagRun> live_runs() = 0;  ///< queued and running, whole

  // Requests to the leader.  Anyone asks; the leader's RunWriter takes.
  /// The request's id.  Throws TransientError when too many wait, as no scheduler takes them.
  virtual std::string ask(const base::Json& body) = 0;
  virtual std::vector<RequestEntry> requests() = 0;  ///< those that wait, oldest first
  /// None while it waits; kept for minutes.
  virtual std::optional<base::Json> answer_of(const std::string& id) = 0;
  /// Takes a request back: it will never be done.  False: it was taken before.
  virtual bool withdraw(const std::string& id) = 0;

  /// Calls back when another program changed something (a run was created, a DAG paused, something is asked
  /// for); from a thread of its own.
  virtual std::unique_ptr<redis::Subscription> follow(
      std::function<void(const std::string& event)> on_event) = 0;
};

/// One task instance's change: refused unless the stored one has still this state and try.
struct TaskChange {
  std::optional<TaskState> from;  ///< none: the instance must not exist yet
  int from_try = 0;
  TaskInstance to;
  bool remove = false;  ///< an unmapped instance gives way to its slices
};

/// Everything that one step changes of one run: all of it or nothing.
struct RunChange {
  std::string dag_id, run_id;
  RunState from = RunState::running;  ///< refused unless the stored run has this state
  RunState to = RunState::running;
  std::optional<base::Instant> start_date, end_date;  ///< written when given
  bool restart = false;                               ///< the stored start and end are forgotten first
  base::Json plans;                                   ///< written when not null
  std::vector<TaskChange> tasks;
  base::Json progress;  ///< members are written into the DAG's progress when not null
  /// Requests that this change fulfils: they are taken with it, or it is refused.
  std::vector<RequestAnswer> answers;
};

enum class Applied { yes, stale, fenced };  ///< stale: the store holds something else; fenced: another leads

/// The leading scheduler's writes to runs.  Each change is one script; many go in one round trip.
class RunWriter {
 public:
  virtual ~RunWriter() = default;
  virtual std::vector<Applied> apply(const std::vector<RunChange>& changes, int64_t token) = 0;
  /// Takes a request that leads to no change.  Stale: it is gone already.
  virtual Applied answer(const RequestAnswer& answer, int64_t token) = 0;
  /// Deletes the oldest ended runs of a DAG beyond `keep`, with all their keys; at most `at_most` of them.
  virtual size_t trim(const std::string& dag_id, size_t keep, size_t at_most) = 0;
  /// Deletes the versions of a DAG that no stored run uses, but the newest `keep`.
  virtual size_t trim_versions(const std::string& dag_id, size_t keep) = 0;
};

/// Who leads: a lease with a token that grows with every new leader.
class LeaderLease {
 public:
  virtual ~LeaderLease() = default;
  /// Takes the lease when it is free and keeps it when it is ours.  The token while we lead, else none.
  virtual std::optional<int64_t> hold(const std::string& name, base::Duration lease) = 0;
  virtual void release(const std::string& name) = 0;
  virtual std::string leader() = 0;  ///< its name, or empty
};

std::unique_ptr<RunStore> make_redis_run_store(std::shared_ptr<redis::Client> client);
std::unique_ptr<RunWriter> make_redis_run_writer(std::shared_ptr<redis::Client> client);
std::unique_ptr<LeaderLease> make_redis_leader_lease(std::shared_ptr<redis::Client> client);

/// All three in memory, for tests and `tamis dags test`; they share one memory.
struct MemoryRunStores {
  std::shared_ptr<RunStore> store;
  std::shared_ptr<RunWriter> writer;
  std::shared_ptr<LeaderLease> lease;
};
MemoryRunStores make_memory_run_stores();

}  // namespace tamis::workflow
