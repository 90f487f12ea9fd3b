#include "worker/slots.h"

#include <unistd.h>

#include <random>

#include "core/base/backoff.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/stop.h"
#include "core/queue/python_json.h"
#include "core/queue/reaper.h"

namespace tamis::worker {
namespace {

using base::Json;
using queue::State;
using queue::TaskMessage;

constexpr base::Backoff retry{std::chrono::milliseconds(100), std::chrono::seconds(5)};
constexpr auto progress_interval = std::chrono::seconds(1);

Failed not_registered(const std::string& task) {
  Failed failure;
  failure.type = "NotRegistered";
  failure.message = "this worker knows no task \"" + task + "\"";
  failure.module = "celery.exceptions";
  failure.arguments = Json::array({task});
  return failure;
}

}  // namespace

Slots::Slots(const Options& options, queue::Broker& broker, queue::Results& results, queue::TaskLog& log,
             queue::Events& events, Revocations& revocations, Holdings& holdings)
    : options_(options),
      broker_(broker),
      results_(results),
      log_(log),
      events_(events),
      revocations_(revocations),
      holdings_(holdings),
      settle_(broker, results, events, options.task_events) {
  for (int i = 0; i < options.concurrency; ++i) threads_.emplace_back([this] { work(); });
}

Slots::~Slots() {
  close();
  threads_.clear();
}

size_t Slots::wait_for_free(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto free = [&] {
    return static_cast<size_t>(options_.concurrency) -
           std::min(waiting_.size() + busy_, static_cast<size_t>(options_.concurrency));
  };
  changed_.wait(lock, stop, [&] { return free() > 0; });
  return free();
}

void Slots::take(queue::Delivery delivery) {
  auto holding = holdings_.add(std::move(delivery));
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(holding));
  changed_.notify_all();
}

void Slots::close() {
  std::deque<HoldingPtr> left;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    left.swap(waiting_);
    changed_.notify_all();
  }
  // The last in line goes back first, so that the first is served first again.
  for (auto holding = left.rbegin(); holding != left.rend(); ++holding) {
    (*holding)->is_releasing = true;
    try {
      broker_.give_back(std::span(&(*holding)->delivery, 1));
    } catch (const base::Error& error) {
      base::log_warn("message not given back",
                     {{"error", error.what()}, {"effect", "it comes back when its lease ends"}});
    }
    holdings_.remove(*holding);
  }
}

bool Slots::wait_until_idle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return busy_ == 0 && waiting_.empty(); });
}

void Slots::work() {
  for (;;) {
    HoldingPtr holding;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return is_closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      holding = std::move(waiting_.front());
      waiting_.pop_front();
      ++busy_;
    }
    try {
      run(holding);
    } catch (const std::exception& error) {
      base::log_error("message left to its lease", {{"tag", holding->delivery.tag}, {"error", error.what()}});
    }
    holdings_.remove(holding);
    const std::lock_guard lock(mutex_);
    --busy_;
    changed_.notify_all();
  }
}

template <typename Step>
bool Slots::persist(const HoldingPtr& holding, Step&& step) {
  std::minstd_rand random(std::random_device{}());
  for (int failures = 1;; ++failures) {
    try {
      step();
      return true;
    } catch (const base::TransientError& error) {
      if (failures == 1)
        base::log_warn("redis did not take it",
                       {{"tag", holding->delivery.tag}, {"error", error.what()}, {"effect", "tried again"}});
      // Once others have the message, or the worker has to end, the lease does the rest.
      if (holding->cause == Cause::lease_lost || holding->cause == Cause::shutdown) return false;
      base::wait_for(holding->stop.get_token(),
                     retry.limit(failures) / 2 + retry.jittered(failures, random) / 2);
    }
  }
}

