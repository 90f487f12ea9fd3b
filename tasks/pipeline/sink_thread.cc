#include "tasks/pipeline/sink_thread.h"

#include "core/base/error.h"

namespace tamis::pipeline {

SinkThread::SinkThread(const Make& make, std::stop_token stop) : sink_(make()), stop_(std::move(stop)) {
  thread_ = std::thread([this] { run(); });
}

SinkThread::~SinkThread() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = is_dropped_ = true;
    queue_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

void SinkThread::write(std::shared_ptr<const records::DocumentBatch> batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop_, [this] { return queue_.size() < queued_max || failure_ != nullptr; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  if (stop_.stop_requested()) throw base::TransientError("stopped while writing");
  queue_.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
}

void SinkThread::finish() {
  std::unique_lock lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
  // The sink's own deadlines and the stop token that it was given bound this wait.
  changed_.wait(lock, [this] { return is_done_; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void SinkThread::run() {
  try {
    while (true) {
      std::shared_ptr<const records::DocumentBatch> batch;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !queue_.empty() || is_closed_; });
        if (is_dropped_) break;
        if (queue_.empty()) {
          lock.unlock();
          sink_->finish();
          break;
        }
        batch = std::move(queue_.front());
        queue_.pop_front();
      }
      changed_.notify_all();
      sink_->write(std::move(batch));
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    queue_.clear();
  }
  const std::lock_guard lock(mutex_);
  is_done_ = true;
  changed_.notify_all();
}

}  // namespace tamis::pipeline
