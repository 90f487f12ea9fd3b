#include "core/base/time.h"

#include <gtest/gtest.h>

namespace tamis::base {
namespace {

std::string read_back(std::string_view text) {
  const auto instant = parse_rfc3339(text);
  return instant ? format_rfc3339(*instant) : "none";
}

TEST(Rfc3339, ReadsOffsetsFractionsAndEitherCase) {
  EXPECT_EQ(read_back("2026-03-01T09:00:00Z"), "2026-03-01T09:00:00.000Z");
  EXPECT_EQ(read_back("2026-03-01t09:00:00.5z"), "2026-03-01T09:00:00.500Z");
  EXPECT_EQ(read_back("2026-03-01T09:00:00.0000019+02:00"), "2026-03-01T07:00:00.000001Z");
  EXPECT_EQ(read_back("2024-02-29T23:59:59-23:59"), "2024-03-01T23:58:59.000Z");
}

TEST(Rfc3339, TakesALeapSecondOnlyAtTheEndOfADayInUtc) {
  EXPECT_EQ(read_back("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000Z");
  EXPECT_EQ(read_back("2017-01-01T00:59:60+01:00"), "2017-01-01T00:00:00.000Z");
  EXPECT_EQ(read_back("2016-12-31T22:59:60Z"), "none");
  EXPECT_EQ(read_back("2016-12-31T23:59:60+01:00"), "none");
}

TEST(Rfc3339, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2026-03-01", "2026-03-01 09:00:00Z", "2026-03-01T09:00:00", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:00:00.Z", "2026-03-01T09:00:00+0100",
        "2026-03-01T09:00:00Zx", "+026-03-01T09:00:00Z", "0000-01-01T00:00:00+00:01"})
    EXPECT_EQ(read_back(text), "none") << text;
}

TEST(Civil, KnowsIsoWeeksAtTheTurnOfTheYear) {
  const auto c = civil(from_civil(2027, 1, 1));
  EXPECT_EQ(c.iso_year, 2026);
  EXPECT_EQ(c.iso_week, 53);
  EXPECT_EQ(c.day_of_year, 1);
  EXPECT_EQ(civil(from_civil(1969, 12, 31, 23, 59, 59, 999999)).microsecond, 999999);
}

TEST(Durations, AreReadInAllTheirForms) {
  EXPECT_EQ(parse_duration("90s"), Duration(std::chrono::seconds(90)));
  EXPECT_EQ(parse_duration("1h30m"), Duration(std::chrono::minutes(90)));
  EXPECT_EQ(parse_duration("PT5M"), Duration(std::chrono::minutes(5)));
  EXPECT_EQ(parse_duration("P1DT2H"), Duration(std::chrono::hours(26)));
  EXPECT_EQ(parse_duration("300"), Duration(std::chrono::seconds(300)));
  EXPECT_EQ(parse_duration("500ms"), Duration(std::chrono::milliseconds(500)));
  EXPECT_EQ(parse_duration("1.5h"), Duration(std::chrono::minutes(90)));
}

TEST(Durations, RefuseWhatIsNone) {
  for (const char* text :
       {"", "s", "5 m", "-5m", "5x", "P", "PT", "PT5", "1e9d", "nan", "inf", "5mm", "P5H", "1d5"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Durations, ArePrintedInTheirShortestForm) {
  for (const char* text : {"90s", "5m", "2h", "1d", "500ms", "0s", "7us"})
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
}

TEST(Instants, AreReadAsPeopleWriteThem) {
  const auto midnight = from_civil(2026, 1, 1);
  EXPECT_EQ(parse_instant("2026-01-01"), midnight);
  EXPECT_EQ(parse_instant("2026-01-01T00:00"), midnight);
  EXPECT_EQ(parse_instant("2026-01-01 00:00:00"), midnight);
  EXPECT_EQ(parse_instant("2026-01-01T01:00:00+01:00"), midnight);
  EXPECT_FALSE(parse_instant("yesterday"));
}

}  // namespace
}  // namespace tamis::base
