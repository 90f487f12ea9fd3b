// One declared field, compiled: the value at its path becomes a column's value or a reason why not (PIPELINE
// §3).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/records/batch.h"
#include "tasks/transforms/fields.h"
#include "tasks/transforms/json_walker.h"
#include "tasks/transforms/timestamps.h"

namespace re2 {
class RE2;
}

namespace tamis::transforms {

/// Immutable; shared by threads.
class FieldCheck {
 public:
  /// `always_coerce`: values are cells of CSV, which hold texts only.
  FieldCheck(const Field& field, int slot, bool always_coerce);
  ~FieldCheck();
  FieldCheck(FieldCheck&&) noexcept;

  /// What became of a value.
  enum class Verdict : uint8_t { value, null, failed };
  /// Puts the value of `slot` into `row` of `column`, which has room for it.  `reason` is set when it failed.
  /// Texts point into the record, or into `arena` when they held escapes.
  Verdict run(const Slot& slot, records::Column& column, size_t row, records::Arena& arena,
              records::Reason& reason) const;

  /// Why the value failed, for people.
  std::string message(const Slot& slot, records::Reason reason) const;

  const Field& field() const { return field_; }
  int slot() const { return slot_; }

 private:
  std::optional<records::Reason> convert(const Slot& slot, records::Column& column, size_t row,
                                         records::Arena& arena) const;
  std::optional<records::Reason> keyword(std::string_view text, records::Column& column, size_t row) const;
  void put_default(records::Column& column, size_t row) const;

  Field field_;
  int slot_;
  bool coerce_, has_default_, has_text_checks_;
  std::optional<TimestampFormat> format_;
  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace tamis::transforms
