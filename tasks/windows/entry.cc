#include "tasks/windows/entry.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/base/hash.h"
#include "tasks/windows/bytes.h"
#include "tasks/windows/slice_order.h"

namespace tamis::windows {
namespace {

/// Cuts off what stands before `mark`.
std::string_view cut(std::string_view& text, char mark) {
  const size_t at = text.find(mark);
  if (at == text.npos) ByteReader::corrupt();
  const auto part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

int64_t number(std::string_view digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) ByteReader::corrupt();
  return value;
}

}  // namespace

void Coverage::add(std::string_view slice_name, int64_t span) {
  const SliceName name = parse_slice_name(slice_name);
  add(name.origin, name.start, name.start + span);
}

void Coverage::add(std::string_view origin, int64_t start, int64_t end) {
  auto& ranges = ranges_[std::string(origin)];
  auto at = ranges.upper_bound(start);
  if (at != ranges.begin() && std::prev(at)->second >= start) --at;
  while (at != ranges.end() && at->first <= end) {
    start = std::min(start, at->first);
    end = std::max(end, at->second);
    at = ranges.erase(at);
  }
  ranges[start] = end;
}

bool Coverage::holds(std::string_view slice_name, int64_t span) const {
  const SliceName name = parse_slice_name(slice_name);
  const auto origin = ranges_.find(name.origin);
  if (origin == ranges_.end()) return false;
  const auto at = origin->second.upper_bound(name.start);
  return at != origin->second.begin() && std::prev(at)->second >= name.start + span;
}

std::string Coverage::text() const {
  std::string out;
  for (const auto& [origin, ranges] : ranges_) {
    if (!out.empty()) out += ';';
    out += origin + ":";
    bool is_first = true;
    for (const auto& [start, end] : ranges) {
      out += fmt::format("{}{}+{}", is_first ? "" : ",", start, end - start);
      is_first = false;
    }
  }
  return out;
}

Coverage Coverage::parse(std::string_view text) {
  Coverage coverage;
  while (!text.empty()) {
    auto part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const auto origin = cut(part, ':');
    while (!part.empty()) {
      auto range = part.substr(0, part.find(','));
      part.remove_prefix(std::min(range.size() + 1, part.size()));
      const int64_t start = number(cut(range, '+'));
      int64_t end = 0;
      if (__builtin_add_overflow(start, number(range), &end)) ByteReader::corrupt();
      coverage.add(origin, start, end);
    }
  }
  return coverage;
}

std::string run_mark(const std::string& run_id) {
  return fmt::format("{:016x}", base::hash64(run_id));
}

std::string slice_entry(const records::Slice& slice, const std::string& run_id, std::string_view bytes) {
  const bool is_immutable = slice.position.contains("topic");
  std::string out = fmt::format("s {} {} {}\n", slice.span(), is_immutable ? 'k' : 'f', run_mark(run_id));
  out += bytes;
  return out;
}

std::string compacted_entry(int64_t span, const Coverage& coverage, std::string_view bytes) {
  std::string out = fmt::format("c {} {}\n", span, coverage.text());
  out += bytes;
  return out;
}

Entry parse_entry(std::string_view text) {
  Entry entry;
  auto line = cut(text, '\n');
  entry.bytes = text;
  const auto kind = cut(line, ' ');
  entry.span = number(cut(line, ' '));
  if (kind == "c") {
    entry.is_compacted = true;
    entry.coverage = line;
    return entry;
  }
  if (kind != "s") ByteReader::corrupt();
  const auto nature = cut(line, ' ');
  if (nature != "k" && nature != "f") ByteReader::corrupt();
  entry.is_immutable = nature == "k";
  entry.run = line;
  return entry;
}

}  // namespace tamis::windows