void Slots::run(const HoldingPtr& holding) {
  TaskMessage message;
  try {
    message = TaskMessage::decode(holding->delivery.envelope);
  } catch (const base::UserError& error) {
    holding->is_releasing = true;
    persist(holding, [&] {
      queue::bury_with_result(broker_, results_, holding->delivery, "DecodeError", error.what());
    });
    return;
  }
  bool is_settled = true;
  if (!persist(holding, [&] { is_settled = is_settled_without_running(holding, message); }) || is_settled)
    return;
  run_task(holding, message, *options_.find_task(message.task));
}

bool Slots::is_settled_without_running(const HoldingPtr& holding, const TaskMessage& message) {
  const auto now = base::now();
  if (message.expires && *message.expires < now) {
    settle_.finish(holding, message, Revoked{"expired"}, 0);
    return true;
  }
  const std::string ids[] = {message.id};
  if (const auto stored = results_.find(ids)[0]; stored && is_final(stored->state)) {
    holding->is_releasing = true;
    broker_.settle(std::span(&holding->delivery, 1));
    base::log_info("task was done before",
                   {{"task", message.task}, {"id", message.id}, {"state", state_name(stored->state)}});
    return true;
  }
  if (revocations_.contains(message.id)) {
    settle_.finish(holding, message, Revoked{"revoked"}, 0);
    return true;
  }
  if (message.eta && *message.eta > now) {
    holding->is_releasing = true;
    broker_.postpone(holding->delivery, *message.eta);
    broker_.wake();
    return true;
  }
  if (options_.find_task(message.task) == nullptr) {
    settle_.finish(holding, message, not_registered(message.task), 0);
    return true;
  }
  return false;
}

void Slots::run_task(const HoldingPtr& holding, const TaskMessage& message, const tasks::TaskKind& kind) {
  auto lines = std::make_shared<TaskLines>(log_, message.id);
  holding->begin({.id = message.id,
                  .task = message.task,
                  .soft_limit = message.soft_time_limit,
                  .hard_limit = message.time_limit,
                  .lines = lines});
  ++processed_;
  queue::TaskResult started;
  started.id = message.id;
  started.state = State::started;
  started.result = {{"pid", getpid()}, {"hostname", options_.name}};
  started.meta = document_members(message);
  if (!persist(holding, [&] { results_.store(started); })) return;
  base::log_info("task started",
                 {{"task", message.task}, {"id", message.id}, {"queue", holding->delivery.queue}});
  if (options_.task_events) {
    events_.send("task-received",
                 {{"uuid", message.id},
                  {"name", message.task},
                  {"args", queue::python_repr_arguments(message.args)},
                  {"kwargs", queue::python_repr(message.kwargs)},
                  {"root_id", message.root_id},
                  {"parent_id", message.parent_id.empty() ? Json() : Json(message.parent_id)},
                  {"retries", message.retries},
                  {"eta", nullptr},
                  {"expires", nullptr}});
    events_.send("task-started", {{"uuid", message.id}});
  }

  auto context = options_.context;
  context.stop = holding->stop.get_token();
  context.log = [lines](const std::string& line) { lines->add(line); };
  std::mutex progress_mutex;
  std::chrono::steady_clock::time_point next_progress;
  context.progress = [&](const Json& progress) {
    {
      const std::lock_guard lock(progress_mutex);
      const auto now = std::chrono::steady_clock::now();
      if (now < next_progress) return;
      next_progress = now + progress_interval;
    }
    auto document = started;
    document.result["progress"] = progress;
    try {
      results_.store(document);
    } catch (const base::Error&) {
      // Progress is for looking at; the next one will do.
    }
  };
  const auto outcome =
      execute(kind, queue::plain_arguments(message.args), queue::plain_arguments(message.kwargs), context,
              *holding, options_.max_result_bytes);
  const auto seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - holding->running()->started).count();
  if (const auto* failure = std::get_if<Failed>(&outcome))
    lines->add(failure->type + ": " + failure->message);
  lines->flush();
  persist(holding, [&] { settle_.finish(holding, message, outcome, seconds); });
}

}  // namespace tamis::worker
