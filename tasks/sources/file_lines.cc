#include "tasks/sources/file_lines.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"

namespace tamis::sources {
namespace {

constexpr size_t block_bytes = 1 << 20;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_space);
}

}  // namespace

FileWindow::FileWindow(const std::string& path, int64_t offset, std::optional<int64_t> limit)
    : stream_(path, offset),
      left_(limit ? std::max<int64_t>(0, *limit - offset) : INT64_MAX),
      block_(std::make_shared<FileBlock>(block_bytes)),
      offset_(offset) {}

bool FileWindow::more() {
  if (filled_ == block_->size) {
    // Records that were handed over point into the block, so what is left goes into a new one.
    const std::string_view rest = text();
    auto next = std::make_shared<FileBlock>(std::max(block_bytes, rest.size() * 2));
    std::memcpy(next->text.get(), rest.data(), rest.size());
    filled_ = rest.size();
    mark_ = 0;
    block_ = std::move(next);
  }
  const auto room =
      static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(block_->size - filled_), left_));
  const size_t n = room == 0 ? 0 : stream_.read(block_->text.get() + filled_, room);
  filled_ += n;
  left_ -= static_cast<int64_t>(n);
  return n > 0;
}

LineCutter::LineCutter(const std::string& path, int64_t offset, int64_t end, std::optional<int64_t> limit,
                       int64_t lines_before)
    : window_(path, std::max<int64_t>(0, offset - 1), limit), end_(end), line_(lines_before + 1) {
  if (offset > 0) {
    // A line begins at the offset only when the byte before it ends one.
    if (!window_.more()) return;
    const bool at_beginning = window_.text()[0] == '\n';
    window_.skip(1);
    if (!at_beginning) skip_line();
  }
}

bool LineCutter::skip_line() {
  while (true) {
    const std::string_view text = window_.text();
    const size_t end = text.find('\n');
    if (end != std::string_view::npos) {
      window_.skip(end + 1);
      ++line_;
      return true;
    }
    window_.skip(text.size());
    if (!window_.more()) return false;
  }
}

bool LineCutter::next(FileRecord& record) {
  while (window_.offset() < end_) {
    size_t searched = 0, end = std::string_view::npos;
    bool is_long = false;
    while (true) {
      const std::string_view text = window_.text();
      end = text.find('\n', searched);
      if (end != std::string_view::npos) break;
      searched = text.size();
      is_long = text.size() > longest_record + byte_order_mark.size();
      if (is_long || !window_.more()) break;
    }
    std::string_view text = window_.text().substr(0, end);
    if (text.empty() && end == std::string_view::npos) return false;
    record.offset = window_.offset();
    record.line = line_;
    if (record.offset == 0 && text.starts_with(byte_order_mark)) {
      text.remove_prefix(byte_order_mark.size());
      record.offset += static_cast<int64_t>(byte_order_mark.size());
    }
    if (is_long) {
      record.text = text.substr(0, longest_record);
      // The block stays with the batch; the rest of the line is read into others and forgotten.
      held_ = window_.block();
      skip_line();
      return true;
    }
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    record.text = text.substr(0, longest_record);
    held_ = window_.block();
    if (end == std::string_view::npos) {
      window_.skip(window_.text().size());
    } else {
      window_.skip(end + 1);
      ++line_;
    }
    if (!is_blank(text)) return true;
  }
  return false;
}

ArrayCutter::ArrayCutter(const std::string& path) : path_(path), window_(path, 0, std::nullopt) {
  while (window_.text().size() < byte_order_mark.size() && window_.more()) {
  }
  if (window_.text().starts_with(byte_order_mark)) window_.skip(byte_order_mark.size());
}

void ArrayCutter::fail(const std::string& why) const {
  throw base::UserError("the file \"{}\" is neither one JSON array nor one object: {} (line {}, byte {})",
                        path_, why, line_, window_.offset());
}

int ArrayCutter::peek() {
  while (true) {
    const std::string_view text = window_.text();
    size_t at = 0;
    for (; at < text.size() && is_space(text[at]); ++at)
      if (text[at] == '\n') ++line_;
    window_.skip(at);
    if (at < text.size()) return static_cast<unsigned char>(text[at]);
    if (!window_.more()) return -1;
  }
}

