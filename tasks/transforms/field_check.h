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
              records::Reason& reason) const {
    return run_usual(slot, column, row) ? Verdict::value : run_any(slot, column, row, arena, reason);
  }

  /// Why the value failed, for people.
  std::string message(const Slot& slot, records::Reason reason) const;

  const Field& field() const { return field_; }
  int slot() const { return slot_; }

 private:
  /// What run_usual takes: numbers of a double, texts of a keyword or a timestamp.
  enum class Usual : uint8_t { nothing, number, text, instant };

  /// Takes the values that nearly all records have; false: nothing is known yet.
  bool run_usual(const Slot& slot, records::Column& column, size_t row) const {
    switch (usual_) {
      case Usual::nothing:
        return false;
      case Usual::number: {
        double value = 0;
        if (slot.kind != Slot::Kind::number || !read_double(slot.number, value) ||
            !(value >= low_ && value <= high_))
          return false;
        column.doubles[row] = value;
        break;
      }
      case Usual::text:
        if (slot.kind != Slot::Kind::text || slot.escaped || slot.text().size() > bytes_max_ ||
            !is_allowed(slot.text()))
          return false;
        column.texts[row] = slot.text();
        break;
      case Usual::instant: {
        if (slot.kind != Slot::Kind::text || slot.escaped) return false;
        const auto instant = format_->read(slot.text());
        if (!instant) return false;
        column.longs[row] = instant->time_since_epoch().count();
        break;
      }
    }
    column.valid[row] = 1;
    return true;
  }
  bool is_allowed(std::string_view text) const {
    if (field_.enum_texts.empty()) return true;
    for (const std::string& allowed : field_.enum_texts)
      if (allowed == text) return true;
    return false;
  }
  Verdict run_any(const Slot& slot, records::Column& column, size_t row, records::Arena& arena,
                  records::Reason& reason) const;
  std::optional<records::Reason> convert(const Slot& slot, records::Column& column, size_t row,
                                         records::Arena& arena) const;
  std::optional<records::Reason> keyword(std::string_view text, records::Column& column, size_t row) const;
  void put_default(records::Column& column, size_t row) const;

  Field field_;
  int slot_;
  bool coerce_, has_default_, has_text_checks_;
  Usual usual_ = Usual::nothing;
  double low_, high_;     ///< of a double
  size_t bytes_max_ = 0;  ///< texts of more bytes may have too many characters
  std::optional<TimestampFormat> format_;
  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace tamis::transforms
