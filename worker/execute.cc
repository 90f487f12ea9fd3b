#include "worker/execute.h"

#include <exception>
#include <new>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/queue/python_json.h"

namespace tamis::worker {
namespace {

using base::Json;

Failed failed(std::string type, const std::string& message) {
  Failed failure;
  failure.type = std::move(type);
  failure.message = message;
  return failure;
}

/// What an exception means when nobody told the task to stop.
Failed failure_of(const std::exception_ptr& error, const Running& running) {
  try {
    std::rethrow_exception(error);
  } catch (const base::UserError& e) {
    return failed("UserError", e.what());
  } catch (const base::TransientError& e) {
    return failed("TransientError", e.what());
  } catch (const base::Error& e) {
    return failed("Error", e.what());
  } catch (const std::bad_alloc&) {
    return failed("TransientError", "out of memory");
  } catch (const std::exception& e) {
    base::log_error("task threw", {{"task", running.task}, {"id", running.id}, {"error", e.what()}});
    return failed("InternalError", e.what());
  } catch (...) {
    base::log_error("task threw",
                    {{"task", running.task}, {"id", running.id}, {"error", "no std::exception"}});
    return failed("InternalError", "the task threw something that is no error");
  }
}

}  // namespace

Failed time_limit_exceeded(double seconds) {
  auto failure =
      failed("TimeLimitExceeded", fmt::format("the task took longer than its time limit of {} s", seconds));
  failure.module = "billiard.exceptions";
  failure.arguments = Json::array({seconds});
  return failure;
}

Outcome execute(const tasks::TaskKind& kind, const Json& args, const Json& kwargs,
                const tasks::Context& context, const Holding& holding, size_t max_result_bytes) {
  const auto running = holding.running();
  std::exception_ptr error;
  try {
    auto result = kind.run(args, kwargs, context);
    const auto size = queue::python_dumps(result).size();
    if (size <= max_result_bytes) return Succeeded{std::move(result)};
    return failed(
        "UserError",
        fmt::format("the task's result has {} bytes: more than {} are not stored; write it to a sink "
                    "and return where it is",
                    size, max_result_bytes));
  } catch (...) {
    error = std::current_exception();
  }
  switch (holding.cause.load()) {
    case Cause::shutdown:
      // A task whose input is wrong is wrong on the next worker too.
      try {
        std::rethrow_exception(error);
      } catch (const base::UserError& e) {
        return failed("UserError", e.what());
      } catch (...) {
        return GivenBack{};
      }
    case Cause::lease_lost:
      return Dropped{};
    case Cause::revoked:
      return Revoked{"terminated"};
    case Cause::soft_limit: {
      auto failure =
          failed("SoftTimeLimitExceeded", fmt::format("the task took longer than its soft time limit of {} s",
                                                      running->soft_limit.value_or(0)));
      failure.module = "billiard.exceptions";
      failure.arguments = Json::array();
      return failure;
    }
    case Cause::hard_limit:
      return time_limit_exceeded(running->hard_limit.value_or(0));
    case Cause::none:
      break;
  }
  return failure_of(error, *running);
}

}  // namespace tamis::worker
