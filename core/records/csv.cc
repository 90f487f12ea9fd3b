#include "core/records/csv.h"

#include <algorithm>

namespace tamis::records {

bool CsvCells::split(std::string_view line) {
  cells.clear();
  unquoted.clear();
  // What is unquoted is never longer than the line: with this much room the views stay right.
  unquoted.reserve(line.size());
  size_t at = 0;
  while (true) {
    if (at < line.size() && line[at] == '"') {
      const size_t begin = ++at;
      const size_t copied = unquoted.size();
      bool doubled = false;
      size_t from = begin;
      while (true) {
        const size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) return false;
        at = quote + 1;
        if (at == line.size() || line[at] != '"') {
          if (doubled) {
            unquoted.append(line, from, quote - from);
            cells.push_back(std::string_view(unquoted).substr(copied));
          } else {
            cells.push_back(line.substr(begin, quote - begin));
          }
          break;
        }
        doubled = true;
        unquoted.append(line, from, quote + 1 - from);
        from = ++at;
      }
      if (at < line.size() && line[at] != ',') return false;
    } else {
      const size_t end = std::min(line.find(',', at), line.size());
      const std::string_view cell = line.substr(at, end - at);
      if (cell.find('"') != std::string_view::npos) return false;
      cells.push_back(cell);
      at = end;
    }
    if (at >= line.size()) return true;
    ++at;
  }
}

}  // namespace tamis::records
