// Asks sources for their slices on threads of its own, so that a slow one stalls nobody but those behind it.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/connections.h"
#include "scheduler/decide.h"

namespace tamis::scheduler {

class Planner {
 public:
  /// `on_planned` is called from the planner's threads.
  Planner(base::Connections connections, size_t threads, std::function<void(Planned)> on_planned);
  ~Planner();
  void ask(AskPlan request);

 private:
  void work(const std::stop_token& stop);
  Planned answer(const AskPlan& request) const;

  base::Connections connections_;
  std::function<void(Planned)> on_planned_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<AskPlan> waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace tamis::scheduler
