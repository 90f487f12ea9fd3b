#include "core/base/time.h"

#include <charconv>
#include <cstdio>

#include <fmt/format.h>

namespace tamis::base {
namespace {

using std::chrono::days;

/// Reads exactly `count` digits at `at`.
bool digits(std::string_view text, size_t at, size_t count, int& value) {
  if (at + count > text.size()) return false;
  value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  return true;
}

/// Reads `.ddd…` at `at` as microseconds, cutting off what is finer; moves `at` past it.
bool fraction(std::string_view text, size_t& at, int& microsecond) {
  microsecond = 0;
  if (at >= text.size() || text[at] != '.') return true;
  size_t count = 0;
  int scale = 100000;
  for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
    microsecond += (text[at] - '0') * scale;
    scale /= 10;
  }
  return count > 0;
}

void two(char* out, int value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

Instant now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

int days_in_month(int year, int month) {
  static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : lengths[month - 1];
}

Instant from_civil(int year, int month, int day, int hour, int minute, int second, int microsecond) {
  const std::chrono::sys_days date =
      std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                  std::chrono::day(static_cast<unsigned>(day)));
  return Instant(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + Duration(microsecond);
}

CivilTime civil(Instant instant) {
  const auto date = std::chrono::floor<days>(instant);
  const std::chrono::year_month_day ymd(date);
  const auto rest = (instant - date).count();
  CivilTime c{};
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.microsecond = static_cast<int>(rest % 1000000);
  const int seconds = static_cast<int>(rest / 1000000);
  c.hour = seconds / 3600;
  c.minute = seconds / 60 % 60;
  c.second = seconds % 60;
  const auto january = [](int year) { return std::chrono::sys_days(std::chrono::year(year) / 1 / 1); };
  c.day_of_year = static_cast<int>((date - january(c.year)).count()) + 1;
  // The ISO week belongs to the year that holds its Thursday.
  const auto weekday = std::chrono::weekday(date).iso_encoding();
  const auto thursday = date + days(4 - static_cast<int>(weekday));
  c.iso_year = static_cast<int>(std::chrono::year_month_day(thursday).year());
  c.iso_week = static_cast<int>((thursday - january(c.iso_year)).count()) / 7 + 1;
  return c;
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, microsecond = 0;
  if (text.size() < 20 || !digits(text, 0, 4, year) || text[4] != '-' || !digits(text, 5, 2, month) ||
      text[7] != '-' || !digits(text, 8, 2, day) || (text[10] != 'T' && text[10] != 't') ||
      !digits(text, 11, 2, hour) || text[13] != ':' || !digits(text, 14, 2, minute) || text[16] != ':' ||
      !digits(text, 17, 2, second))
    return std::nullopt;
  size_t at = 19;
  if (!fraction(text, at, microsecond) || at >= text.size()) return std::nullopt;
  int offset = 0;
  if (text[at] == 'Z' || text[at] == 'z') {
    if (at + 1 != text.size()) return std::nullopt;
  } else if (text[at] == '+' || text[at] == '-') {
    int hours = 0, minutes = 0;
    if (at + 6 != text.size() || !digits(text, at + 1, 2, hours) || text[at + 3] != ':' ||
        !digits(text, at + 4, 2, minutes) || hours > 23 || minutes > 59)
      return std::nullopt;
    offset = (hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
  } else {
    return std::nullopt;
  }
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
      second > 60)
    return std::nullopt;
  const Instant instant =
      from_civil(year, month, day, hour, minute, second, microsecond) - std::chrono::minutes(offset);
  // A leap second is inserted at the end of a day in UTC, wherever the clock that wrote it stood.
  if (second == 60 && ((instant - Duration(microsecond)).time_since_epoch().count() / 1000000) % 86400 != 0)
    return std::nullopt;
  static const Instant first = from_civil(0, 1, 1), last = from_civil(9999, 12, 31, 23, 59, 59, 999999);
  if (instant < first || instant > last) return std::nullopt;
  return instant;
}

std::optional<Instant> parse_instant(std::string_view text) {
  if (auto instant = parse_rfc3339(text)) return instant;
  std::string padded(text);
  if (text.size() == 10) padded += "T00:00:00";
  if (padded.size() > 10 && padded[10] == ' ') padded[10] = 'T';
  if (padded.size() == 16) padded += ":00";
  if (auto instant = parse_rfc3339(padded)) return instant;
  return parse_rfc3339(padded + "Z");
}

size_t format_rfc3339(Instant instant, char* out) {
  const CivilTime c = civil(instant);
  two(out, c.year / 100);
  two(out + 2, c.year % 100);
  out[4] = '-';
  two(out + 5, c.month);
  out[7] = '-';
  two(out + 8, c.day);
  out[10] = 'T';
  two(out + 11, c.hour);
  out[13] = ':';
  two(out + 14, c.minute);
  out[16] = ':';
  two(out + 17, c.second);
  out[19] = '.';
  const int milli = c.microsecond / 1000, micro = c.microsecond % 1000;
  out[20] = static_cast<char>('0' + milli / 100);
  two(out + 21, milli % 100);
  size_t end = 23;
  if (micro != 0) {
    out[23] = static_cast<char>('0' + micro / 100);
    two(out + 24, micro % 100);
    end = 26;
  }
  out[end] = 'Z';
  return end + 1;
}

std::string format_rfc3339(Instant instant) {
  char buffer[32];
  return std::string(buffer, format_rfc3339(instant, buffer));
}

std::string format_isoformat(Instant instant) {
  const CivilTime c = civil(instant);
  auto text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
  if (c.microsecond != 0) text += fmt::format(".{:06}", c.microsecond);
  return text + "+00:00";
}

std::optional<Duration> parse_duration(std::string_view text) {
  const bool iso = text.size() > 1 && (text[0] == 'P' || text[0] == 'p');
  double total = 0;
  bool in_time = !iso, any = false;
  size_t at = iso ? 1 : 0;
  while (at < text.size()) {
    if (iso && (text[at] == 'T' || text[at] == 't')) {
      if (in_time) return std::nullopt;
      in_time = true;
      ++at;
      continue;
    }
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return std::nullopt;
    at = static_cast<size_t>(end - text.data());
    std::string_view unit = text.substr(at);
    size_t length = 0;
    while (length < unit.size() && ((unit[length] | 32) >= 'a' && (unit[length] | 32) <= 'z') &&
           (!iso || length == 0))
      ++length;
    unit = unit.substr(0, length);
    at += length;
    double seconds = 0;
    const char letter = unit.empty() ? '\0' : static_cast<char>(unit[0] | 32);
    if (unit.empty() && !iso && !any && at == text.size())
      seconds = 1;
    else if (unit == "ms")
      seconds = 0.001;
    else if (unit == "us")
      seconds = 0.000001;
    else if (unit.size() == 1 && letter == 's' && in_time)
      seconds = 1;
    else if (unit.size() == 1 && letter == 'm' && in_time)
      seconds = 60;
    else if (unit.size() == 1 && letter == 'h' && in_time)
      seconds = 3600;
    else if (unit.size() == 1 && letter == 'd' && (!iso || !in_time))
      seconds = 86400;
    else if (unit.size() == 1 && letter == 'w' && (!iso || !in_time))
      seconds = 604800;
    else
      return std::nullopt;
    total += number * seconds;
    any = true;
  }
  // A thousand years: more is a mistake, and would overflow what dates can hold.
  if (!any || !(total <= 31556952000.0)) return std::nullopt;
  return Duration(static_cast<int64_t>(total * 1e6 + 0.5));
}

std::string format_duration(Duration duration) {
  const int64_t us = duration.count();
  if (us % 1000 != 0) return fmt::format("{}us", us);
  if (us % 1000000 != 0) return fmt::format("{}ms", us / 1000);
  const int64_t s = us / 1000000;
  if (s == 0 || s % 60 != 0) return fmt::format("{}s", s);
  if (s % 3600 != 0) return fmt::format("{}m", s / 60);
  if (s % 86400 != 0) return fmt::format("{}h", s / 3600);
  return fmt::format("{}d", s / 86400);
}

}  // namespace tamis::base
