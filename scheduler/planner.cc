#include "scheduler/planner.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "tasks/operator.h"

namespace tamis::scheduler {

Planner::Planner(base::Connections connections, size_t threads, std::function<void(Planned)> on_planned)
    : connections_(std::move(connections)), on_planned_(std::move(on_planned)) {
  for (size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Planner::~Planner() {
  for (auto& thread : threads_) thread.request_stop();
  wake_.notify_all();
}

void Planner::ask(AskPlan request) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(request));
  wake_.notify_one();
}

void Planner::work(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
    const AskPlan request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    on_planned_(answer(request));
  }
}

Planned Planner::answer(const AskPlan& request) const {
  Planned planned;
  planned.key = request.key;
  try {
    const auto* body = request.dag->bodies_by_id.at(request.key.task_id);
    const sources::Plan plan =
        tasks::plan_slices(*body, {request.cursor, request.interval, request.by_interval},
                           {connections_, request.dag->dag.folder});
    for (const auto& slice : plan.slices) planned.slices.push_back(slice.position);
    planned.cursor = plan.cursor;
  } catch (const base::UserError& e) {
    planned.error = e.what();
    planned.may_retry = false;
  } catch (const std::exception& e) {
    planned.error = e.what();
  }
  if (!planned.error.empty())
    base::log_warn("plan failed", {{"dag", request.key.dag_id},
                                   {"run", request.key.run_id},
                                   {"task", request.key.task_id},
                                   {"error", planned.error}});
  return planned;
}

}  // namespace tamis::scheduler
