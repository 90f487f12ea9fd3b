#include "tasks/transforms/lookup_table.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::transforms {
namespace {

constexpr int64_t size_max = 64 << 20;

std::string read_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw base::UserError("the lookup file \"{}\" is not there", path);
  if (!S_ISREG(status.st_mode)) throw base::UserError("the lookup file \"{}\" is no file", path);
  if (status.st_size > size_max)
    throw base::UserError("the lookup file \"{}\" is larger than {} MiB", path, size_max >> 20);
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  if (in && status.st_size > 0) content << in.rdbuf();
  if (!in) throw base::UserError("the lookup file \"{}\" can't be read", path);
  return content.str();
}

bool is_utf8(std::string_view text) {
  const auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  size_t i = 0;
  while (i < text.size()) {
    const uint32_t b = byte(i), next = byte(i + 1);
    size_t more = 0;
    if (b < 0x80)
      more = 0;
    else if (b >= 0xC2 && b < 0xE0)
      more = 1;
    else if (b >= 0xE0 && b < 0xF0)
      more = 2;
    else if (b >= 0xF0 && b < 0xF5)
      more = 3;
    else
      return false;
    if ((b == 0xE0 && next < 0xA0) || (b == 0xED && next > 0x9F) || (b == 0xF0 && next < 0x90) ||
        (b == 0xF4 && next > 0x8F))
      return false;
    for (size_t k = 1; k <= more; ++k)
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

/// Reads one line after the other; cells in quotes may go over several.
class CsvLines {
 public:
  CsvLines(const std::string& path, std::string_view text) : path_(path), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }
  size_t line() const { return begin_line_; }

  /// The cells of the next line that isn't blank; false at the end.
  bool next(std::vector<std::string>& cells) {
    while (at_ < text_.size() && end_of_line()) {
    }
    if (at_ >= text_.size()) return false;
    begin_line_ = line_;
    cells.clear();
    while (true) {
      cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      if (at_ >= text_.size() || end_of_line()) return true;
      throw base::UserError("{}:{}: a wrong quote", path_, line_);
    }
  }

 private:
  bool end_of_line() {
    const size_t cr = text_[at_] == '\r' ? 1 : 0;
    if (at_ + cr < text_.size() && text_[at_ + cr] != '\n') return false;
    if (cr == 0 && text_[at_] != '\n') return false;
    at_ = std::min(text_.size(), at_ + cr + 1);
    ++line_;
    return true;
  }
  std::string plain() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '"') ++at_;
    size_t end = at_;
    if (end > begin && text_[end - 1] == '\r' && (at_ >= text_.size() || text_[at_] == '\n')) at_ = --end;
    return std::string(text_.substr(begin, end - begin));
  }
  std::string quoted() {
    std::string cell;
    const size_t begin_line = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') return ++at_, cell;
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      cell += text_[at_];
    }
    throw base::UserError("{}:{}: a quote that is never closed", path_, begin_line);
  }

  const std::string& path_;
  std::string_view text_;
  size_t at_ = 0, line_ = 1, begin_line_ = 1;
};

size_t index_of(const std::string& path, const std::vector<std::string>& header, const std::string& name) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end())
    throw base::UserError("{}:1: the header has no column \"{}\"{}", path, name,
                          base::did_you_mean(name, header));
  if (std::find(found + 1, header.end(), name) != header.end())
    throw base::UserError("{}:1: the header has the column \"{}\" twice", path, name);
  return static_cast<size_t>(found - header.begin());
}

}  // namespace

LookupTable::LookupTable(const std::string& path, const std::string& key,
                         const std::vector<std::string>& take)
    : width_(take.size()) {
  const std::string text = read_file(path);
  if (!is_utf8(text)) throw base::UserError("the lookup file \"{}\" is not UTF-8", path);
  // Cells are never longer than what they were read from, so the views stay where they are.
  bytes_.reserve(text.size());
  const auto keep = [&](const std::string& cell) {
    const size_t begin = bytes_.size();
    bytes_ += cell;
    return std::string_view(bytes_).substr(begin);
  };
  CsvLines lines(path, text);
  std::vector<std::string> header, cells;
  if (!lines.next(header)) throw base::UserError("the lookup file \"{}\" is empty: it needs a header", path);
  const size_t key_at = index_of(path, header, key);
  std::vector<size_t> take_at;
  for (const auto& name : take) take_at.push_back(index_of(path, header, name));
  std::unordered_map<std::string_view, size_t> line_of;
  while (lines.next(cells)) {
    if (cells.size() != header.size())
      throw base::UserError("{}:{}: {} cells where the header has {}", path, lines.line(), cells.size(),
                            header.size());
    // An empty cell is null, and null matches nothing.
    if (cells[key_at].empty()) continue;
    const std::string_view name = keep(cells[key_at]);
    if (!rows_.emplace(name, static_cast<uint32_t>(rows_.size())).second)
      throw base::UserError("{}:{}: the key \"{}\" is there twice, first in line {}", path, lines.line(),
                            name, line_of[name]);
    line_of[name] = lines.line();
    for (const size_t at : take_at) cells_.push_back(keep(cells[at]));
  }
}

}  // namespace tamis::transforms
