#include "tasks/pipeline/json_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "core/base/json.h"

namespace tamis::pipeline {
namespace {

std::string text(std::string_view value) {
  std::string out(text_bound(value.size()), 'x');
  out.resize(static_cast<size_t>(write_text(out.data(), value) - out.data()));
  return out;
}

std::string number(double value) {
  char out[number_bound];
  return std::string(out, write_double(out, value));
}

TEST(JsonText, EscapesWhatJsonCannotHold) {
  EXPECT_EQ(text("plain"), "\"plain\"");
  EXPECT_EQ(text(""), "\"\"");
  EXPECT_EQ(text("a\"b\\c\nd\te\r\b\f"), R"("a\"b\\c\nd\te\r\b\f")");
  EXPECT_EQ(text(std::string_view("\0\x1f", 2)), "\"\\u0000\\u001f\"");
  EXPECT_EQ(text("é € 𝄞 \x7f"), "\"é € 𝄞 \x7f\"");
}

TEST(JsonText, EscapesAtEveryPlaceOfALongText) {
  for (size_t at = 0; at < 40; ++at)
    for (const char c : {'"', '\\', '\n', '\x01', '\x1f', ' ', '!', '#', '[', ']'}) {
      std::string value(40, 'a');
      value[at] = c;
      EXPECT_EQ(base::Json::parse(text(value)).get<std::string>(), value) << at << " " << static_cast<int>(c);
      EXPECT_EQ(text(value), base::Json(value).dump());
    }
}

TEST(JsonText, ReadsBackForRandomTexts) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string value;
    for (size_t n = random() % 60; n > 0; --n) value += static_cast<char>(random() % 128);
    EXPECT_EQ(base::Json::parse(text(value)).get<std::string>(), value);
  }
}

TEST(JsonText, WritesTheShortestNumberThatReadsBack) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(12), "12");
  EXPECT_EQ(number(1e300), "1e+300");
  for (const double value : {1.0 / 3, 1e-7, 123456789.125, std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::denorm_min()})
    EXPECT_EQ(base::Json::parse(number(value)).get<double>(), value);
  char out[number_bound];
  EXPECT_EQ(std::string(out, write_long(out, std::numeric_limits<int64_t>::min())), "-9223372036854775808");
}

TEST(JsonText, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8("é € 𝄞"));
  EXPECT_TRUE(is_utf8(""));
  for (const std::string_view wrong :
       {"\xff", "a\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    EXPECT_FALSE(is_utf8(wrong)) << wrong;
  EXPECT_EQ(as_utf8("a\xff"
                    "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(JsonText, WritesBase64WithPadding) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string_view("\xff\x00\x01", 3)), "/wAB");
}

TEST(JsonText, WritesDoublesAsTheStandardLibraryDoes) {
  const auto agrees = [](double value) {
    char expected[64], got[64];
    const std::string_view right(expected, std::to_chars(expected, expected + 64, value).ptr - expected);
    const std::string_view mine(got, write_double(got, value) - got);
    ASSERT_EQ(mine, right);
  };
  for (const double value :
       {0.0, -0.0, 0.001, 0.0009999, 0.00101, 99999.0, 99999.9999, 99999.99999, 100000.0, 1e5, 1e22,
        0.1 + 0.2, 1.0 / 3, 5e-324, 1.7976931348623157e308, 2.5, 12.3456, 12.34565, 77.00000000000001})
    for (const double sign : {1.0, -1.0}) agrees(sign * value);
  for (int i = 0; i < 200000; ++i) {
    agrees(i / 10000.0);
    agrees(-i / 100.0);
    agrees(i / 100000.0);
    agrees(std::nextafter(i / 1000.0, 1e9));
  }
  const auto seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) agrees(value);
    agrees(static_cast<double>(random() % 2000000000) / 10000);
  }
}

TEST(JsonText, EscapesWhereverATextNeedsIt) {
  for (size_t size = 0; size < 40; ++size)
    for (size_t at = 0; at < size; ++at)
      for (const char special : {'"', '\\', '\n', '\x01', '\x7f', '\xc3'}) {
        std::string value(size, 'a'), expected = "\"";
        value[at] = special;
        for (const char c : value) {
          char one[8];
          expected.append(one, write_escaped(one, static_cast<unsigned char>(c)));
        }
        std::string got(text_bound(size), '?');
        got.resize(static_cast<size_t>(write_text(got.data(), value) - got.data()));
        ASSERT_EQ(got, expected + "\"");
      }
}

}  // namespace
}  // namespace tamis::pipeline
