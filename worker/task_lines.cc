#include "worker/task_lines.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/time.h"

namespace tamis::worker {
namespace {

constexpr size_t lines_at_once = 200;
constexpr size_t lines_kept = 5000;

}  // namespace

void TaskLines::add(const std::string& line) {
  bool is_much = false;
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= lines_kept) {
      ++dropped_;
      return;
    }
    lines_.push_back(base::format_rfc3339(base::now()) + " " + line);
    is_much = lines_.size() % lines_at_once == 0;
  }
  if (is_much) flush();
}

void TaskLines::flush() {
  const std::lock_guard sending(sending_);
  std::vector<std::string> lines;
  {
    const std::lock_guard lock(mutex_);
    if (dropped_ > 0) {
      lines_.push_back(base::format_rfc3339(base::now()) + fmt::format(" {} lines were left out", dropped_));
      dropped_ = 0;
    }
    lines.swap(lines_);
  }
  if (lines.empty()) return;
  try {
    log_.append(id_, lines);
  } catch (const base::Error& error) {
    base::log_debug("task log not written", {{"task", id_}, {"error", error.what()}});
    const std::lock_guard lock(mutex_);
    lines_.insert(lines_.begin(), lines.begin(), lines.end());
  }
}

}  // namespace tamis::worker
