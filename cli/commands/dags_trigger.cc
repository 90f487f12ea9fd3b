#include <chrono>
#include <thread>

#include "cli/commands/all.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/runs.h"

namespace tamis::cli {
namespace {

using base::Json;

Json read_conf(const std::string& text) {
  const auto source = text.starts_with('@') ? read_file(text.substr(1)) : text;
  const Json conf = Json::parse(source, nullptr, false);
  if (!conf.is_object())
    throw base::UserError("--conf must be a JSON object, as '{{\"day\": \"2026-03-01\"}}', or @file");
  return conf;
}

/// A DAG whose file was saved a moment ago is there within a second; scripts may ask to wait for it, and for
/// the api.
void wait_for_dag(Invocation& invocation, const std::string& dag_id, base::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    try {
      invocation.api().get(api_path("dags", dag_id));
      return;
    } catch (const base::NotFound&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
    } catch (const Unreachable&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id");
  Json body = Json::object();
  if (invocation.has("conf")) body["conf"] = read_conf(invocation.text("conf"));
  if (invocation.has("run_id")) body["dag_run_id"] = invocation.text("run_id");
  if (invocation.has("note")) body["note"] = invocation.text("note");
  if (const auto date = invocation.instant("exec_date")) body["logical_date"] = base::format_isoformat(*date);
  const auto timeout = invocation.duration("timeout", std::chrono::hours(24));
  if (invocation.has("wait_for_dag"))
    wait_for_dag(invocation, dag_id, invocation.duration("wait_for_dag", {}));
  if (invocation.has("unpause")) api.patch(api_path("dags", dag_id), {{"is_paused", false}});
  Json made = api.post(api_path("dags", dag_id, "dagRuns"), body);
  if (made.contains("warnings"))
    for (const auto& warning : made["warnings"])
      invocation.err << "warning: " << warning.get<std::string>() << "\n";
  made.erase("warnings");
  if (!invocation.has("wait")) {
    print_rows(invocation, Json::array({made}),
               {"dag_id", "dag_run_id", "state", "run_type", "logical_date", "conf"});
    return ok;
  }
  const auto run_id = made.value("dag_run_id", "");
  invocation.out << dag_id << " " << run_id << std::endl;
  return watch_run(invocation, dag_id, run_id, timeout);
}

}  // namespace

Command dags_trigger() {
  return {.noun = "dags",
          .verb = "trigger",
          .summary = "run a DAG now",
          .positionals = {{"dag_id", 'd'}},
          .options = {{"conf", 'c', "JSON", "an object for the run, or @file", {}},
                      {"run_id", 'r', "ID", "the run's id (default manual__<now>)", {}},
                      {"exec_date", 'e', "TIME", "the run's logical date (default now)", {}},
                      {"note", 0, "TEXT", "kept with the run", {}},
                      {"unpause", 0, "", "unpause the DAG first", {}},
                      {"wait", 'w', "", "watch it to its end; exit code 1 when it fails", {}},
                      {"timeout", 0, "TIME", "with --wait: watch no longer (default 24h)", {}},
                      {"wait_for_dag", 0, "TIME", "wait so long for the DAG to appear", {}}},
          .examples = {"tamis dags trigger iot_sensor_etl --wait",
                       "tamis dags trigger iot_sensor_etl -c '{\"day\": \"2026-03-01\"}'",
                       "tamis dags trigger iot_sensor_etl -c @conf.json -r replay-1"},
          .notes = "",
          .prints_rows = true,
          .run = run};
}

Command dags_wait() {
  return {.noun = "dags",
          .verb = "wait",
          .summary = "watch a run to its end",
          .positionals = {{"dag_id", 'd'}, {.name = "run", .letter = 'r', .required = false}},
          .options = {{"timeout", 0, "TIME", "watch no longer (default 24h)", {}}},
          .examples = {"tamis dags wait iot_sensor_etl latest --timeout=10m"},
          .notes = "Exit code 1 when the run failed or did not end in time.",
          .prints_rows = false,
          .run = [](Invocation& invocation) {
            const auto dag_id = invocation.text("dag_id");
            const auto found = find_run(invocation.api(), dag_id, invocation.text("run", "latest"));
            return watch_run(invocation, dag_id, found.value("dag_run_id", ""),
                             invocation.duration("timeout", std::chrono::hours(24)));
          }};
}

}  // namespace tamis::cli
