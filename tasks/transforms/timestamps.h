// How a timestamp field is written: rfc3339, epoch_s, epoch_ms, or a strptime pattern (PIPELINE §3). Compiled
// once, then immutable and used by many threads.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "tasks/transforms/decimal.h"

namespace tamis::transforms {

class TimestampFormat {
 public:
  /// Empty, and `error` says why in words for people, when `format` is none.
  static std::optional<TimestampFormat> compile(std::string_view format, std::string& error);

  /// Whether values are JSON numbers (the epochs) and not strings.
  bool is_number() const { return kind_ == Kind::epoch_s || kind_ == Kind::epoch_ms; }
  /// Reads a whole text; empty when it isn't one of this format.  Allocates nothing.
  std::optional<base::Instant> read(std::string_view text) const;
  /// Reads an epoch; what is finer than a microsecond is rounded down.  Empty beyond the years 0000 to 9999.
  std::optional<base::Instant> read(const Number& number) const;

 private:
  enum class Kind { rfc3339, epoch_s, epoch_ms, pattern };
  Kind kind_ = Kind::rfc3339;
  std::string items_;  ///< of a pattern: directive letters, and `%` before each literal character
};

}  // namespace tamis::transforms
