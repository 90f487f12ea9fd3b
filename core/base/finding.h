// What is wrong with a text somebody wrote (a DAG file, an expression in it), and exactly where.
#pragma once
#include <string>
#include <vector>

#include "core/base/json_fwd.h"

namespace tamis::base {

/// A stretch of a text; lines and columns count from 1, `end_column` is exclusive.  Line 0: nowhere in
/// particular.
struct Span {
  int line = 0, column = 0, end_line = 0, end_column = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

enum class Severity { error, warning };

struct Finding {
  Severity severity = Severity::error;
  std::string code;     ///< a stable word, as `unknown_key`
  std::string message;  ///< what is wrong, lower case, no full stop, values quoted
  std::string hint;     ///< what to do, may be empty
  Span span;
};

/// All findings of one text, in the order of their places.
class Findings {
 public:
  void error(const Span& span, std::string code, std::string message, std::string hint = "");
  void warning(const Span& span, std::string code, std::string message, std::string hint = "");
  bool has_errors() const;
  size_t error_count() const;
  bool empty() const { return all_.empty(); }
  const std::vector<Finding>& all() const { return all_; }
  void sort();

  /// `file:line:column: severity code message`, the source line and a caret, for every finding.
  std::string text(const std::string& file, const std::string& source) const;
  /// Objects with file, line, column, end_line, end_column, severity, code, message, hint.
  Json json(const std::string& file) const;

 private:
  std::vector<Finding> all_;
};

}  // namespace tamis::base
