// What the api stands on, as plain functions, so that its routes can be tried without Redis, workers or
// Elasticsearch. Filled by main(); read by every route.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/finding.h"
#include "core/queue/roster.h"
#include "core/workflow/run_store.h"
#include "tasks/sinks/data_reader.h"

namespace tamis::api {

/// What the check of a DAG file's text found, and the DAG when there was no error.
struct CheckedDag {
  std::optional<workflow::Dag> dag;
  base::Findings findings;
};

/// A store that `/data` reads: `elasticsearch`, `sqlite`.
struct DataStore {
  std::string name;
  std::shared_ptr<sinks::DataReader> reader;
};

struct Backend {
  std::shared_ptr<workflow::RunStore> store;
  std::function<std::vector<queue::WorkerInfo>()> workers;
  std::function<std::vector<queue::QueueInfo>()> queues;
  std::function<std::vector<std::string>(const std::string& celery_id)> log;
  /// The Celery task id of a try, empty when it can't be told.
  std::function<std::string(const workflow::DagRun&, const workflow::TaskInstance&, int try_number)> try_id;
  /// When a scheduler last said that it leads; empty: none does.
  std::function<std::optional<base::Instant>()> scheduler_seen;
  std::function<CheckedDag(const std::string& text, const std::string& file)> check_dag;
  std::vector<DataStore> data;  ///< asked in this order
  std::string dags_folder;      ///< where submitted DAG files go; empty: nowhere
  base::Clock clock = base::now;
  /// How long the leading scheduler is waited for: another takes over within this.
  base::Duration leader_patience = std::chrono::seconds(12);
};

}  // namespace tamis::api
