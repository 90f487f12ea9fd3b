// What a task may use while it runs.  Filled by a worker, by local runs and by tests; read by every task (as
// tasks::Context).
#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/connections.h"
#include "core/base/json.h"
#include "core/base/node.h"
#include "tasks/sinks/sink.h"
#include "tasks/sources/source.h"
#include "tasks/windows/partial_store.h"

namespace tamis::pipeline {

/// What a task may use while it runs.
struct Context {
  base::Connections connections;
  std::shared_ptr<windows::PartialStore> partials;
  std::stop_token stop;                                      ///< asked to stop: throw TransientError soon
  std::function<void(const std::string& line)> log;          ///< into the task's log, which users read
  std::function<void(const base::Json& progress)> progress;  ///< called at most a few times a second
  size_t batch_records = 4096;                               ///< rows of a batch
  size_t batches_in_flight = 8;  ///< with batch_records the bound of a slice's memory
  /// Tests and `tamis dags test` give sources and sinks of their own; empty means those that the DAG names.
  std::function<std::unique_ptr<sources::Source>(const std::string& kind, const base::Node&,
                                                 const sources::SourceContext&)>
      make_source;
  std::function<std::unique_ptr<sinks::Sink>(const std::string& kind, const base::Node&,
                                             const sinks::SinkContext&)>
      make_sink;
};

}  // namespace tamis::pipeline
