#include "scheduler/rules.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/sha1.h"

namespace tamis::scheduler {

using workflow::TriggerRule;

Verdict judge(TriggerRule rule, const Counts& c) {
  // Removed instances are no longer counted for or against (Airflow 3).
  const uint32_t n = c.total - c.removed, bad = c.failed + c.upstream_failed;
  const bool done = c.done() >= c.total;
  if (c.total == 0 || rule == TriggerRule::always) return Verdict::run;
  switch (rule) {
    case TriggerRule::all_success:
      if (bad > 0) return Verdict::upstream_failed;
      if (c.skipped > 0) return Verdict::skip;
      return c.success == n ? Verdict::run : Verdict::wait;
    case TriggerRule::all_failed:
      if (c.success + c.skipped > 0) return Verdict::skip;
      return bad == n ? Verdict::run : Verdict::wait;
    case TriggerRule::all_done:
      return done ? Verdict::run : Verdict::wait;
    case TriggerRule::all_skipped:
      if (c.success + bad > 0) return Verdict::skip;
      return c.skipped == n ? Verdict::run : Verdict::wait;
    case TriggerRule::one_success:
      if (c.success > 0) return Verdict::run;
      if (!done) return Verdict::wait;
      return c.skipped == n ? Verdict::skip : Verdict::upstream_failed;
    case TriggerRule::one_failed:
      if (bad > 0) return Verdict::run;
      return done ? Verdict::skip : Verdict::wait;
    case TriggerRule::one_done:
      if (c.success + c.failed > 0) return Verdict::run;
      return done ? Verdict::skip : Verdict::wait;
    case TriggerRule::none_failed:
      if (bad > 0) return Verdict::upstream_failed;
      return done ? Verdict::run : Verdict::wait;
    case TriggerRule::none_failed_min_one_success:
      if (bad > 0) return Verdict::upstream_failed;
      if (c.skipped == n) return Verdict::skip;
      return done ? Verdict::run : Verdict::wait;
    case TriggerRule::none_skipped:
      if (c.skipped > 0) return Verdict::skip;
      return done ? Verdict::run : Verdict::wait;
    case TriggerRule::all_done_setup_success:
      return done ? Verdict::run : Verdict::wait;
    case TriggerRule::always:
      return Verdict::run;
  }
  return Verdict::wait;
}

base::Duration retry_delay(const workflow::TaskSpec& task, const std::string& dag_id,
                           base::Instant logical_date, int try_number) {
  constexpr base::Duration longest = std::chrono::hours(24);
  if (!task.retry_exponential_backoff) return std::min(task.retry_delay, longest);
  const double seconds = static_cast<double>(task.retry_delay.count()) / 1e6;
  const double grown = std::ceil(seconds * std::exp2(std::clamp(try_number - 1, 0, 60)));
  // Beyond a day the cap decides, whatever the jitter; so the remainder is taken of a number that fits.
  const auto base_seconds = static_cast<uint64_t>(std::clamp(grown, 1.0, 86400.0 * 2));
  auto date = base::format_isoformat(logical_date);
  date[10] = ' ';
  const auto hash = base::sha1_hex(fmt::format("{}#{}#{}#{}", dag_id, task.task_id, date, try_number));
  uint64_t remainder = 0;
  for (const char c : hash)
    remainder = (remainder * 16 + static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10)) % base_seconds;
  base::Duration delay = std::min<base::Duration>(std::chrono::seconds(base_seconds + remainder), longest);
  if (task.max_retry_delay) delay = std::min(delay, *task.max_retry_delay);
  return delay;
}

}  // namespace tamis::scheduler
