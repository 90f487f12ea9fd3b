#include "tasks/transforms/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

namespace tamis::transforms {
namespace {

std::optional<int64_t> as_long(const std::string& text) {
  const auto number = parse_number(text);
  return number ? to_long(*number) : std::nullopt;
}
std::optional<double> as_double(const std::string& text) {
  const auto number = parse_number(text);
  return number ? to_double(*number) : std::nullopt;
}

TEST(Decimal, KnowsJsonsGrammar) {
  for (const auto* good :
       {"0", "-0", "1", "10", "1.5", "0.5", "1e5", "1E+5", "1.25e-3", "123456789012345678901234567890"})
    EXPECT_TRUE(parse_number(good)) << good;
  for (const auto* bad : {"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 ", "NaN", "--1",
                          "1.2.3", "1_0", "123456789012345678901.", "1234567890123456789.5.5", "1e5e5"})
    EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(Decimal, LongsAreExact) {
  EXPECT_EQ(as_long("21.0"), 21);
  EXPECT_EQ(as_long("2.1e1"), 21);
  EXPECT_EQ(as_long("2100e-2"), 21);
  EXPECT_EQ(as_long("21.5"), std::nullopt);
  EXPECT_EQ(as_long("9007199254740993"), 9007199254740993);
  EXPECT_EQ(as_long("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(as_long("9223372036854775808"), std::nullopt);
  EXPECT_EQ(as_long("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(as_long("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(as_long("9223372036854775807.0000000000000000000"), INT64_MAX);
  EXPECT_EQ(as_long("9223372036854775806.0000000000000000001"), std::nullopt);
  EXPECT_EQ(as_long("0e999999999999999999999"), 0);
  EXPECT_EQ(as_long("1e999999999999999999999"), std::nullopt);
  EXPECT_EQ(as_long("0.000000000000000000000000012e27"), 12);
  EXPECT_EQ(as_long("1000000000000000000000000000000e-29"), 10);
  EXPECT_EQ(as_long("-0.0"), 0);
}

TEST(Decimal, DoublesAreTheNearest) {
  EXPECT_EQ(as_double("1e999"), std::nullopt);
  EXPECT_EQ(as_double("-1e999"), std::nullopt);
  EXPECT_EQ(as_double("1e-999"), 0.0);
  EXPECT_FALSE(std::signbit(*as_double("-0.0")));
  EXPECT_FALSE(std::signbit(*as_double("-0")));
  EXPECT_FALSE(std::signbit(*as_double("-1e-999")));
  EXPECT_EQ(as_double("1.7976931348623157e308"), 1.7976931348623157e308);
  const auto seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 ? "-" : "";
    text += std::to_string(random() % 1000 + 1);
    for (auto n = random() % 4 * 5; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    if (random() % 3 != 0) {
      text += '.';
      for (auto n = random() % 20 + 1; n > 0; --n) text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 4 == 0) text += "e" + std::to_string(static_cast<int>(random() % 60) - 30);
    ASSERT_EQ(as_double(text), std::strtod(text.c_str(), nullptr)) << text << " seed " << seed;
  }
}

TEST(Decimal, FloorsRoundDown) {
  const auto floor = [](const char* text, int power) {
    return floor_scaled(*parse_number(text), power)->value;
  };
  EXPECT_EQ(floor("1772355600.1234569", 6), 1772355600123456);
  EXPECT_EQ(floor("-0.0000001", 6), -1);
  EXPECT_EQ(floor("-1e-300", 6), -1);
  EXPECT_EQ(floor("1.772355600123e12", 3), 1772355600123000);
  EXPECT_EQ(floor("-0.00000000000000000000000000000001", 6), -1);
  EXPECT_EQ(floor("-1.00000000000000000000000000000000", 6), -1000000);
}

}  // namespace
}  // namespace tamis::transforms
