#include "core/base/finding.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "core/base/json.h"

namespace tamis::base {

void Findings::error(const Span& span, std::string code, std::string message, std::string hint) {
  all_.push_back({Severity::error, std::move(code), std::move(message), std::move(hint), span});
}

void Findings::warning(const Span& span, std::string code, std::string message, std::string hint) {
  all_.push_back({Severity::warning, std::move(code), std::move(message), std::move(hint), span});
}

size_t Findings::error_count() const {
  return static_cast<size_t>(
      std::count_if(all_.begin(), all_.end(), [](const auto& f) { return f.severity == Severity::error; }));
}

bool Findings::has_errors() const {
  return error_count() > 0;
}

void Findings::sort() {
  std::stable_sort(all_.begin(), all_.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.span.line, a.span.column) < std::tie(b.span.line, b.span.column);
  });
}

std::string Findings::text(const std::string& file, const std::string& source) const {
  std::vector<std::string> lines;
  std::istringstream in(source);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::string out;
  for (const auto& f : all_) {
    out += file + ":" + std::to_string(f.span.line) + ":" + std::to_string(f.span.column) + ": " +
           (f.severity == Severity::error ? "error " : "warning ") + f.code + " " + f.message + "\n";
    if (f.span.line >= 1 && static_cast<size_t>(f.span.line) <= lines.size()) {
      const auto& line = lines[static_cast<size_t>(f.span.line) - 1];
      out += "  " + line + "\n  ";
      const auto column = static_cast<size_t>(std::max(1, f.span.column)) - 1;
      // Tabs are kept so that the caret stands below its place, and UTF-8's continuation bytes take no place.
      for (size_t i = 0; i < column && i < line.size(); ++i)
        if ((static_cast<unsigned char>(line[i]) & 0xC0) != 0x80) out += line[i] == '\t' ? '\t' : ' ';
      const int width = f.span.end_line == f.span.line ? std::max(1, f.span.end_column - f.span.column) : 1;
      out += "^" + std::string(static_cast<size_t>(std::min(width, 100) - 1), '~') + "\n";
    }
    if (!f.hint.empty()) out += "  hint: " + f.hint + "\n";
  }
  return out;
}

Json Findings::json(const std::string& file) const {
  Json all = Json::array();
  for (const auto& f : all_)
    all.push_back({{"file", file},
                   {"line", f.span.line},
                   {"column", f.span.column},
                   {"end_line", f.span.end_line},
                   {"end_column", f.span.end_column},
                   {"severity", f.severity == Severity::error ? "error" : "warning"},
                   {"code", f.code},
                   {"message", f.message},
                   {"hint", f.hint}});
  return all;
}

}  // namespace tamis::base
