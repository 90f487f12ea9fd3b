#include "tasks/transforms/json_text.h"

#include <cstdint>
#include <cstring>

namespace tamis::transforms {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

/// The four hex digits at `at`, or -1.
int hex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high(int unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_low(int unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

char* put_utf8(uint32_t code, char* out) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xC0 | (code >> 6));
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xE0 | (code >> 12));
    *out++ = static_cast<char>(0x80 | ((code >> 6) & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else {
    *out++ = static_cast<char>(0xF0 | (code >> 18));
    *out++ = static_cast<char>(0x80 | ((code >> 12) & 63));
    *out++ = static_cast<char>(0x80 | ((code >> 6) & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  }
  return out;
}

}  // namespace

bool valid_escapes(std::string_view raw) {
  for (size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at)) {
    if (at + 1 >= raw.size()) return false;
    switch (raw[at + 1]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        at += 2;
        break;
      case 'u': {
        const int unit = hex4(raw, at + 2);
        if (unit < 0 || is_low(unit)) return false;
        at += 6;
        if (!is_high(unit)) break;
        if (at + 1 >= raw.size() || raw[at] != '\\' || raw[at + 1] != 'u' || !is_low(hex4(raw, at + 2)))
          return false;
        at += 6;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

size_t unescape(std::string_view raw, char* out) {
  char* const begin = out;
  size_t from = 0;
  for (size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', from)) {
    std::memcpy(out, raw.data() + from, at - from);
    out += at - from;
    from = at + 2;
    switch (raw[at + 1]) {
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u': {
        auto code = static_cast<uint32_t>(hex4(raw, at + 2));
        from = at + 6;
        if (is_high(static_cast<int>(code))) {
          code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<uint32_t>(hex4(raw, at + 8)) - 0xDC00);
          from = at + 12;
        }
        out = put_utf8(code, out);
        break;
      }
      default:
        *out++ = raw[at + 1];
    }
  }
  std::memcpy(out, raw.data() + from, raw.size() - from);
  return static_cast<size_t>(out - begin) + raw.size() - from;
}

void append_quoted(std::string_view text, std::string& out) {
  static constexpr char digit[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += digit[byte >> 4];
      out += digit[byte & 15];
    }
  }
  out += '"';
}

}  // namespace tamis::transforms
