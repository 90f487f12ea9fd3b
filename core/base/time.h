// Instants, durations and intervals, and how they are read and written.  Everything is UTC and in
// microseconds; time zones exist only in core/workflow's timetables.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tamis::base {

using Duration = std::chrono::microseconds;
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

/// `[begin, end)` of the data, not of the clock on the wall.
struct Interval {
  Instant begin;
  Instant end;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Where a program takes "now" from; tests give a fixed one.  Nothing on the record path may have one.
using Clock = std::function<Instant()>;
Instant now();

/// Reads an RFC 3339 date-time with an offset (`T` and `Z` in either case; finer than a microsecond is cut
/// off; `23:59:60` in UTC is the second after, any other `:60` is bad; years 0000 to 9999 in UTC).  Empty
/// when it is not one.
std::optional<Instant> parse_rfc3339(std::string_view text);

/// Reads what people write in DAG files and on the command line: RFC 3339, the same without offset (UTC), or
/// a date alone.
std::optional<Instant> parse_instant(std::string_view text);

/// `2026-03-01T09:00:00.000Z`: three digits, or six when there are microseconds.
std::string format_rfc3339(Instant instant);
/// Writes the same to `out`, which must have room for 27 bytes; returns how many were written.  Allocates
/// nothing.
size_t format_rfc3339(Instant instant, char* out);

/// `2026-03-01T09:00:00+00:00` with six digits when there are microseconds: Airflow's and Python's isoformat.
std::string format_isoformat(Instant instant);

/// Reads `90s 5m 2h 1d 500ms`, ISO-8601 (`PT5M`, `P1DT2H`), or plain seconds.  Empty when it is none of these
/// or negative.
std::optional<Duration> parse_duration(std::string_view text);
/// The shortest exact form: `90s`, `5m`, `1h`, `500ms`.
std::string format_duration(Duration duration);

/// Year, month, … of an instant in UTC; `iso_year` and `iso_week` are those of `%G` and `%V`.
struct CivilTime {
  int year, month, day, hour, minute, second, microsecond, day_of_year, iso_year, iso_week;
};
CivilTime civil(Instant instant);
/// The instant of these parts, which must be valid ones (proleptic Gregorian calendar).
Instant from_civil(int year, int month, int day, int hour = 0, int minute = 0, int second = 0,
                   int microsecond = 0);
int days_in_month(int year, int month);

}  // namespace tamis::base
