#include "tasks/windows/close.h"

#include <chrono>
#include <mutex>

#include "core/base/error.h"
#include "tasks/call.h"
#include "tasks/kinds.h"
#include "tasks/operator.h"
#include "tasks/pipeline/sink_thread.h"
#include "tasks/pipeline/spec.h"

namespace tamis::tasks {
namespace {

/// The sinks of one closing, and what they refused.
class Outlets {
 public:
  Outlets(const std::vector<pipeline::SinkSpec>& sinks, const Call& call, const windows::WindowSpec& window,
          const Context& context)
      : sinks_(sinks) {
    sinks::SinkContext sink_context;
    sink_context.connections = context.connections;
    sink_context.folder = call.folder;
    sink_context.dag_id = call.dag_id;
    sink_context.run_id = call.run_id;
    sink_context.task_id = call.task_id;
    sink_context.purpose = sinks::Purpose::windows;
    sink_context.layout = window.document_layout();
    sink_context.stop = context.stop;
    for (const auto& sink : sinks) {
      // Called on a sink's own threads: the refusal is kept, and ends the task once the other windows are
      // written.
      sink_context.on_refused = [this, kind = sink.kind](const auto& batch, const auto& entry,
                                                         const std::string& message) {
        const std::lock_guard lock(mutex_);
        if (refused_++ == 0)
          first_refusal_ = fmt::format("the {} sink refused window document \"{}\" for \"{}\": {}",
                                       kind->name, batch.id(entry), batch.index(entry), message);
      };
      threads_.push_back(std::make_unique<pipeline::SinkThread>(
          [&] {
            return context.make_sink ? context.make_sink(sink.kind->name, sink.parameters, sink_context)
                                     : sink.kind->make(sink.parameters, sink_context);
          },
          context.stop));
    }
  }

  void write(records::DocumentBatch batch, std::span<const base::Instant> starts) {
    for (size_t i = 0; i < sinks_.size(); ++i) {
      auto own = i + 1 < sinks_.size() ? std::make_shared<records::DocumentBatch>(batch)
                                       : std::make_shared<records::DocumentBatch>(std::move(batch));
      for (const auto start : starts) own->indices.push_back(sinks_[i].target.at(start));
      threads_[i]->write(std::move(own));
    }
  }

  void finish() {
    for (const auto& thread : threads_) thread->finish();
    const std::lock_guard lock(mutex_);
    if (refused_ > 0)
      throw base::UserError("{}{}", first_refusal_,
                            refused_ > 1 ? fmt::format(" (and {} more were refused)", refused_ - 1) : "");
  }

 private:
  const std::vector<pipeline::SinkSpec>& sinks_;
  std::mutex mutex_;
  int64_t refused_ = 0;
  std::string first_refusal_;
  std::vector<std::unique_ptr<pipeline::SinkThread>> threads_;
};

base::Json run(const base::Json&, const base::Json& kwargs, const Context& context) {
  const auto began = std::chrono::steady_clock::now();
  const Call call = read_call(kwargs);
  if (!call.etl.is_map())
    throw base::UserError(
        "the message's kwargs need \"etl\", the mapping of the task whose windows are closed");
  const auto what = fmt::format("task \"{}\"", call.task_id);
  base::Findings findings;
  pipeline::check_own_keys(call.task, find_operator("close_windows")->keys, findings);
  pipeline::check_own_keys(call.etl, pipeline::etl_keys(), findings);
  pipeline::throw_if_wrong(findings, what);
  const auto etl = pipeline::read_etl(call.etl, call.folder, findings);
  pipeline::throw_if_wrong(findings, fmt::format("task \"{}\"", call.etl_task_id));
  const std::string named = base::text_at(call.task, "windows");
  const auto* window = named.starts_with(call.etl_task_id + ".")
                           ? etl.find_window(named.substr(call.etl_task_id.size() + 1))
                           : nullptr;
  if (window == nullptr) throw base::UserError("{}: there are no windows \"{}\"", what, named);
  const auto sinks =
      pipeline::read_sinks(call.task.find("sinks"), {sinks::Purpose::windows, nullptr, true}, findings);
  pipeline::throw_if_wrong(findings, what);
  if (!context.partials) throw base::Error("there is no store for the partials of windows");

  Outlets outlets(sinks, call, *window, context);
  const windows::WindowKey key{call.dag_id, call.etl_task_id, window->name};
  windows::CloseOptions options;
  options.stop = context.stop;
  const auto closed = windows::close_windows(
      *context.partials, key, *window, call.run_id,
      [&](records::DocumentBatch batch, std::span<const base::Instant> starts) {
        outlets.write(std::move(batch), starts);
      },
      options);
  outlets.finish();
  std::optional<base::Instant> before;
  if (call.watermark && etl.fields.allowed_lateness) before = *call.watermark - *etl.fields.allowed_lateness;
  context.partials->forget(key, window->size, before);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (context.log) {
    context.log(fmt::format("closed {} windows of {}: {} documents in {:.2f} s", closed.windows, named,
                            closed.documents, seconds));
    if (closed.incompatible > 0)
      context.log(
          fmt::format("{} partials of another version of the DAG, with other groups or another size, could "
                      "not be counted",
                      closed.incompatible));
  }
  base::Json result = {
      {"windows", closed.windows}, {"documents", closed.documents * sinks.size()}, {"seconds", seconds}};
  if (closed.incompatible > 0) result["incompatible"] = closed.incompatible;
  return result;
}

}  // namespace

TaskKind close_windows_task() {
  return {"tamis.close_windows",
          "merges the partials of the windows that a run touched and writes their documents", run};
}

}  // namespace tamis::tasks
