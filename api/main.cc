// tamis-api: the REST API over what Redis remembers and what was indexed.
#include <gflags/gflags.h>

#include <iostream>

#include "api/flags.h"
#include "api/server.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/base/stop.h"
#include "core/base/version.h"
#include "core/queue/task_log.h"
#include "core/workflow/dag_file.h"
#include "core/workflow/try_id.h"
#include "tasks/operator_table.h"

namespace tamis {
namespace {

api::Backend make_backend(const base::Connections& connections, const api::Flags& flags) {
  auto redis = std::make_shared<redis::Client>(connections.redis);
  auto roster = std::make_shared<queue::Roster>(redis);
  auto log = std::make_shared<queue::TaskLog>(redis);
  api::Backend backend;
  backend.store = workflow::make_redis_run_store(redis);
  backend.workers = [roster] { return roster->workers(); };
  backend.queues = [roster] { return roster->queues(); };
  backend.log = [log](const std::string& id) { return log->read(id); };
  std::shared_ptr<workflow::LeaderLease> lease = workflow::make_redis_leader_lease(redis);
  // The name stands in Redis only as long as its holder renews it.
  backend.scheduler_seen = [lease]() -> std::optional<base::Instant> {
    if (lease->leader().empty()) return std::nullopt;
    return base::now();
  };
  backend.try_id = [](const workflow::DagRun& run, const workflow::TaskInstance& instance, int number) {
    return workflow::try_id(run.dag_id, run.run_id, instance.task_id, instance.map_index, number);
  };
  backend.data = flags.data;
  backend.dags_folder = flags.dags_folder;
  backend.check_dag = [](const std::string& text, const std::string& file) {
    auto parsed = workflow::parse_dag_file(text, tasks::operator_table(),
                                           {.path = file, .defaults = {}, .now = base::now()});
    api::CheckedDag checked;
    if (!parsed.dags.empty()) checked.dag = std::move(parsed.dags.front());
    checked.findings = std::move(parsed.findings);
    return checked;
  };
  return backend;
}

int run(int argc, char** argv) {
  try {
    const auto stop = base::stop_on_signals();
    gflags::SetUsageMessage("answers the REST API over what Redis remembers and what was indexed");
    base::load_settings(argc, argv);
    base::start_logging("tamis-api");
    if (argc > 1) throw base::UserError("\"{}\" is no flag; tamis-api --help shows them", argv[1]);
    const auto connections = base::connections_from_flags();
    const auto flags = api::read_flags(connections);
    api::Server server(flags.server, make_backend(connections, flags));
    base::log_info("api started", {{"address", server.address()}, {"version", base::version}});
    base::wait_for(stop, std::chrono::hours(24 * 365 * 100));
    base::log_info("api stopped");
    return 0;
  } catch (const base::UserError& error) {
    std::cerr << "tamis-api: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "tamis-api: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace tamis

int main(int argc, char** argv) {
  return tamis::run(argc, argv);
}