void ArrayCutter::element(FileRecord& record) {
  record.offset = window_.offset();
  record.line = line_;
  std::string brackets;  // those that are open
  bool in_string = false;
  size_t at = 0;
  const auto keep = [&] {
    if (held_ == nullptr) {
      held_ = window_.block();
      record.text = window_.text().substr(0, std::min(at, longest_record));
    }
  };
  held_ = nullptr;
  while (true) {
    if (at == window_.text().size()) {
      if (at > longest_record) {
        keep();
        window_.skip(at);
        at = 0;
      }
      if (!window_.more()) {
        if (in_string || !brackets.empty() || at_ == At::following) fail("it ends too early");
        break;
      }
    }
    const char c = window_.text()[at];
    if (c == '\n') ++line_;
    if (in_string) {
      if (c == '\\') {
        // What is escaped may be a quote; it is looked at by whoever reads the record.
        if (at + 1 == window_.text().size() && !window_.more()) fail("it ends too early");
        ++at;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      brackets += c;
      if (brackets.size() > (8 << 20)) fail("it is nested too deep");
    } else if (c == '}' || c == ']') {
      if (brackets.empty()) break;
      if (brackets.back() != (c == '}' ? '{' : '[')) fail("brackets don't match");
      brackets.pop_back();
      if (brackets.empty() && at_ == At::beginning) {
        ++at;
        break;
      }
    } else if (c == ',' && brackets.empty()) {
      break;
    }
    ++at;
  }
  keep();
  window_.skip(at);
  while (!record.text.empty() && is_space(record.text.back())) record.text.remove_suffix(1);
}

bool ArrayCutter::next(FileRecord& record) {
  if (at_ == At::finished) return false;
  int c = peek();
  if (at_ == At::beginning) {
    if (c == '{') {
      element(record);
      if (peek() != -1) fail("something follows the object");
      at_ = At::finished;
      return true;
    }
    if (c != '[') fail(c == -1 ? "it is empty" : "it begins with something else");
    window_.skip(1);
    at_ = At::first;
    c = peek();
    if (c == ']') {
      window_.skip(1);
      if (peek() != -1) fail("something follows the array");
      at_ = At::finished;
      return false;
    }
  }
  if (c == -1) fail("it ends too early");
  if (c == ',' || c == ']') fail("a record is missing");
  at_ = At::following;
  element(record);
  c = peek();
  if (c != ',' && c != ']') fail(c == -1 ? "it ends too early" : "brackets don't match");
  window_.skip(1);
  if (c == ']') {
    if (peek() != -1) fail("something follows the array");
    at_ = At::finished;
  }
  return true;
}

LinesBefore lines_before(const std::string& path, int64_t start, int64_t lines, int64_t count) {
  constexpr int64_t chunk = 256 << 10;
  std::string text;
  // The line that goes over the start begins before it; whether it is blank is seen behind the start too.
  bool blank = true;
  if (start > 0) {
    base::FileStream stream(path, start - 1);
    text.resize(static_cast<size_t>(chunk));
    text.resize(stream.read(text.data(), text.size()));
    if (!text.starts_with('\n')) blank = is_blank(std::string_view(text).substr(0, text.find('\n')));
  }
  LinesBefore found{start, lines};
  int64_t at_line = lines;
  for (int64_t end = start; end > 0 && count > 0;) {
    const int64_t begin = std::max<int64_t>(0, end - chunk);
    text.resize(static_cast<size_t>(end - begin));
    base::FileStream stream(path, begin);
    text.resize(stream.read(text.data(), text.size()));
    for (size_t i = text.size(); i > 0 && count > 0; --i) {
      const char c = text[i - 1];
      if (c != '\n') {
        blank = blank && is_space(c);
        continue;
      }
      if (!blank) {
        --count;
        found = {begin + static_cast<int64_t>(i), at_line};
      }
      blank = true;
      --at_line;
    }
    end = begin;
    if (end == 0 && count > 0 && !blank) found = {0, 0};
  }
  return found;
}

}  // namespace tamis::sources
