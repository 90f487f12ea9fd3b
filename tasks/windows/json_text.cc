#include "tasks/windows/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tamis::windows {
namespace {

const base::Instant first_instant = base::from_civil(0, 1, 1);
const base::Instant last_instant = base::from_civil(9999, 12, 31, 23, 59, 59, 999999);

}  // namespace

void append_long(std::string& out, int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

bool append_double(std::string& out, double value) {
  if (!std::isfinite(value)) return false;
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value + 0.0).ptr;
  out.append(digits, end);
  if (std::find_if(digits, end, [](char c) { return c == '.' || c == 'e'; }) == end) out += ".0";
  return true;
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  size_t written = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, written, i - written);
    written = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += "0123456789abcdef"[c >> 4];
        out += "0123456789abcdef"[c & 15];
    }
  }
  out.append(text, written);
  out += '"';
}

bool append_timestamp(std::string& out, base::Instant instant) {
  if (instant < first_instant || instant > last_instant) return false;
  char digits[32];
  out += '"';
  out.append(digits, base::format_rfc3339(instant, digits));
  out += '"';
  return true;
}

void append_bound(std::string& out, base::Instant instant) {
  append_timestamp(out, std::clamp(instant, first_instant, last_instant));
}

std::string member_name(std::string_view name) {
  std::string out = ",";
  append_text(out, name);
  return out + ":";
}

}  // namespace tamis::windows
