// Cron expressions: five fields, or six with seconds last, as croniter reads them.  Works on wall-clock
// times; time zones are the timetable's business.
#pragma once
#include <array>
#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace tamis::workflow {

/// A time on a wall clock, counted as if it were UTC.
using WallTime = base::Instant;

class Cron {
 public:
  /// Reads `*`, lists, ranges, steps, names (`mon`, `jan`), 7 for Sunday, `L` for a month's last day, and
  /// presets (`@daily`). Throws UserError with the field and what is wrong with it.
  static Cron parse(std::string_view text);

  /// The first tick after `after`, or none within 12 years.
  std::optional<WallTime> next(WallTime after) const;
  /// The last tick before `before`, or none within 12 years.
  std::optional<WallTime> previous(WallTime before) const;
  /// Whether it ticks in every hour of a day: then it follows elapsed time over a change of the clock, else
  /// the wall clock.
  bool covers_every_hour() const { return hours_.all(); }

 private:
  bool has_day(std::chrono::sys_days day) const;

  std::bitset<60> seconds_, minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     ///< 1 … 31
  std::bitset<13> months_;   ///< 1 … 12
  std::bitset<7> weekdays_;  ///< 0: Sunday
  bool last_day_ = false, any_day_ = false, any_weekday_ = false;
};

/// The cron expression of `@hourly`, `@daily`, …, or empty when it is none of these.
std::string_view preset_cron(std::string_view text);

}  // namespace tamis::workflow
