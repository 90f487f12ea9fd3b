// One line of CSV by RFC 4180 (but one line is one record) as cells.  Used for records of CSV files, their
// headers and lookup tables.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tamis::records {

/// Cells of a line.  Views point into the line, or into `unquoted` for cells that held doubled quotes.
struct CsvCells {
  std::vector<std::string_view> cells;
  std::string unquoted;

  /// Splits `line` (without its end); false when a quote stands where none may.  Allocates nothing once its
  /// memory has grown.
  bool split(std::string_view line);
};

}  // namespace tamis::records
