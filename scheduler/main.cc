// tamis-scheduler: turns DAG files into runs, and runs into messages on queues.
#include <fmt/core.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <cstdio>

#include "core/base/connections.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/base/stop.h"
#include "core/http/status_server.h"
#include "scheduler/engine.h"

DEFINE_string(dags, "dags", "the folder of DAG files");
DEFINE_string(status_address, "127.0.0.1:8974", "where /health and /metrics are served; empty: nowhere");
DEFINE_string(leader_lease, "6s",
              "how long a scheduler leads without a sign of life; another takes over then");
DEFINE_string(result_poll, "5s", "how often results are asked for that no message told");
DEFINE_int32(keep_runs, 1000, "runs kept per DAG; older ones that have ended are deleted");
DEFINE_int32(planner_threads, 8, "sources asked for their slices at the same time");
DEFINE_string(continuous_pause, "1s", "the least time between the starts of two runs of a @continuous DAG");

namespace {

namespace base = tamis::base;
namespace http = tamis::http;
namespace redis = tamis::redis;
namespace scheduler = tamis::scheduler;

base::Duration duration(const char* name, const std::string& text, base::Duration least) {
  const auto value = base::parse_duration(text);
  if (!value || *value < least)
    throw base::UserError("--{}: \"{}\" must be a duration of at least {}", name, text,
                          base::format_duration(least));
  return *value;
}

int run(int argc, char** argv) {
  gflags::SetUsageMessage(
      "turns DAG files into runs, and runs into messages on queues\n\n  tamis-scheduler --dags dags --redis "
      "redis://127.0.0.1:6379/0");
  base::load_settings(argc, argv);
  const auto stop = base::stop_on_signals();
  base::start_logging("tamis-scheduler");
  scheduler::EngineOptions options;
  options.dags = FLAGS_dags;
  options.leader_lease = duration("leader_lease", FLAGS_leader_lease, std::chrono::seconds(1));
  options.poll = duration("result_poll", FLAGS_result_poll, std::chrono::milliseconds(100));
  options.limits.continuous_pause = duration("continuous_pause", FLAGS_continuous_pause, {});
  if (FLAGS_keep_runs < 1) throw base::UserError("--keep_runs must be at least 1");
  if (FLAGS_planner_threads < 1 || FLAGS_planner_threads > 256)
    throw base::UserError("--planner_threads must be between 1 and 256");
  options.keep_runs = static_cast<size_t>(FLAGS_keep_runs);
  options.planner_threads = static_cast<size_t>(FLAGS_planner_threads);
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  // Distinct for every process: who comes back after a crash is another scheduler.
  options.name = fmt::format("{}-{}-{}", host, getpid(), base::random_uuid().substr(0, 8));
  const auto connections = base::connections_from_flags();
  scheduler::Engine engine(options, connections, std::make_shared<redis::Client>(connections.redis));
  const http::StatusServer status(FLAGS_status_address, [&engine] { return engine.health(); });
  base::log_info("scheduler started",
                 {{"scheduler", options.name}, {"dags", FLAGS_dags}, {"status", status.address()}});
  engine.run(stop);
  base::log_info("scheduler stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const tamis::base::UserError& e) {
    fmt::print(stderr, "tamis-scheduler: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "tamis-scheduler: {}\n", e.what());
    return 1;
  }
}
