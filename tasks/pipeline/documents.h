// Rows into documents (PIPELINE §6): ids, index names and JSON bodies, written straight into the bytes of a
// DocumentBatch. Called by run.cc for every batch; const and shared by threads.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/records/batch.h"
#include "core/records/document.h"
#include "tasks/pipeline/spec.h"
#include "tasks/sources/source.h"

namespace tamis::pipeline {

/// Makes the documents of one sink from clean rows.
class DocumentBuilder {
 public:
  DocumentBuilder(const EtlSpec& spec, const SinkSpec& sink, const sources::Provenance& provenance);
  /// Appends a document for each live row that is no lookback.  `out` is empty, `batch` stays as long as
  /// `out`.
  void build(const records::Batch& batch, records::DocumentBatch& out) const;

 private:
  struct Part {
    std::string key;  ///< `,"name":`
    records::Type type;
    uint32_t column;
  };
  struct Buffer;
  size_t bound(const records::Batch& batch, uint32_t row) const;
  void write_id(const records::Batch& batch, uint32_t row, Buffer& buffer,
                records::DocumentBatch::Entry& entry) const;
  char* write_unknown(char* to, std::string_view members) const;

  Target target_;
  sources::Provenance provenance_;
  bool has_time_ = false;
  std::vector<Part> parts_, id_parts_;
  std::vector<std::string> taken_;  ///< names that unknown members give way to
  size_t fixed_size_ = 0;
};

/// The version that lets the record with the latest event time stay under an id, whatever the order of
/// writing: grows strictly with the time, and `tie_break` (any hash) decides between equal times.  Never
/// negative.
int64_t latest_version(base::Instant time, uint64_t tie_break);

/// Makes reject documents.
class RejectBuilder {
 public:
  RejectBuilder(const sources::Provenance& provenance, const std::string& dag_id, const std::string& run_id,
                const std::string& task_id);
  /// Appends to `out`, under index 0.
  void add(const records::Record& record, const records::Rejection& rejection,
           records::DocumentBatch& out) const;
  /// The same for a task's result, with a raw text of bounded size.
  base::Json kept(const records::Record& record, const records::Rejection& rejection) const;

 private:
  sources::Provenance provenance_;
  std::string tail_;  ///< `,"dag_id":…}`
};

}  // namespace tamis::pipeline
