#include "tasks/transforms/timestamps.h"

#include <fmt/core.h>

#include <bit>
#include <cctype>
#include <cstring>

namespace tamis::transforms {
namespace {

using base::Instant;

constexpr int64_t first_second = -62167219200, last_second = 253402300799;  // years 0000 to 9999

std::optional<Instant> in_years(int64_t microseconds) {
  if (microseconds < first_second * 1000000 || microseconds >= (last_second + 1) * 1000000)
    return std::nullopt;
  return Instant(base::Duration(microseconds));
}

/// Days since 1970 of a valid date (Hinnant's formula).
int64_t days_of(unsigned year, unsigned month, unsigned day) {
  const int64_t y = static_cast<int64_t>(year) - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t of_era = y - era * 400;
  const int64_t of_year =
      (153 * (static_cast<int64_t>(month) + (month > 2 ? -3 : 9)) + 2) / 5 + static_cast<int64_t>(day) - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// Eight characters as a word, the first in the lowest byte.
uint64_t word_at(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

/// Eight characters, of which each '0' stands for a digit and others for themselves.
struct Pattern {
  uint64_t bytes = 0, room = 0;
  constexpr explicit Pattern(const char (&text)[9]) {
    for (int i = 0; i < 8; ++i) {
      bytes |= static_cast<uint64_t>(text[i]) << (8 * i);
      // What may be added without reaching the high bit: a digit's value is at most 9, a separator's is 0.
      room |= (text[i] == '0' ? uint64_t{0x76} : uint64_t{0x7F}) << (8 * i);
    }
  }
};

/// Digits as their values and separators as zeros; sets a high bit in `wrong` for every character that is
/// something else.
uint64_t digits_of(uint64_t word, const Pattern& pattern, uint64_t& wrong) {
  const uint64_t digits = word ^ pattern.bytes;
  wrong |= (((digits & 0x7F7F7F7F7F7F7F7F) + pattern.room) | digits) & 0x8080808080808080;
  return digits;
}

/// `2026-03-01T09:00:00Z` with up to six digits of a second: what nearly all records hold.  Empty for
/// anything else, which the general reader then decides.
std::optional<Instant> read_usual(std::string_view text) {
  if constexpr (std::endian::native == std::endian::big) return std::nullopt;
  const char* p = text.data();
  const size_t n = text.size();
  if (n < 20 || n > 27 || p[n - 1] != 'Z') return std::nullopt;
  uint64_t wrong = 0;
  static constexpr Pattern date_pattern("0000-00-"), day_pattern("00T00:00"), time_pattern("00:00:00"),
      milli_pattern(":00.000Z");
  // Each pair's value is in its first character's byte.
  const auto pairs = [](uint64_t digits) { return digits * 10 + (digits >> 8); };
  const auto byte = [](uint64_t word, int i) { return static_cast<unsigned>(word >> (8 * i)) & 0xFF; };
  const uint64_t date = pairs(digits_of(word_at(p), date_pattern, wrong));
  const uint64_t clock = pairs(digits_of(word_at(p + 8), day_pattern, wrong));
  unsigned second = 0;
  int64_t micro = 0;
  if (n == 24) {
    const uint64_t digits = digits_of(word_at(p + 16), milli_pattern, wrong);
    second = byte(digits, 1) * 10 + byte(digits, 2);
    micro = static_cast<int64_t>(byte(digits, 4) * 100 + byte(digits, 5) * 10 + byte(digits, 6)) * 1000;
  } else {
    second = byte(pairs(digits_of(word_at(p + 11), time_pattern, wrong)), 6);
    if (n > 20) {
      if (p[19] != '.' || n == 21) return std::nullopt;
      for (size_t i = 20; i < 26; ++i) {
        unsigned digit = 0;
        if (i < n - 1) {
          digit = static_cast<unsigned char>(p[i]) - '0';
          if (digit > 9) return std::nullopt;
        }
        micro = micro * 10 + digit;
      }
    }
  }
  const unsigned year = byte(date, 0) * 100 + byte(date, 2), month = byte(date, 5), day = byte(clock, 0),
                 hour = byte(clock, 3), minute = byte(clock, 6);
  if (wrong != 0 || month - 1 > 11 || day - 1 > 30 || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  // Days beyond 28 are looked at only when the month may lack them.
  if (day > 28 &&
      static_cast<int>(day) > base::days_in_month(static_cast<int>(year), static_cast<int>(month)))
    return std::nullopt;
  const int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
  return Instant(base::Duration(seconds * 1000000 + micro));
}

/// The parts of a date as a pattern's reading fills them.
struct Parts {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, microsecond = 0, offset = 0;
  int half = -1;  ///< 0: AM, 1: PM
  bool twelve = false;
};

constexpr std::string_view month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};

std::optional<Instant> to_instant(const Parts& parts) {
  if (parts.day > base::days_in_month(parts.year, parts.month)) return std::nullopt;
  int hour = parts.hour;
  if (parts.twelve) hour = hour % 12 + (parts.half == 1 ? 12 : 0);
  const int64_t seconds = days_of(static_cast<unsigned>(parts.year), static_cast<unsigned>(parts.month),
                                  static_cast<unsigned>(parts.day)) *
                              86400 +
                          hour * 3600 + parts.minute * 60 + parts.second - parts.offset * 60;
  return in_years(seconds * 1000000 + parts.microsecond);
}

/// Matches the items against the whole text.  Where a directive may take one digit or two, two are tried
/// first.
std::optional<Instant> match(std::string_view items, std::string_view text, Parts parts) {
  while (!items.empty()) {
    const char item = items[0];
    if (item == '%') {
      if (text.empty() || text[0] != items[1]) return std::nullopt;
      items.remove_prefix(2);
      text.remove_prefix(1);
      continue;
    }
    items.remove_prefix(1);
    const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
    const auto fixed = [&](size_t count) {
      int value = 0;
      for (size_t i = 0; i < count; ++i) value = value * 10 + (text[i] - '0');
      return value;
    };
    switch (item) {
      case 'Y':
        if (!digit(0) || !digit(1) || !digit(2) || !digit(3)) return std::nullopt;
        parts.year = fixed(4);
        text.remove_prefix(4);
        break;
      case 'y':
        if (!digit(0) || !digit(1)) return std::nullopt;
        parts.year = fixed(2);
        parts.year += parts.year >= 69 ? 1900 : 2000;
        text.remove_prefix(2);
        break;
      case 'b': {
        if (text.size() < 3) return std::nullopt;
        parts.month = 0;
        for (int m = 0; m < 12; ++m) {
          bool same = true;
          for (size_t i = 0; i < 3; ++i) same = same && (text[i] | 32) == month_names[m][i];
          if (same) parts.month = m + 1;
        }
        if (parts.month == 0) return std::nullopt;
        text.remove_prefix(3);
        break;
      }
      case 'p':
        if (text.size() < 2 || (text[1] | 32) != 'm' || ((text[0] | 32) != 'a' && (text[0] | 32) != 'p'))
          return std::nullopt;
        parts.half = (text[0] | 32) == 'p' ? 1 : 0;
        text.remove_prefix(2);
        break;
      case 'z': {
        if (!text.empty() && text[0] == 'Z') {
          parts.offset = 0;
          text.remove_prefix(1);
          break;
        }
        if (text.empty() || (text[0] != '+' && text[0] != '-') || !digit(1) || !digit(2)) return std::nullopt;
        const size_t minutes = text.size() > 3 && text[3] == ':' ? 4 : 3;
        if (!digit(minutes) || !digit(minutes + 1)) return std::nullopt;
        const int h = (text[1] - '0') * 10 + (text[2] - '0');
        const int m = (text[minutes] - '0') * 10 + (text[minutes + 1] - '0');
        if (h > 23 || m > 59) return std::nullopt;
        parts.offset = (h * 60 + m) * (text[0] == '-' ? -1 : 1);
        text.remove_prefix(minutes + 2);
        break;
      }
      case 'f': {
        size_t most = 0;
        while (most < 9 && digit(most)) ++most;
        for (size_t count = most; count >= 1; --count) {
          parts.microsecond = 0;
          for (size_t i = 0; i < 6; ++i)
            parts.microsecond = parts.microsecond * 10 + (i < count ? text[i] - '0' : 0);
          if (auto instant = match(items, text.substr(count), parts)) return instant;
        }
        return std::nullopt;
      }
      default: {
        const int least = item == 'm' || item == 'd' || item == 'I' ? 1 : 0;
        const int most = item == 'm' || item == 'I' ? 12 : item == 'd' ? 31 : item == 'H' ? 23 : 59;
        for (size_t count = 2; count >= 1; --count) {
          if (!digit(0) || (count == 2 && !digit(1))) continue;
          const int value = fixed(count);
          if (value < least || value > most) continue;
          if (item == 'm')
            parts.month = value;
          else if (item == 'd')
            parts.day = value;
          else if (item == 'M')
            parts.minute = value;
          else if (item == 'S')
            parts.second = value;
          else
            parts.hour = value;
          if (item == 'I') parts.twelve = true;
          if (auto instant = match(items, text.substr(count), parts)) return instant;
        }
        return std::nullopt;
      }
    }
  }
  if (!text.empty()) return std::nullopt;
  return to_instant(parts);
}

}  // namespace

std::optional<TimestampFormat> TimestampFormat::compile(std::string_view format, std::string& error) {
  TimestampFormat out;
  if (format == "rfc3339") return out;
  if (format == "epoch_s" || format == "epoch_ms") {
    out.kind_ = format == "epoch_s" ? Kind::epoch_s : Kind::epoch_ms;
    return out;
  }
  if (format.find('%') == std::string_view::npos) {
    error = fmt::format("there is no timestamp format \"{}\"", format);
    return std::nullopt;
  }
  out.kind_ = Kind::pattern;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out.items_ += {'%', format[i]};
      continue;
    }
    if (++i == format.size()) {
      error = "the pattern ends with a single \"%\"; write \"%%\" for a percent sign";
      return std::nullopt;
    }
    switch (format[i]) {
      case '%':
        out.items_ += "%%";
        break;
      case 'F':
        out.items_ += "Y%-m%-d";
        break;
      case 'T':
        out.items_ += "H%:M%:S";
        break;
      case 'Y':
      case 'y':
      case 'm':
      case 'b':
      case 'd':
      case 'H':
      case 'I':
      case 'p':
      case 'M':
      case 'S':
      case 'f':
      case 'z':
        out.items_ += format[i];
        break;
      default:
        error = fmt::format(
            "patterns don't know \"%{}\"; they know %Y %y %m %b %d %H %I %p %M %S %f %z %F %T %%", format[i]);
        return std::nullopt;
    }
  }
  std::string directives;
  for (size_t i = 0; i < out.items_.size(); ++i) {
    if (out.items_[i] == '%') {
      ++i;
      continue;
    }
    if (directives.find(out.items_[i]) != std::string::npos) {
      error = fmt::format("the pattern reads \"%{}\" twice", out.items_[i]);
      return std::nullopt;
    }
    directives += out.items_[i];
  }
  const auto has = [&](char c) { return directives.find(c) != std::string::npos; };
  const auto both = [&](char a, char b) {
    if (!has(a) || !has(b)) return false;
    error = fmt::format("the pattern has \"%{}\" and \"%{}\", which say the same", a, b);
    return true;
  };
  if (both('Y', 'y') || both('m', 'b') || both('H', 'I')) return std::nullopt;
  if ((!has('Y') && !has('y')) || (!has('m') && !has('b')) || !has('d')) {
    error = "the pattern needs a whole date: a year (%Y, %y), a month (%m, %b) and a day (%d), or %F";
    return std::nullopt;
  }
  if (has('I') && !has('p')) {
    error = "\"%I\" counts to twelve and needs \"%p\" beside it";
    return std::nullopt;
  }
  return out;
}

std::optional<Instant> TimestampFormat::read(std::string_view text) const {
  if (kind_ == Kind::pattern) return match(items_, text, Parts{});
  if (kind_ != Kind::rfc3339) {
    const auto number = parse_number(text);
    return number ? read(*number) : std::nullopt;
  }
  if (auto instant = read_usual(text)) return instant;
  return base::parse_rfc3339(text);
}

std::optional<Instant> TimestampFormat::read(const Number& number) const {
  const auto floored = floor_scaled(number, kind_ == Kind::epoch_ms ? 3 : 6);
  return floored ? in_years(floored->value) : std::nullopt;
}

}  // namespace tamis::transforms
