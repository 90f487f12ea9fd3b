// tamis-worker: runs what comes on its queues.
#include <gflags/gflags.h>
#include <oneapi/tbb/global_control.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "core/base/connections.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/base/stop.h"
#include "core/http/status_server.h"
#include "tasks/windows/partial_store.h"
#include "worker/flags.h"
#include "worker/worker.h"

DEFINE_string(status_address, "", "host:port for /health and /metrics; port 0 takes a free one; empty: none");
DEFINE_bool(check, false, "load the settings, ask Redis, say what was found, and exit");

namespace tamis {
namespace {

int check(redis::Client& redis, const worker::Options& options) {
  worker::check_redis(redis);
  std::string queues;
  for (const auto& queue : options.queues) queues += (queues.empty() ? "" : ",") + queue;
  fmt::print("settings are right\nRedis at {} answers\nqueues: {}\ntasks:", redis.address(), queues);
  for (const auto& kind : tasks::task_kinds()) fmt::print(" {}", kind.name);
  fmt::print("\n");
  return 0;
}

int work(const std::stop_token& stop) {
  const auto connections = base::connections_from_flags();
  auto options = worker::options_from_flags();
  const auto redis = std::make_shared<redis::Client>(connections.redis);
  if (FLAGS_check) return check(*redis, options);

  options.find_task = tasks::find_task;
  options.context.connections = connections;
  options.context.partials = windows::make_redis_partial_store(redis);
  options.end_process = [](int status) { _exit(status); };

  // oneTBB would grant as many threads as there are cores to all tasks together, and each task has stages
  // that wait.
  const size_t threads =
      std::max(2u, std::thread::hardware_concurrency()) + static_cast<size_t>(options.concurrency);
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);

  std::atomic<worker::Worker*> running = nullptr;
  const http::StatusServer status(FLAGS_status_address, [&running]() -> base::Json {
    const auto* worker = running.load();
    return worker != nullptr ? worker->health() : base::Json{{"status", "starting"}};
  });
  options.status_address = status.address();
  bool is_clean = true;
  {
    worker::Worker worker(redis, std::move(options));
    running = &worker;
    is_clean = worker.run(stop);
    // Its threads can't be ended, and what they held was given back.
    if (!is_clean) _exit(0);
    running = nullptr;
  }
  return 0;
}

}  // namespace
}  // namespace tamis

int main(int argc, char** argv) {
  namespace base = tamis::base;
  const auto stop = base::stop_on_signals();
  try {
    gflags::SetUsageMessage(
        "runs the tasks that come on its queues\n\n  tamis-worker --queues=etl --concurrency=4\n");
    gflags::SetVersionString(TAMIS_VERSION);
    base::load_settings(argc, argv);
    gflags::HandleCommandLineHelpFlags();
    if (argc > 1) throw base::UserError("\"{}\" is no flag; tamis-worker --help shows them", argv[1]);
    base::start_logging("tamis-worker");
    return tamis::work(stop);
  } catch (const base::UserError& error) {
    std::fprintf(stderr, "tamis-worker: %s\n", error.what());
    return 2;
  } catch (const base::TransientError& error) {
    std::fprintf(stderr, "tamis-worker: %s\n", error.what());
    return 5;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tamis-worker: internal error: %s\n", error.what());
    return 1;
  }
}
