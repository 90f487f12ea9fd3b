#include "core/base/error.h"
#include "tasks/call.h"
#include "tasks/kinds.h"
#include "tasks/pipeline/run.h"

namespace tamis::tasks {
namespace {

base::Json run(const base::Json&, const base::Json& kwargs, const Context& context) {
  const Call call = read_call(kwargs);
  if (!call.slice.is_object()) throw base::UserError("the message's kwargs need \"slice\", a mapping");
  const auto what = fmt::format("task \"{}\"", call.task_id);
  base::Findings findings;
  pipeline::check_own_keys(call.task, pipeline::etl_keys(), findings);
  pipeline::throw_if_wrong(findings, what);
  const auto spec = pipeline::read_etl(call.task, call.folder, findings);
  pipeline::throw_if_wrong(findings, what);
  return pipeline::run_slice(
      spec, {call.dag_id, call.run_id, call.task_id, call.folder, {call.slice}, call.watermark}, context);
}

}  // namespace

TaskKind etl_task() {
  return {"tamis.etl", "one slice of a source through fields, transforms, sinks and windows", run};
}

}  // namespace tamis::tasks
