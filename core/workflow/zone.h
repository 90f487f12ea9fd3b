// A time zone by its IANA name, from the system's tzdata.  The home of howardhinnant's date; called by
// timetables and the check of DAG files.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/workflow/cron.h"

namespace tamis::workflow {

class Zone {
 public:
  /// Throws UserError when there is no such zone.
  explicit Zone(const std::string& name);

  struct Period {
    base::Instant begin, end;  ///< the offset holds in [begin, end)
    base::Duration offset{};
  };
  Period at(base::Instant instant) const;
  WallTime wall(base::Instant instant) const { return instant + at(instant).offset; }

  /// The instant of a wall time: one that is skipped is moved by the length of the gap (02:30 is 03:30), of
  /// one that comes twice it is the second.
  base::Instant instant(WallTime wall) const;

  /// When the clock changes in [from, to).
  std::vector<base::Instant> changes(base::Instant from, base::Instant to) const;
  bool is_fixed() const { return zone_ == nullptr; }

 private:
  const void* zone_ = nullptr;  ///< null: UTC
};

/// A cron's ticks as instants: in every hour → elapsed time, else the wall clock; never twice the same
/// instant.
std::optional<base::Instant> next_tick(const Cron& cron, const Zone& zone, base::Instant after);
std::optional<base::Instant> previous_tick(const Cron& cron, const Zone& zone, base::Instant before);

}  // namespace tamis::workflow
