#include "tasks/pipeline/target.h"

#include <gtest/gtest.h>

namespace tamis::pipeline {
namespace {

std::string named(std::string_view pattern, std::string_view time) {
  std::string error;
  const auto target = Target::parse(pattern, error);
  return target ? target->at(*base::parse_rfc3339(time)) : "error: " + error;
}

TEST(Target, PutsTheEventTimeIn) {
  EXPECT_EQ(named("plain", "2026-03-01T09:00:00Z"), "plain");
  EXPECT_EQ(named("iot-{event_time:%Y.%m.%d}", "2026-03-01T09:00:00Z"), "iot-2026.03.01");
  EXPECT_EQ(named("a-{event_time:%Y}-{event_time:%H}h", "2026-03-01T09:00:00Z"), "a-2026-09h");
  EXPECT_EQ(named("{event_time:%G-w%V}", "2027-01-01T00:00:00Z"), "2026-w53");
  EXPECT_EQ(named("{event_time:%Y-%j%%}", "2026-02-01T00:00:00Z"), "2026-032%");
  EXPECT_EQ(named("{event_time:%Y}", "0007-02-01T00:00:00Z"), "0007");
}

TEST(Target, RefusesEverythingElse) {
  for (const char* wrong : {"case-{s}", "a{event_time:%y}", "a{event_time:%}", "a{event_time:}",
                            "a{event_time:%Y", "a}", "", "{}"}) {
    std::string error;
    EXPECT_FALSE(Target::parse(wrong, error)) << wrong;
    EXPECT_FALSE(error.empty()) << wrong;
  }
}

TEST(Target, HasOneGranuleForTimesOfOneName) {
  std::string error;
  const auto hourly = *Target::parse("{event_time:%Y%m%d%H}", error),
             daily = *Target::parse("{event_time:%G%V}", error);
  const auto at = [](const char* text) { return *base::parse_rfc3339(text); };
  EXPECT_EQ(hourly.granule(at("2026-03-01T09:00:00Z")), hourly.granule(at("2026-03-01T09:59:59.999999Z")));
  EXPECT_NE(hourly.granule(at("2026-03-01T09:00:00Z")), hourly.granule(at("2026-03-01T10:00:00Z")));
  EXPECT_NE(hourly.granule(at("1969-12-31T23:59:59Z")), hourly.granule(at("1970-01-01T00:00:00Z")));
  EXPECT_EQ(daily.granule(at("2026-03-01T00:00:00Z")), daily.granule(at("2026-03-01T23:00:00Z")));
  EXPECT_NE(daily.granule(at("1969-12-31T23:59:59Z")), daily.granule(at("1970-01-01T00:00:00Z")));
}

}  // namespace
}  // namespace tamis::pipeline
