// Writes documents to Elasticsearch or OpenSearch by bulk requests: several at once, each document followed
// until the server has it or refuses it for good (docs/operations.md).  Used by the elasticsearch sink and by
// bench/.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/backoff.h"
#include "core/base/connections.h"
#include "core/http/client.h"
#include "core/records/document.h"
#include "tasks/sinks/bulk_answer.h"
#include "tasks/sinks/bulk_limit.h"
#include "tasks/sinks/bulk_request.h"
#include "tasks/sinks/elasticsearch_nodes.h"

namespace tamis::sinks {

/// One thread at a time calls write and finish; refusals come from a thread of its own.
class BulkWriter {
 public:
  struct Counts {
    uint64_t written = 0, already_there = 0, refused = 0, repeated = 0, requests = 0;
  };

  BulkWriter(const base::ElasticsearchConnection& connection, std::shared_ptr<ElasticsearchNodes> nodes,
             records::OnRefused on_refused, std::stop_token stop);
  /// Drops what was not written.
  ~BulkWriter();
  BulkWriter(const BulkWriter&) = delete;
  BulkWriter& operator=(const BulkWriter&) = delete;

  /// Blocks while more than two rounds of requests are under way.  Throws what made writing fail.
  void write(const std::shared_ptr<const records::DocumentBatch>& batch);
  /// Returns when every document is written or refused.
  void finish();
  Counts counts() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Answered {
    Bulk bulk;
    Clock::time_point sent;
    http::Request request;
    http::Response response;
  };

  void close_open(std::unique_lock<std::mutex>& lock);
  void wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);

  // All below run on the writer's own thread.
  void run();
  void send(Bulk bulk);
  void take(Answered answered);
  void take_items(Bulk bulk, const BulkAnswer& answer);
  void split(Bulk bulk, const std::string& reason);
  void retry(Bulk bulk, const std::string& reason, bool slowly);
  void suspect(const Bulk& bulk, const std::string& reason);
  void refuse(const records::DocumentBatch& batch, const records::DocumentBatch::Entry& entry,
              std::string reason);
  void done(const Bulk& bulk, size_t documents);
  void fail(std::exception_ptr failure);
  [[nodiscard]] std::string place() const;

  const base::ElasticsearchConnection connection_;
  const std::shared_ptr<ElasticsearchNodes> nodes_;
  const records::OnRefused on_refused_;
  const std::stop_token stop_;
  const size_t alive_max_;  ///< bytes of documents that may be under way
  const base::Backoff backoff_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // for the caller
  std::condition_variable work_;     // for the thread
  Bulk open_;                        // the caller's: being filled
  size_t bulk_bytes_;                // under `mutex_`: shrinks when the server says 413
  std::deque<Bulk> ready_;           // under `mutex_`
  std::vector<std::pair<Clock::time_point, Bulk>> waiting_;  // under `mutex_`: to be sent again, when due
  std::deque<Answered> answers_;                             // under `mutex_`
  size_t alive_bytes_ = 0, alive_documents_ = 0;             // under `mutex_`
  int in_flight_ = 0;                                        // under `mutex_`
  bool closing_ = false;                                     // under `mutex_`
  std::exception_ptr failure_;                               // under `mutex_`
  Counts counts_;                                            // under `mutex_`

  std::mutex refuse_mutex_;  // on_refused is called one at a time
  BulkLimit limit_;          // the thread's
  std::vector<std::pair<Bulk, std::string>>
      suspects_;              // the thread's: the server refused a whole request for each
  Clock::time_point told_{};  // the thread's: when a repetition was logged last
  std::mt19937_64 random_;    // the thread's
  http::Multi multi_;
  std::thread thread_;
};

}  // namespace tamis::sinks
