// One slice through the pipeline: reader → clean → transforms → documents and windows → sinks, in batches on
// oneTBB's threads. Called by `tamis.etl`.
#pragma once
#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/records/slice.h"
#include "tasks/pipeline/context.h"
#include "tasks/pipeline/spec.h"

namespace tamis::pipeline {

struct SliceRun {
  std::string dag_id, run_id, task_id, folder;
  records::Slice slice;
  std::optional<base::Instant> watermark;  ///< stored in the run; decides what is late
};

/// Reads the slice once and returns its account when all is written: documents and rejects first, then the
/// partials of its windows.  Doing it again gives the same.  Throws UserError or TransientError; then nothing
/// is lost, as it can be repeated.
base::Json run_slice(const EtlSpec& spec, const SliceRun& run, const Context& context);

}  // namespace tamis::pipeline
