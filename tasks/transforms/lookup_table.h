// A CSV file that records are enriched from, in memory.  Read when a DAG is loaded and again by the worker;
// called by lookup.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tamis::transforms {

class LookupTable {
 public:
  /// Reads `path`: RFC 4180 with a header that holds `key` and every name of `take`.  Throws UserError, with
  /// the line of the file where one is to blame: no such file, larger than 64 MiB, no such column, a key
  /// twice, a wrong quote, another number of cells than the header, not UTF-8.
  LookupTable(const std::string& path, const std::string& key, const std::vector<std::string>& take);

  LookupTable(const LookupTable&) = delete;
  LookupTable& operator=(const LookupTable&) = delete;

  static constexpr uint32_t none = UINT32_MAX;
  /// The row with this key, or `none`.
  uint32_t find(std::string_view key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? none : found->second;
  }
  /// The cell of a row and the i-th of `take`; empty means null.
  std::string_view cell(uint32_t row, size_t i) const { return cells_[row * width_ + i]; }

 private:
  std::string bytes_;  // of all cells
  std::vector<std::string_view> cells_;
  std::unordered_map<std::string_view, uint32_t> rows_;
  size_t width_ = 0;
};

}  // namespace tamis::transforms
