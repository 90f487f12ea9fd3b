#include "core/workflow/timetable.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/workflow/cron.h"
#include "core/workflow/zone.h"

namespace tamis::workflow {

using base::Duration;
using base::Instant;
using base::Interval;

struct Timetable::State {
  Schedule schedule;
  Zone zone;
  std::optional<Cron> cron;
  bool trigger;
  Catchup catchup;
  std::optional<Instant> start, end;

  Instant floor_to_epoch(Instant t) const {
    auto rest = t.time_since_epoch() % schedule.every;
    if (rest < Duration::zero()) rest += schedule.every;
    return t - rest;
  }
  bool is_tick(Instant t) const { return next_tick(*cron, zone, t - Duration(1)) == t; }
  std::optional<Instant> after(Instant t) const {
    return cron ? next_tick(*cron, zone, t) : t + schedule.every;
  }
  /// `t` when it is a tick, else the next one.  Intervals never align.
  std::optional<Instant> align_next(Instant t) const {
    return cron ? next_tick(*cron, zone, t - Duration(1)) : t;
  }
  std::optional<Instant> align_previous(Instant t) const {
    return cron ? previous_tick(*cron, zone, t + Duration(1)) : t;
  }

  /// The start of the newest interval that is complete at `now`.
  std::optional<Instant> newest_complete(Instant now) const {
    if (!cron) return floor_to_epoch(now) - schedule.every;
    const auto end_of_it = align_previous(now);
    return end_of_it ? previous_tick(*cron, zone, *end_of_it) : std::nullopt;
  }

  std::optional<NextRun> next_interval(std::optional<Interval> last, Instant now) const {
    std::optional<Instant> low = start ? align_next(*start) : std::nullopt;
    if (catchup != Catchup::all) {
      auto newest = newest_complete(now);
      // `none` waits for the tick to come: the interval that is under way now.
      if (catchup == Catchup::none) newest = cron ? align_previous(now) : std::optional(floor_to_epoch(now));
      if (!newest) return std::nullopt;
      low = low ? std::max(*low, *newest) : *newest;
    }
    if (!low) return std::nullopt;
    Instant begin = *low;
    if (last)
      if (const auto aligned = align_previous(last->end)) begin = std::max(*aligned, begin);
    if (end && begin > *end) return std::nullopt;
    const auto stop = after(begin);
    if (!stop) return std::nullopt;
    return NextRun{{begin, *stop}, begin, *stop};
  }

  std::optional<NextRun> next_trigger(std::optional<Interval> last, Instant now) const {
    std::optional<Instant> tick;
    if (catchup == Catchup::all) {
      if (last)
        tick = after(last->end);
      else if (start)
        tick = align_next(*start);
      if (tick && start) tick = std::max(*tick, align_next(*start).value_or(*tick));
    } else {
      tick = cron ? align_previous(now) : std::optional(floor_to_epoch(now));
      if (catchup == Catchup::none || !tick)
        tick = cron ? align_next(now) : std::optional(floor_to_epoch(now) + schedule.every);
      if (tick && last) tick = std::max(*tick, after(last->end).value_or(*tick));
      if (tick && start) tick = std::max(*tick, align_next(*start).value_or(*tick));
    }
    if (!tick || (end && *tick > *end)) return std::nullopt;
    return NextRun{{*tick, *tick}, *tick, *tick};
  }
};

Timetable::Timetable(const Schedule& schedule, const std::string& zone_name, bool trigger, Catchup catchup,
                     std::optional<Instant> start_date, std::optional<Instant> end_date)
    : state_(new State{schedule, Zone(zone_name), std::nullopt, trigger, catchup, start_date, end_date}) {
  if (schedule.kind == Schedule::Kind::cron) state_->cron = Cron::parse(schedule.text);
  if (schedule.kind == Schedule::Kind::interval && schedule.every <= Duration::zero())
    throw base::UserError("the schedule \"{}\" must be longer than nothing", schedule.text);
}

Timetable::Timetable(const Dag& dag)
    : Timetable(dag.schedule, dag.timezone, dag.trigger_timetable, dag.catchup, dag.start_date,
                dag.end_date) {}
Timetable::~Timetable() = default;
Timetable::Timetable(Timetable&&) noexcept = default;
Timetable& Timetable::operator=(Timetable&&) noexcept = default;

std::optional<NextRun> Timetable::next(std::optional<Interval> last, Instant now) const {
  const State& s = *state_;
  switch (s.schedule.kind) {
    case Schedule::Kind::none:
      return std::nullopt;
    case Schedule::Kind::once:
      if (last || !s.start || (s.end && *s.start > *s.end)) return std::nullopt;
      return NextRun{{*s.start, *s.start}, *s.start, *s.start};
    case Schedule::Kind::continuous: {
      if (!s.start) return std::nullopt;
      const Instant begin = last ? last->end : *s.start;
      const Instant stop = std::max(begin, now);
      if (s.end && stop > *s.end) return std::nullopt;
      return NextRun{{begin, stop}, begin, stop};
    }
    case Schedule::Kind::cron:
    case Schedule::Kind::interval:
      return s.trigger ? s.next_trigger(last, now) : s.next_interval(last, now);
  }
  return std::nullopt;
}

std::vector<NextRun> Timetable::upcoming(std::optional<Interval> last, Instant now, size_t count) const {
  std::vector<NextRun> out;
  while (out.size() < count) {
    const auto run = next(last, now);
    if (!run) break;
    out.push_back(*run);
    last = run->interval;
    now = std::max(now, run->run_after);
    if (state_->schedule.kind == Schedule::Kind::continuous) break;
  }
  return out;
}

Interval Timetable::manual_interval(Instant at) const {
  const State& s = *state_;
  if (s.trigger || (s.schedule.kind != Schedule::Kind::cron && s.schedule.kind != Schedule::Kind::interval))
    return {at, at};
  if (!s.cron) return {at - s.schedule.every, at};
  const auto end = s.align_previous(at);
  const auto begin = end ? previous_tick(*s.cron, s.zone, *end) : std::nullopt;
  return begin ? Interval{*begin, *end} : Interval{at, at};
}

Schedule parse_schedule(std::string_view text) {
  Schedule schedule;
  schedule.text = std::string(text);
  if (text == "@once")
    schedule.kind = Schedule::Kind::once;
  else if (text == "@continuous")
    schedule.kind = Schedule::Kind::continuous;
  else if (text.empty() || text == "null" || text == "None")
    schedule.kind = Schedule::Kind::none;
  else if (const auto every = base::parse_duration(text)) {
    schedule.kind = Schedule::Kind::interval;
    schedule.every = *every;
    if (*every <= Duration::zero())
      throw base::UserError("the schedule \"{}\" must be longer than nothing", text);
  } else if (text.starts_with("@") && preset_cron(text).empty()) {
    throw base::UserError(
        "there is no schedule \"{}\"; write @once, @continuous, @hourly, @daily, @weekly, @monthly, "
        "@quarterly or @yearly",
        text);
  } else {
    schedule.kind = Schedule::Kind::cron;
    Cron::parse(text);
  }
  return schedule;
}

std::string make_run_id(std::string_view run_type, Instant logical_date) {
  return std::string(run_type) + "__" + base::format_isoformat(logical_date);
}

std::string infer_run_type(std::string_view run_id) {
  for (const std::string_view type : {"manual", "scheduled", "backfill", "dataset_triggered"})
    if (run_id.starts_with(std::string(type) + "__")) return std::string(type);
  return "manual";
}

}  // namespace tamis::workflow
