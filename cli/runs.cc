#include "cli/runs.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "cli/output.h"
#include "cli/progress.h"

namespace tamis::cli {
namespace {

using base::Json;
using Clock = std::chrono::steady_clock;

Json first_run(Client& api, const std::string& dag_id, Query query, const std::string& what) {
  query.emplace_back("limit", "1");
  const Json page = api.get(api_path("dags", dag_id, "dagRuns"), query);
  if (page.at("dag_runs").empty()) throw base::NotFound("the DAG \"{}\" has no {}", dag_id, what);
  return page["dag_runs"][0];
}

struct Watched {
  std::string state;
  int64_t total = 0, done = 0, read = 0;
  std::string tasks;  ///< `clean 3/8 running, aggregate waits`
};

Watched summary(const Json& report) {
  Watched now;
  now.state = report.value("state", "");
  for (const auto& task : report.at("tasks")) {
    const int64_t total = task.value("total", 0), done = task.value("done", 0);
    now.total += total;
    now.done += done;
    if (task["account"].is_object()) now.read += task["account"].value("read", int64_t{0});
    now.tasks +=
        fmt::format("{}{} {}/{}", now.tasks.empty() ? "" : ", ", task.value("task_id", ""), done, total);
    if (const int64_t failures = task["states"].value("failed", 0); failures > 0)
      now.tasks += fmt::format(" ({} failed)", failures);
    if (const int64_t again = task["states"].value("up_for_retry", 0); again > 0)
      now.tasks += fmt::format(" ({} tried again)", again);
  }
  return now;
}

void tell_end(Invocation& invocation, const Json& report, double seconds) {
  const auto now = summary(report);
  invocation.out << fmt::format("{} in {:.1f} s: {} of {} task instances, {} records read\n", now.state,
                                seconds, now.done, now.total, group_digits(now.read));
  for (const auto& task : report["tasks"])
    for (const auto& error : task["errors"])
      invocation.err << fmt::format(
          "{}{}: {}\n", task.value("task_id", ""),
          error.value("map_index", -1) < 0 ? "" : fmt::format("[{}]", error["map_index"].get<int>()),
          error.value("error", ""));
}

}  // namespace

Json find_run(Client& api, const std::string& dag_id, const std::string& reference) {
  if (reference == "latest") return first_run(api, dag_id, {{"order_by", "-id"}}, "runs yet");
  if (reference.starts_with("latest:")) {
    const auto state = reference.substr(7);
    return first_run(api, dag_id, {{"order_by", "-id"}, {"state", state}}, "run that is " + state);
  }
  try {
    return api.get(api_path("dags", dag_id, "dagRuns", reference));
  } catch (const base::NotFound&) {
    const auto date = base::parse_instant(reference);
    if (!date) throw;
    const auto text = base::format_isoformat(*date);
    return first_run(api, dag_id, {{"execution_date_gte", text}, {"execution_date_lte", text}},
                     "run of " + text);
  }
}

int watch_run(Invocation& invocation, const std::string& dag_id, const std::string& run_id,
              base::Duration timeout) {
  auto& api = invocation.api();
  const auto path = api_path("dags", dag_id, "dagRuns", run_id, "report");
  const auto begin = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  Progress progress(invocation.out, isatty(STDOUT_FILENO) == 1);
  auto silent_since = Clock::time_point::max();
  auto pause = std::chrono::milliseconds(20);
  std::string told;
  while (true) {
    try {
      const Json report = api.get(path);
      silent_since = Clock::time_point::max();
      const auto now = summary(report);
      if (now.state == "success" || now.state == "failed") {
        progress.clear();
        tell_end(invocation, report, seconds());
        return now.state == "success" ? ok : failed;
      }
      const std::string text =
          now.tasks.empty() ? now.state
                            : fmt::format("{}: {}, {} records", now.state, now.tasks, group_digits(now.read));
      if (progress.is_terminal()) {
        progress.show(now.done, now.total, text);
      } else if (text != told) {
        invocation.out << text << std::endl;
        told = text;
      }
    } catch (const Unreachable&) {
      // A restart of the api does not end the run; but neither is it waited for without end.
      if (silent_since == Clock::time_point::max()) silent_since = Clock::now();
      if (Clock::now() - silent_since > std::chrono::seconds(30)) throw;
    }
    if (Clock::now() - begin > timeout) {
      progress.clear();
      invocation.err << fmt::format("tamis: the run {} has not ended within {}; it goes on\n", run_id,
                                    base::format_duration(timeout));
      return failed;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(progress.is_terminal() ? 200 : 1000));
  }
}

}  // namespace tamis::cli
