#include "core/workflow/timetable.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/workflow/cron.h"
#include "core/workflow/zone.h"

namespace tamis::workflow {
namespace {

using base::from_civil;
using base::Instant;
using base::Interval;
using base::Json;

std::optional<Instant> instant(const Json& json) {
  return json.is_string() ? base::parse_rfc3339(json.get<std::string>()) : std::nullopt;
}

Json triple(const std::optional<NextRun>& run) {
  if (!run) return nullptr;
  return Json::array({base::format_isoformat(run->interval.begin), base::format_isoformat(run->interval.end),
                      base::format_isoformat(run->run_after)});
}

/// `{"days": 1, "hours": 1}` as a schedule; empty when it steps by the calendar, which intervals here don't.
std::optional<Schedule> schedule_of(const Json& json) {
  if (json.is_null()) return Schedule{};
  if (json.is_string()) return parse_schedule(json.get<std::string>());
  Schedule schedule{Schedule::Kind::interval, json.dump(), {}};
  for (const auto& [unit, count] : json.items()) {
    const auto n = count.get<int64_t>();
    if (unit == "days")
      schedule.every += std::chrono::hours(24) * n;
    else if (unit == "hours")
      schedule.every += std::chrono::hours(n);
    else if (unit == "minutes")
      schedule.every += std::chrono::minutes(n);
    else if (unit == "seconds")
      schedule.every += std::chrono::seconds(n);
    else
      return std::nullopt;
  }
  return schedule;
}

// The cases were made by running Airflow 2.10.5; a case with `airflow_leaves_rule` holds the rule's answer
// (docs/airflow.md).
TEST(Timetable, AnswersAsAirflowInEveryCase) {
  const char* folder = std::getenv("TAMIS_AIRFLOW_CASES");
  const std::string path =
      (folder != nullptr ? std::string(folder) : TAMIS_ROOT "/tests/conformance/airflow") +
      "/timetables.json";
  std::ifstream in(path);
  ASSERT_TRUE(in) << path;
  size_t compared = 0;
  const Json cases = Json::parse(in);
  for (const auto& item : cases["cases"]) {
    SCOPED_TRACE(item["id"].get<std::string>() + " " + item["schedule"].dump() + " " +
                 item["timezone"].get<std::string>());
    const auto schedule = schedule_of(item["schedule"]);
    // Calendar steps (months) and triggers with an interval are not offered.
    if (!schedule || item.value("interval_seconds", 0) != 0) continue;
    const Timetable timetable(*schedule, item["timezone"], item["timetable"] == "trigger",
                              item["catchup"].get<bool>() ? Catchup::all : Catchup::latest,
                              instant(item["start_date"]), instant(item["end_date"]));
    std::optional<Interval> last;
    if (item.contains("last_interval") && item["last_interval"].is_array())
      last = Interval{*instant(item["last_interval"][0]), *instant(item["last_interval"][1])};
    for (const auto& poll : item["polls"]) {
      const Instant now = *instant(poll["now"]);
      const bool truncated = poll.value("truncated", false);
      Json runs = Json::array();
      std::optional<NextRun> next;
      while (true) {
        next = timetable.next(last, now);
        if (!next || next->run_after > now || (truncated && runs.size() == poll["runs"].size())) break;
        runs.push_back(triple(next));
        last = next->interval;
        ASSERT_LE(runs.size(), poll["runs"].size()) << runs.back();
        if (schedule->kind == Schedule::Kind::continuous) {
          next = timetable.next(last, now);
          break;
        }
      }
      EXPECT_EQ(runs, poll["runs"]) << poll["now"];
      EXPECT_EQ(triple(next), poll["next"]) << poll["now"];
    }
    for (const auto& manual : item.value("manual", Json::array())) {
      const auto interval = timetable.manual_interval(*instant(manual[0]));
      EXPECT_EQ(base::format_isoformat(interval.begin), manual[1]) << manual;
      EXPECT_EQ(base::format_isoformat(interval.end), manual[2]) << manual;
    }
    ++compared;
  }
  EXPECT_GE(compared, 120u);
}

TEST(Timetable, CatchupNoneWaitsForTheNextTick) {
  const auto start = from_civil(2024, 1, 1), now = from_civil(2024, 1, 25, 1);
  const Timetable interval(parse_schedule("@daily"), "UTC", false, Catchup::none, start, std::nullopt);
  EXPECT_EQ(interval.next(std::nullopt, now)->run_after, from_civil(2024, 1, 26));
  const Timetable trigger(parse_schedule("@daily"), "UTC", true, Catchup::none, start, std::nullopt);
  EXPECT_EQ(trigger.next(std::nullopt, now)->run_after, from_civil(2024, 1, 26));
}

TEST(Timetable, ListsWhatIsUpcoming) {
  const Timetable daily(parse_schedule("0 3 * * *"), "Europe/Berlin", false, Catchup::latest,
                        from_civil(2026, 1, 1), std::nullopt);
  const auto runs = daily.upcoming(std::nullopt, from_civil(2026, 3, 27, 12), 4);
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[1].run_after, from_civil(2026, 3, 28, 2));
  EXPECT_EQ(runs[2].run_after, from_civil(2026, 3, 29, 1));  // the clock went forward in the night
}

TEST(Schedule, RefusesNonsense) {
  for (const char* text : {"@dayly", "* * * *", "60 * * * *", "* * 0 * *", "a * * * *", "*/0 * * * *",
                           "1-x * * * *", "0s", "* * * * * * *"})
    EXPECT_THROW(parse_schedule(text), base::UserError) << text;
}

TEST(Cron, KnowsNamesRangesStepsAndTheLastDay) {
  const auto next = [](const char* cron, Instant after) { return *Cron::parse(cron).next(after); };
  const auto start = from_civil(2024, 2, 10);
  EXPECT_EQ(next("0 8 * feb mon-fri", start), from_civil(2024, 2, 12, 8));
  EXPECT_EQ(next("0 0 L * *", start), from_civil(2024, 2, 29));
  EXPECT_EQ(next("0 22-2/2 * * *", from_civil(2024, 2, 10, 1)), from_civil(2024, 2, 10, 2));
  EXPECT_EQ(next("0 0 29 2 *", from_civil(2024, 3, 1)), from_civil(2028, 2, 29));
  EXPECT_EQ(next("0 0 * * 7", start), from_civil(2024, 2, 11));
}

TEST(Cron, PreviousIsTheInverseOfNext) {
  for (const char* text : {"*/7 * * * *", "15 2,3 * * *", "0 0 L * *", "30 4 1-7 * 1",
                           "0 8-10 * jan,dec mon-fri", "1 2 3 4 *"}) {
    const Cron cron = Cron::parse(text);
    Instant at = from_civil(2023, 12, 30);
    for (int i = 0; i < 200; ++i) {
      const auto next = cron.next(at);
      ASSERT_TRUE(next) << text;
      if (i > 0) {
        EXPECT_EQ(*cron.previous(*next), at) << text;
      }
      at = *next;
    }
  }
}

TEST(Zone, TicksNeitherRepeatNorGoBackOverAYearOfChanges) {
  for (const char* name :
       {"America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Pacific/Apia"})
    for (const char* text : {"15 2,3 * * *", "*/20 * * * *", "0 */4 * * *", "30 1 * * *", "0,30 0-3 * * *"}) {
      const Zone zone(name);
      const Cron cron = Cron::parse(text);
      Instant at = from_civil(2011, 6, 1);
      while (at < from_civil(2012, 7, 1)) {
        const auto next = next_tick(cron, zone, at);
        ASSERT_TRUE(next && *next > at) << name << " " << text;
        if (at != from_civil(2011, 6, 1)) {
          ASSERT_EQ(*previous_tick(cron, zone, *next), at)
              << name << " " << text << " " << base::format_rfc3339(at);
        }
        at = *next;
      }
    }
}

TEST(RunId, IsTypeAndLogicalDate) {
  EXPECT_EQ(make_run_id("manual", from_civil(2024, 1, 1, 10, 11, 12, 345678)),
            "manual__2024-01-01T10:11:12.345678+00:00");
  EXPECT_EQ(infer_run_type("scheduled__x"), "scheduled");
  EXPECT_EQ(infer_run_type("scheduled_x"), "manual");
  EXPECT_EQ(infer_run_type("hello"), "manual");
}

}  // namespace
}  // namespace tamis::workflow
