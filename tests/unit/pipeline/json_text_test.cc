#include "tasks/pipeline/json_text.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tamis::pipeline
