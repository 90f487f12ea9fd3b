#include "tasks/transforms/timestamps.h"

#include <gtest/gtest.h>

namespace tamis::transforms {
namespace {

std::string read(const std::string& format, const std::string& text) {
  std::string error;
  const auto compiled = TimestampFormat::compile(format, error);
  if (!compiled) return "error: " + error;
  const auto instant = compiled->read(text);
  return instant ? base::format_rfc3339(*instant) : "bad";
}

TEST(Timestamps, ReadRfc3339) {
  EXPECT_EQ(read("rfc3339", "2026-03-01T09:00:00Z"), "2026-03-01T09:00:00.000Z");
  EXPECT_EQ(read("rfc3339", "2026-03-01T09:00:00.5Z"), "2026-03-01T09:00:00.500Z");
  EXPECT_EQ(read("rfc3339", "2026-03-01T09:00:00.123456Z"), "2026-03-01T09:00:00.123456Z");
  EXPECT_EQ(read("rfc3339", "2026-03-01t09:00:00.1234569z"), "2026-03-01T09:00:00.123456Z");
  EXPECT_EQ(read("rfc3339", "2026-03-01T10:00:00+01:00"), "2026-03-01T09:00:00.000Z");
  EXPECT_EQ(read("rfc3339", "0000-01-01T00:00:00Z"), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(read("rfc3339", "9999-12-31T23:59:59.999999Z"), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(read("rfc3339", "2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000Z");
  EXPECT_EQ(read("rfc3339", "2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000Z");
  for (const auto* bad :
       {"2026-02-29T00:00:00Z", "2026-03-01 09:00:00Z", "2026-03-01T09:00:00", "2026-03-01T09:00:00.Z", "",
        "2026-03-01T24:00:00Z", "2026-13-01T09:00:00Z", "2026-00-01T09:00:00Z", "2026-03-00T09:00:00Z",
        "2026-03-01T09:60:00Z", "2026-03-01T09:00:60Z", "2026-04-31T09:00:00Z", "2026-03-01T09:00:00.12x4Z",
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:60Z", "2026-03-01T09:00:00ZZ", "2026-3-01T09:00:00Z"})
    EXPECT_EQ(read("rfc3339", bad), "bad") << bad;
}

TEST(Timestamps, TheQuickReaderAgreesWithTheGeneralOne) {
  std::string error;
  const auto format = *TimestampFormat::compile("rfc3339", error);
  for (int64_t day = -719528; day <= 2932896; day += 11) {
    const base::Instant instant(std::chrono::seconds(day * 86400 + (day + 719528) % 86400));
    const auto text = base::format_rfc3339(instant);
    ASSERT_EQ(format.read(text), instant) << text;
  }
}

TEST(Timestamps, TheQuickReaderAgreesWithTheGeneralOneAboutWrongTexts) {
  std::string error;
  const auto format = *TimestampFormat::compile("rfc3339", error);
  for (const std::string right : {"2026-03-01T09:00:00Z", "2026-03-01T09:00:00.123Z",
                                  "2026-02-28T23:59:59.123456Z", "2026-12-31T19:20:30.5Z"})
    for (size_t at = 0; at < right.size(); ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = right;
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(format.read(text), base::parse_rfc3339(text)) << text;
      }
}

TEST(Timestamps, ReadEpochs) {
  EXPECT_EQ(read("epoch_s", "-0.0000001"), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(read("epoch_s", "253402300799.9999999"), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(read("epoch_s", "253402300800"), "bad");
  EXPECT_EQ(read("epoch_s", "-62167219200.0000001"), "bad");
  EXPECT_EQ(read("epoch_ms", "1772355600123.4569"), "2026-03-01T09:00:00.123456Z");
  EXPECT_EQ(read("epoch_ms", "99999999999999999999"), "bad");
  EXPECT_EQ(read("epoch_s", "soon"), "bad");
}

TEST(Timestamps, ReadPatterns) {
  EXPECT_EQ(read("%d/%m/%Y %H:%M:%S", "1/3/2026 9:5:7"), "2026-03-01T09:05:07.000Z");
  EXPECT_EQ(read("%d/%m/%Y %H:%M:%S", "29/02/2026 00:00:00"), "bad");
  EXPECT_EQ(read("%d/%m/%Y %H:%M:%S", "01/03/2026 09:00:00 "), "bad");
  EXPECT_EQ(read("%F at 100%%", "2026-03-01 at 100%"), "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(read("%b %d %y, %I:%M:%S.%f %p %z", "mar 1 26, 9:00:00.123456789 pm +01:00"),
            "2026-03-01T20:00:00.123456Z");
  EXPECT_EQ(read("%b %d %y, %I:%M:%S.%f %p %z", "DEC 31 69, 12:00:00.0 AM -0530"),
            "1969-12-31T05:30:00.000Z");
  EXPECT_EQ(read("%b %d %y, %I:%M:%S.%f %p %z", "Mar 01 26, 00:00:00.0 AM Z"), "bad");
  EXPECT_EQ(read("%Y%m%dT%H%M%S%z", "20260301T090000+0000"), "2026-03-01T09:00:00.000Z");
  EXPECT_EQ(read("%Y%m%d", "2026131"), "2026-01-31T00:00:00.000Z") << "13 is no month, so the month is 1";
  EXPECT_EQ(read("%F %T", "2026-03-01 23:59:60"), "bad");
  EXPECT_EQ(read("%F%z", "0000-01-01+00:01"), "bad");
}

TEST(Timestamps, RefusePatternsThatCantWork) {
  for (const auto* bad :
       {"iso", "", "%Y-%m", "%m-%d", "%F %Q", "%F %", "%F %I:%M", "%F %Y", "%y %F", "%F %H %I %p"})
    EXPECT_TRUE(read(bad, "x").starts_with("error: ")) << bad;
}

}  // namespace
}  // namespace tamis::transforms
