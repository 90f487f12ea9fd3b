// When a DAG's runs are due and which data they are about, as Airflow 2.10 has it.  A plain value without a
// clock: callers say what time it is.  Used by the scheduler, by `tamis dags` and by the check of DAG files.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/workflow/dag.h"

namespace tamis::workflow {

struct NextRun {
  base::Interval interval;
  base::Instant logical_date{};
  base::Instant run_after{};  ///< not created before
};

class Timetable {
 public:
  /// Throws UserError when the schedule or the zone can't be understood.
  Timetable(const Schedule& schedule, const std::string& zone_name, bool trigger, Catchup catchup,
            std::optional<base::Instant> start_date, std::optional<base::Instant> end_date);
  explicit Timetable(const Dag& dag);
  ~Timetable();
  Timetable(Timetable&&) noexcept;
  Timetable& operator=(Timetable&&) noexcept;

  /// The run after the one of interval `last` (of the last scheduled or backfill run); none: there will be no
  /// more, or none without a trigger.
  std::optional<NextRun> next(std::optional<base::Interval> last, base::Instant now) const;
  /// The next `count` runs, as if each were made in its time.
  std::vector<NextRun> upcoming(std::optional<base::Interval> last, base::Instant now, size_t count) const;
  /// The data interval of a run that somebody triggers.
  base::Interval manual_interval(base::Instant at) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads `schedule:` as written: `@once`, `@continuous`, presets, cron, durations.  Throws UserError.
Schedule parse_schedule(std::string_view text);

/// `scheduled__2024-01-01T00:00:00+00:00`.
std::string make_run_id(std::string_view run_type, base::Instant logical_date);
/// The type that a run's id says it has, `manual` when it says none.
std::string infer_run_type(std::string_view run_id);

}  // namespace tamis::workflow
