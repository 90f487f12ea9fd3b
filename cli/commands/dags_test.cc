// `tamis dags test`: a DAG in this process, its documents on the screen instead of in its sinks.
#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "cli/account.h"
#include "cli/commands/all.h"
#include "cli/files.h"
#include "cli/output.h"
#include "core/base/connections.h"
#include "core/workflow/report.h"
#include "core/workflow/timetable.h"
#include "tasks/local_run.h"

namespace tamis::cli {
namespace {

using base::Json;

/// What the sinks were given: counted, and the first ones kept.
class Caught {
 public:
  explicit Caught(size_t keep) : keep_(keep) {}

  void take(const std::string& title, const records::DocumentBatch& batch) {
    std::lock_guard lock(mutex_);
    auto& sink = sinks_[title];
    sink.count += batch.entries.size();
    for (const auto& entry : batch.entries) {
      if (sink.first.size() >= keep_) break;
      sink.first.push_back({{"_index", batch.index(entry)},
                            {"_id", batch.id(entry)},
                            {"document", Json::parse(batch.body(entry), nullptr, false)}});
    }
  }
  void name(const std::string& title) {
    std::lock_guard lock(mutex_);
    sinks_[title];
  }

  void print(std::ostream& out) const {
    for (const auto& [title, sink] : sinks_) {
      out << fmt::format("{}: {}\n", title, group_digits(static_cast<int64_t>(sink.count)));
      for (const auto& row : sink.first)
        out << "  " << row["document"].dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
      if (sink.count > sink.first.size() && !sink.first.empty()) out << "  …\n";
      out << "\n";
    }
  }
  Json json() const {
    Json all = Json::array();
    for (const auto& [title, sink] : sinks_)
      all.push_back({{"sink", title}, {"count", sink.count}, {"first", sink.first}});
    return all;
  }

 private:
  struct Sink {
    size_t count = 0;
    Json first = Json::array();
  };
  size_t keep_;
  std::mutex mutex_;
  std::map<std::string, Sink> sinks_;
};

class CatchingSink : public sinks::Sink {
 public:
  CatchingSink(Caught& caught, std::string title) : caught_(caught), title_(std::move(title)) {
    caught_.name(title_);
  }
  void write(std::shared_ptr<const records::DocumentBatch> batch) override { caught_.take(title_, *batch); }
  void finish() override {}

