// What happens to rows between cleaning and the sink, in the order written.  A kind is one file and one line
// in registry.cc. A transform is compiled against the layout it sees and says which layout it leaves.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/node.h"
#include "core/records/batch.h"

namespace tamis::transforms {

/// Compiled, immutable; run() is called by many threads at once, each with its own batch, unless
/// `is_ordered()`.
class Transform {
 public:
  virtual ~Transform() = default;
  /// Per-slice memory of an ordered transform (deduplicate's keys); others have none.
  class State {
   public:
    virtual ~State() = default;
  };
  /// Whether batches must come one at a time and in order.
  virtual bool is_ordered() const { return false; }
  virtual std::unique_ptr<State> make_state() const { return nullptr; }
  /// Called before an ordered run(), by many threads at once: the part of the work that needs no order
  /// (hashing keys).
  virtual void prepare(records::Batch&) const {}
  /// Texts that it puts into rows may be the transform's own: it outlives its batches.
  virtual void run(records::Batch& batch, State* state) const = 0;
  /// Records to read before the slice's start (deduplicate's lookback).
  virtual int64_t lookback() const { return 0; }
};

/// Where a transform is compiled: what it sees, what it may need.
struct CompileContext {
  records::Layout layout;  ///< in: what it sees; out: what it leaves.  New columns are taken from next_column
  uint32_t next_column = 0;        ///< the first column number not in use in the batch
  uint32_t next_key_hashes = 0;    ///< the first list in Batch::key_hashes not in use
  std::string folder;              ///< of the DAG file, for lookup tables
  std::vector<std::string> files;  ///< out: files read, which are part of the DAG's version
};

struct TransformKind {
  std::string name;
  std::string summary;
  /// Checks `parameters` with places and compiles.  Null when it added an error; the layout then is the best
  /// guess.
  std::function<std::unique_ptr<Transform>(const base::Node& parameters, CompileContext&, base::Findings&)>
      compile;
  base::Json schema;  ///< JSON Schema of the parameters
};

const std::vector<TransformKind>& transform_kinds();
const TransformKind* find_transform(std::string_view name);

}  // namespace tamis::transforms
