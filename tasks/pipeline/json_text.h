// Values as JSON, written straight to memory that is large enough.  Called by the document builders, for
// every value of every record: no allocation, no locale.
#pragma once
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/short_bytes.h"
#include "core/base/time.h"

namespace tamis::pipeline {

/// The most bytes that write_text needs for a text, and the others for any value.
inline constexpr size_t text_bound(size_t size) {
  return 6 * size + 10;
}
inline constexpr size_t number_bound = 32;

inline char* write_raw(char* to, std::string_view bytes) {
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

/// One byte as it stands in a JSON string.
inline char* write_escaped(char* to, unsigned char c) {
  static constexpr char hex[] = "0123456789abcdef";
  const auto two = [&](char letter) {
    *to++ = '\\';
    *to++ = letter;
    return to;
  };
  switch (c) {
    case '"':
      return two('"');
    case '\\':
      return two('\\');
    case '\n':
      return two('n');
    case '\r':
      return two('r');
    case '\t':
      return two('t');
    case '\b':
      return two('b');
    case '\f':
      return two('f');
    default:
      break;
  }
  if (c >= 0x20) {
    *to++ = static_cast<char>(c);
    return to;
  }
  to = write_raw(to, "\\u00");
  *to++ = hex[c >> 4];
  *to++ = hex[c & 15];
  return to;
}

/// High bits for the bytes of a word that need an escape; the first is right, later ones may be too many.
inline uint64_t find_escapes(uint64_t word) {
  constexpr uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  const uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
  // A byte below 0x20, a quote or a backslash sets its high bit here; bytes from 0x80 on do not.
  return ((word - ones * 0x20) | (quote - ones) | (backslash - ones)) & ~word & highs;
}

/// A UTF-8 text in quotes.  Eight bytes at a time as long as none of them needs an escape.
inline char* write_text(char* to, std::string_view text) {
  *to++ = '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  while (end - at >= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    if (find_escapes(word) == 0) {
      std::memcpy(to, &word, 8);
      to += 8;
      at += 8;
      continue;
    }
    for (int i = 0; i < 8; ++i) to = write_escaped(to, static_cast<unsigned char>(*at++));
  }
  if (const auto left = static_cast<size_t>(end - at); left > 0) {
    // Spaces stand for what is beyond the text: they need no escape.
    char word_bytes[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    base::copy_short(word_bytes, at, left);
    uint64_t word;
    std::memcpy(&word, word_bytes, 8);
    if (find_escapes(word) == 0) {
      std::memcpy(to, &word, 8);
      to += left;
    } else {
      while (at < end) to = write_escaped(to, static_cast<unsigned char>(*at++));
    }
  }
  *to++ = '"';
  return to;
}

inline char* write_long(char* to, int64_t value) {
  return std::to_chars(to, to + number_bound, value).ptr;
}
/// The shortest text that reads back as the same number, as std::to_chars writes it.
inline char* write_double(char* to, double value) {
  // Measurements have few decimals.  A decimal of at most 15 digits whose nearest double is the value is the
  // shortest, because no two of them have the same nearest double; between these bounds to_chars uses no
  // exponent.
  const double magnitude = std::fabs(value);
  if (!(magnitude >= 0.001 && magnitude < 100000)) return std::to_chars(to, to + number_bound, value).ptr;
  const auto scaled = static_cast<uint32_t>(magnitude * 10000 + 0.5);
  if (static_cast<double>(scaled) / 10000 != magnitude)
    return std::to_chars(to, to + number_bound, value).ptr;
  *to = '-';
  to += value < 0;
  const uint32_t whole = scaled / 10000, fraction = scaled % 10000;
  to = std::to_chars(to, to + number_bound, whole).ptr;
  if (fraction == 0) return to;
  to[0] = '.';
  to[1] = static_cast<char>('0' + fraction / 1000);
  to[2] = static_cast<char>('0' + fraction / 100 % 10);
  to[3] = static_cast<char>('0' + fraction / 10 % 10);
  to[4] = static_cast<char>('0' + fraction % 10);
  to += 5;
  while (to[-1] == '0') --to;
  return to;
}

inline char* write_time(char* to, base::Instant time) {
  *to++ = '"';
  to += base::format_rfc3339(time, to);
  *to++ = '"';
  return to;
}

/// Whether `bytes` are UTF-8 as RFC 3629 has it.
bool is_utf8(std::string_view bytes);
/// The same text when it is UTF-8; else each wrong byte becomes U+FFFD.
std::string as_utf8(std::string_view bytes);
/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace tamis::pipeline
