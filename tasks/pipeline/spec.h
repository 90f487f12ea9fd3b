// An etl task as its DAG file describes it, checked and compiled: source, fields, transforms, windows, sinks,
// rejects.  Made when a DAG is loaded (for the findings) and by a worker for every slice (for the work).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/finding.h"
#include "core/base/node.h"
#include "tasks/pipeline/target.h"
#include "tasks/sinks/sink.h"
#include "tasks/sources/source.h"
#include "tasks/transforms/fields.h"
#include "tasks/transforms/transform.h"
#include "tasks/windows/window.h"

namespace tamis::pipeline {

struct SinkSpec {
  const sinks::SinkKind* kind = nullptr;
  base::Node parameters;
  Target target;                ///< of kinds that have a target key; else constant
  std::vector<std::string> id;  ///< fields whose values make the id; empty: the record's own
};

struct EtlSpec {
  const sources::SourceKind* source = nullptr;
  base::Node source_parameters;
  transforms::FieldSpec fields;
  std::vector<std::unique_ptr<transforms::Transform>> transforms;
  records::Layout layout;  ///< the fields left
  uint32_t columns = 0;    ///< columns that a batch needs
  std::vector<windows::WindowSpec> windows;
  std::vector<SinkSpec> sinks, rejects;
  std::vector<std::string> files;  ///< that were read to compile it (lookup tables)
  int64_t lookback = 0;            ///< records to read before a slice
  bool has_time = false;           ///< its records have an event time

  const windows::WindowSpec* find_window(std::string_view name) const;
};

/// The keys of an etl task, beside those that every task has.
const base::Keys& etl_keys();

/// Reads all of it.  What is wrong becomes findings, all in one pass; what could be read is returned.  The
/// types of the task's own keys are taken as checked (see check_own_keys).
EtlSpec read_etl(const base::Node& task, const std::string& folder, base::Findings& findings);

/// What sinks are for, and what their documents hold.
struct SinkPlace {
  sinks::Purpose purpose = sinks::Purpose::documents;
  const records::Layout* layout = nullptr;  ///< names that `id:` may take; null: `id:` has no place here
  bool has_time = false;                    ///< names may take the event time
};
/// Reads a list of sinks, each a mapping with one key (or the bare name of a sink without parameters).
std::vector<SinkSpec> read_sinks(const base::Node* list, const SinkPlace& place, base::Findings& findings);

/// Fields of reject documents.
const records::Layout& rejects_layout();

/// Checks those keys of a task that `keys` names, others may stand beside them: for tasks that no DAG loader
/// has checked.
void check_own_keys(const base::Node& task, const base::Keys& keys, base::Findings& findings);

/// The first error as an exception; the work can't be done as described.  Throws UserError.
void throw_if_wrong(const base::Findings& findings, std::string_view what);

}  // namespace tamis::pipeline
