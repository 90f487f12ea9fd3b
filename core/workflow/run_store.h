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
  std::optional<base::Instant> next_run;  ///< when the next scheduled run is due
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

class RunStore {
 public:
  virtual ~RunStore() = default;

  // DAGs.  Written by the leading scheduler from the DAG folder.
  virtual void put_dag(const DagEntry& entry) = 0;
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

  /// Calls back when another program changed something (a run was created, a DAG paused); from a thread of
  /// its own.
  virtual std::unique_ptr<redis::Subscription> follow(
      std::function<void(const std::string& event)> on_event) = 0;
};

}  // namespace tamis::workflow
