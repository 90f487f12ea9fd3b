// A sink on a thread of its own, behind a short queue: writing may block without holding up the threads that
// clean records, and a full queue holds up the reader.  Called by run.cc and close_windows.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "core/records/document.h"
#include "tasks/sinks/sink.h"

namespace tamis::pipeline {

class SinkThread {
 public:
  using Make = std::function<std::unique_ptr<sinks::Sink>()>;
  /// `make` is called at once, on the caller's thread.  `stop` ends waiting.
  SinkThread(const Make& make, std::stop_token stop);
  /// Drops what was not written.
  ~SinkThread();

  /// Queues a batch; waits while `queued_max` are queued.  Throws what the sink threw, or TransientError when
  /// asked to stop.
  void write(std::shared_ptr<const records::DocumentBatch> batch);
  /// Writes what is queued and finishes the sink.  Throws what the sink threw.
  void finish();

 private:
  static constexpr size_t queued_max = 4;
  void run();

  std::unique_ptr<sinks::Sink> sink_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<const records::DocumentBatch>> queue_;
  bool is_closed_ = false, is_dropped_ = false, is_done_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace tamis::pipeline
