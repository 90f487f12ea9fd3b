#include "core/workflow/zone.h"

#include <date/tz.h>

#include <algorithm>

#include "core/base/error.h"

namespace tamis::workflow {
namespace {

using base::Instant;
using std::chrono::hours;

/// Longer than any change of a clock (Samoa skipped a day).
constexpr auto longest_gap = hours(26);

const date::time_zone* real(const void* zone) {
  return static_cast<const date::time_zone*>(zone);
}

Instant bounded(date::sys_seconds t) {
  static const Instant least = base::from_civil(1, 1, 1), most = base::from_civil(9999, 12, 31);
  return std::clamp(Instant(std::clamp(t, date::floor<std::chrono::seconds>(least),
                                       date::floor<std::chrono::seconds>(most))),
                    least, most);
}

}  // namespace

Zone::Zone(const std::string& name) {
  if (name == "UTC" || name == "utc" || name == "Etc/UTC" || name == "Z") return;
  try {
    zone_ = date::locate_zone(name);
  } catch (const std::exception&) {
    throw base::UserError("there is no time zone \"{}\"; write an IANA name such as Europe/Paris", name);
  }
}

Zone::Period Zone::at(Instant instant) const {
  if (zone_ == nullptr) return {base::from_civil(1, 1, 1), base::from_civil(9999, 12, 31), {}};
  const auto info = real(zone_)->get_info(date::floor<std::chrono::seconds>(instant));
  return {bounded(info.begin), bounded(info.end), info.offset};
}

Instant Zone::instant(WallTime wall) const {
  if (zone_ == nullptr) return wall;
  const auto info = real(zone_)->get_info(date::local_time<std::chrono::seconds>(
      std::chrono::floor<std::chrono::seconds>(wall.time_since_epoch())));
  if (info.result == date::local_info::ambiguous) return wall - info.second.offset;
  return wall - info.first.offset;  // in a gap the offset before it moves the time behind it
}

std::vector<Instant> Zone::changes(Instant from, Instant to) const {
  std::vector<Instant> out;
  if (zone_ == nullptr) return out;
  for (Period p = at(from); p.end < to; p = at(p.end)) {
    if (at(p.end).offset != p.offset) out.push_back(p.end);
    if (out.size() > 1000) break;
  }
  return out;
}

std::optional<Instant> next_tick(const Cron& cron, const Zone& zone, Instant after) {
  auto period = zone.at(after);
  if (cron.covers_every_hour()) {
    // Elapsed time: within a period of one offset the wall clock is elapsed time; then it goes on in the
    // next.
    for (int i = 0; i < 1000; ++i) {
      const auto wall = cron.next(after + period.offset);
      if (!wall) return std::nullopt;
      if (*wall - period.offset < period.end) return *wall - period.offset;
      after = period.end - base::Duration(1);
      period = zone.at(period.end);
    }
    return std::nullopt;
  }
  const auto wall = cron.next(after + period.offset);
  if (!wall) return std::nullopt;
  const Instant plain = *wall - period.offset;
  if (after - longest_gap > period.begin && plain + longest_gap < period.end) return plain;
  // Near a change instants and wall times may be in another order: a skipped time is moved behind times that
  // follow it.
  std::optional<Instant> best;
  for (auto w = cron.next(after + period.offset - longest_gap); w; w = cron.next(*w)) {
    const Instant instant = zone.instant(*w);
    if (instant > after && (!best || instant < *best)) best = instant;
    if (best && *w > *best + zone.at(*best).offset + longest_gap) break;
    if (best && zone.at(instant).end > instant + longest_gap && instant > *best) break;
  }
  return best;
}

std::optional<Instant> previous_tick(const Cron& cron, const Zone& zone, Instant before) {
  auto period = zone.at(before - base::Duration(1));
  if (cron.covers_every_hour()) {
    for (int i = 0; i < 1000; ++i) {
      const auto wall = cron.previous(before + period.offset);
      if (!wall) return std::nullopt;
      if (*wall - period.offset >= period.begin) return *wall - period.offset;
      before = period.begin;
      period = zone.at(period.begin - base::Duration(1));
    }
    return std::nullopt;
  }
  const auto wall = cron.previous(before + period.offset);
  if (!wall) return std::nullopt;
  const Instant plain = *wall - period.offset;
  if (plain - longest_gap > period.begin && before + longest_gap < period.end) return plain;
  std::optional<Instant> best;
  for (auto w = cron.previous(before + period.offset + longest_gap); w; w = cron.previous(*w)) {
    const Instant instant = zone.instant(*w);
    if (instant < before && (!best || instant > *best)) best = instant;
    if (best && *w < *best + zone.at(*best).offset - longest_gap) break;
  }
  return best;
}

}  // namespace tamis::workflow