 private:
  Caught& caught_;
  std::string title_;
};

std::string purpose_word(sinks::Purpose purpose) {
  switch (purpose) {
    case sinks::Purpose::documents:
      return "documents";
    case sinks::Purpose::windows:
      return "windows";
    case sinks::Purpose::rejects:
      return "rejects";
  }
  return "";
}

const workflow::Dag& choose_dag(const LoadedDagFile& loaded, const std::string& wanted) {
  for (const auto& dag : loaded.file.dags)
    if (wanted.empty() || dag.dag_id == wanted) return dag;
  throw base::NotFound("\"{}\" holds no DAG{}", loaded.path, wanted.empty() ? "" : " \"" + wanted + "\"");
}

/// The outcome in the form that the account is printed from.
workflow::DagRun as_run(const workflow::Dag& dag, const tasks::LocalOutcome& outcome) {
  workflow::DagRun run;
  run.dag_id = dag.dag_id;
  run.run_id = outcome.run_id;
  run.state = outcome.is_success ? workflow::RunState::success : workflow::RunState::failed;
  for (const auto& task : outcome.tasks) {
    workflow::TaskInstance instance;
    instance.task_id = task.task_id;
    instance.map_index = task.map_index;
    instance.state = workflow::parse_task_state(task.state).value_or(workflow::TaskState::none);
    instance.try_number = 1;
    instance.result = task.result;
    instance.error = task.error;
    run.tasks.push_back(std::move(instance));
  }
  return run;
}

void print_kept_rejects(std::ostream& out, const tasks::LocalOutcome& outcome, size_t keep) {
  size_t told = 0;
  for (const auto& task : outcome.tasks) {
    if (!task.result.is_object() || !task.result.contains("rejects") || !task.result["rejects"].is_array())
      continue;
    for (const auto& reject : task.result["rejects"]) {
      if (told == 0) out << "rejects (the DAG has no sink for them):\n";
      if (told++ < keep) out << "  " << reject.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    }
  }
  if (told > 0) out << "\n";
}

int run(Invocation& invocation) {
  const auto loaded = load_dag_file(invocation.text("file"));
  if (!loaded.file.findings.empty()) invocation.err << loaded.file.findings.text(loaded.path, loaded.source);
  if (loaded.file.findings.has_errors()) return failed;
  const auto& dag = choose_dag(loaded, invocation.text("dag_id"));
  const auto keep = static_cast<size_t>(invocation.integer("limit", 3, 0, 100'000));
  Caught caught(keep);
  tasks::LocalOptions options;
  options.context.connections = base::connections_from_flags();
  options.concurrency = std::max(1U, std::thread::hardware_concurrency());
  std::mutex mutex;
  if (invocation.has("verbose"))
    options.context.log = [&](const std::string& line) {
      std::lock_guard lock(mutex);
      invocation.err << line << "\n";
    };
  else
    options.context.log = [](const std::string&) {};
  options.context.progress = [](const Json&) {};
  if (!invocation.has("write"))
    options.context.make_sink = [&](const std::string& kind, const base::Node& node,
                                    const sinks::SinkContext& context) -> std::unique_ptr<sinks::Sink> {
      const auto* declared = sinks::find_sink(kind);
      const auto target = declared ? base::text_at(node, declared->target_key) : "";
      return std::make_unique<CatchingSink>(caught, fmt::format("{} → {} {} ({})", context.task_id, kind,
                                                                target, purpose_word(context.purpose)));
    };
  const auto now = invocation.instant("date").value_or(base::now());
  tasks::LocalRun local(dag, std::move(options));
  const auto outcome =
      local.run("test__" + base::format_isoformat(now), workflow::Timetable(dag).manual_interval(now));
  const auto report = workflow::run_report(as_run(dag, outcome));
  if (invocation.text("output") == "json") {
    invocation.out << Json{{"state", report["state"]}, {"sinks", caught.json()}, {"report", report}}.dump(
                          2, ' ', false, Json::error_handler_t::replace)
                   << "\n";
  } else {
    caught.print(invocation.out);
    print_kept_rejects(invocation.out, outcome, keep);
    print_account(invocation, report);
  }
  for (const auto& task : outcome.tasks)
    if (task.state == "failed")
      invocation.err << fmt::format("{}{} failed: {}\n", task.task_id,
                                    task.map_index < 0 ? "" : fmt::format("[{}]", task.map_index),
                                    task.error);
  return outcome.is_success ? ok : failed;
}

}  // namespace

Command dags_test() {
  return {.noun = "dags",
          .verb = "test",
          .summary = "run a DAG in this process, without any server, and show what comes out",
          .positionals = {{"file"}},
          .options = {{"limit", 'n', "N", "documents shown of each sink (default 3)", {}},
                      {"dag_id", 0, "ID", "which DAG of the file (default the first)", {}},
                      {"date", 'e', "TIME", "the run's logical date (default now)", {}},
                      {"write", 0, "", "write into the DAG's sinks instead of showing", {}},
                      {"verbose", 'v', "", "the tasks' log lines too", {}},
                      {"output", 'o', "FORMAT", "text or json", {"text", "json"}}},
          .examples = {"tamis dags test dags/iot_sensor_files.yaml", "tamis dags test my.yaml -n 20 -o json"},
          .notes =
              "Sources are the real ones; sinks are not touched unless --write is given.  Exit code 1 when a "
              "task failed.",
          .prints_rows = false,
          .run = run};
}

}  // namespace tamis::cli
