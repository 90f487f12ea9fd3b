// Where the documents and rejects of one slice go: its sinks on their threads, what they refused, and the
// rejects that stay in the result.  Called by run.cc.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "tasks/pipeline/account.h"
#include "tasks/pipeline/documents.h"
#include "tasks/pipeline/pool.h"
#include "tasks/pipeline/run.h"
#include "tasks/pipeline/sink_thread.h"

namespace tamis::pipeline {

/// The documents of one batch, a DocumentBatch a sink.
struct Outgoing {
  std::vector<std::shared_ptr<records::DocumentBatch>> documents, rejects;
};

class Outlets {
 public:
  Outlets(const EtlSpec& spec, const SliceRun& run, const Context& context,
          const sources::Provenance& provenance);
  ~Outlets();

  /// Builds what leaves of a batch.  Thread-safe.
  Outgoing build(const std::shared_ptr<records::Batch>& batch);
  /// Hands it to the sinks, and keeps rejects when there is no sink for them.  One thread at a time, batches
  /// in order.
  void write(const records::Batch& batch, Outgoing outgoing);
  /// Waits until all is safe; puts into `account` what was refused and how many documents were written.
  void finish(Account& account);
  /// The first rejects, when there is no sink for them; for the log otherwise.
  const base::Json& kept() const { return kept_; }

 private:
  void refuse(const records::DocumentBatch& batch, const records::DocumentBatch::Entry& entry,
              const std::string& message);
  void flush_refused();
  void fail(std::exception_ptr failure);
  void throw_failure();

  static constexpr size_t kept_max = 20;
  const EtlSpec& spec_;
  RejectBuilder reject_builder_;
  std::vector<DocumentBuilder> builders_;
  Pool<records::DocumentBatch> pool_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;

  std::mutex failure_mutex_;
  std::exception_ptr failure_;  ///< of a rejects sink: a reject must not be lost
  std::mutex refused_mutex_;
  std::unordered_set<uint64_t>
      refused_rows_;  ///< of accepted records that a sink refused, as sequence of the batch and row
  std::shared_ptr<records::DocumentBatch> refused_;
  base::Json kept_refused_ = base::Json::array();
  int64_t refused_documents_ = 0;
  int64_t written_ = 0;
  base::Json kept_ = base::Json::array();

  // Destroyed first, in this order: no sink calls back once the rest goes.
  std::vector<std::unique_ptr<SinkThread>> rejects_, sinks_;
};

}  // namespace tamis::pipeline
