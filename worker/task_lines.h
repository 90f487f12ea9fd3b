// The log lines of one running task on their way to Redis: gathered, stamped, bounded.  Written by the task's
// threads, flushed by its slot and by the heartbeat.
#pragma once
#include <mutex>
#include <string>
#include <vector>

#include "core/queue/task_log.h"

namespace tamis::worker {

class TaskLines {
 public:
  TaskLines(queue::TaskLog& log, std::string id) : log_(log), id_(std::move(id)) {}
  void add(const std::string& line);
  /// Sends what has gathered.  Never throws: when Redis is away, lines wait, and the oldest go when they
  /// become too many.
  void flush();

 private:
  queue::TaskLog& log_;
  const std::string id_;
  std::mutex mutex_, sending_;
  std::vector<std::string> lines_;
  size_t dropped_ = 0;
};

}  // namespace tamis::worker
