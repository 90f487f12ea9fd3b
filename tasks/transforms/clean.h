// Raw records into typed rows: whole-record JSON (or CSV) validation, the declared fields with their checks,
// event time and lateness (PIPELINE §3 and §4).  Compiled once a task, run over batches by many threads.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/node.h"
#include "core/records/batch.h"

namespace tamis::transforms {

/// What `fields:` and what stands beside it say: `max_record_bytes`, `unknown_fields`, `event_time`,
/// `allowed_lateness`, `lateness`.  Plain values.
struct FieldSpec;  // tasks/transforms/fields.h

/// Decides a slice's lateness; the same for every attempt because the watermark is stored in the run.
struct Lateness {
  std::optional<base::Instant> watermark;  ///< none: nothing is late by watermark
};

/// The compiled fields of a task.  Immutable; shared by threads.
class Clean {
 public:
  /// `fields` was read by read_fields without findings.  `csv_header`: the names of the cells, empty for
  /// JSON.
  Clean(const FieldSpec& fields, std::vector<std::string> csv_header);
  ~Clean();

  /// Per-thread memory (parser, guesses of the order of members).
  class Scratch;
  std::shared_ptr<Scratch> make_scratch() const;

  /// Fills columns 0 … n-1 (the declared fields in order), state, event_time, passed, nulled, unknown and
  /// rejections of `batch` from `batch.input`.  Thread-safe with a Scratch for each thread; throws nothing.
  void run(records::Batch& batch, Scratch& scratch, const Lateness& lateness) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace tamis::transforms
