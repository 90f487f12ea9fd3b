// Expressions of DAG files (PIPELINE: EXPR): compiled once against a layout, then run over whole batches.
// Called by filter and derive.
#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/finding.h"
#include "core/base/node.h"
#include "core/records/batch.h"

namespace tamis::transforms {

struct Program;  // tasks/transforms/expression_program.h

/// Immutable; run() may be called by many threads at once, each with its own batch.
class Expression {
 public:
  /// Compiles a scalar of a DAG file.  What is wrong with it becomes findings at its place in the file, and
  /// the answer is empty; `guess`, when given, then is the type it seems to have.
  static std::optional<Expression> compile(const base::Node& node, const records::Layout& layout,
                                           base::Findings& findings,
                                           std::optional<records::Type>* guess = nullptr);

  records::Type type() const;
  /// The column it is when it is nothing but a field.
  std::optional<uint32_t> column() const;
  /// Fills `out` (no column that the expression reads) for all rows.  Texts that are made live in the batch's
  /// arena.  Throws nothing; allocates nothing once its vectors have grown.
  void run(records::Batch& batch, records::Column& out) const;
  /// Sets live rows for which it isn't true (null is not) to filtered.  Of booleans only.
  void filter(records::Batch& batch) const;

 private:
  explicit Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  const records::Column& evaluate(records::Batch& batch, records::Column* out) const;
  std::shared_ptr<const Program> program_;
};

}  // namespace tamis::transforms
