#include "core/queue/python_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "core/queue/base64.h"

namespace tamis::queue {
namespace {

using base::Json;

TEST(PythonJson, IsWrittenAsPythonWritesIt) {
  const auto value = Json::parse(R"({"a": [1, -2.5, true, null, "zü中😀\n\"\\\u0001"], "b": {}, "c": []})");
  EXPECT_EQ(python_dumps(value),
            R"({"a": [1, -2.5, true, null, "z\u00fc\u4e2d\ud83d\ude00\n\"\\\u0001"], "b": {}, "c": []})");
}

TEST(PythonJson, WritesFloatsAsPythonsRepr) {
  const std::pair<double, const char*> cases[] = {
      {1.0, "1.0"},    {0.1, "0.1"},       {1e16, "1e+16"}, {123456789012345680.0, "1.2345678901234568e+17"},
      {1e-5, "1e-05"}, {0.0001, "0.0001"}, {-0.0, "-0.0"},  {5e-324, "5e-324"},
      {1e22, "1e+22"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(python_dumps(number), text);
  EXPECT_EQ(python_dumps(std::nan("")), "NaN");
  EXPECT_EQ(python_dumps(-HUGE_VAL), "-Infinity");
}

TEST(PythonJson, ReadsPythonsNanAndInfinity) {
  const auto value = python_loads(R"([NaN, Infinity, -Infinity, "NaN", {"Infinity": 1}])", "x");
  EXPECT_TRUE(std::isnan(value[0].get<double>()));
  EXPECT_EQ(value[1].get<double>(), HUGE_VAL);
  EXPECT_EQ(value[2].get<double>(), -HUGE_VAL);
  EXPECT_EQ(value[3], "NaN");
  EXPECT_EQ(value[4]["Infinity"], 1);
}

TEST(PythonJson, RefusesWhatIsNoJsonAndWhatIsTooDeep) {
  EXPECT_THROW(python_loads("{", "x"), base::UserError);
  EXPECT_THROW(python_loads("Nope", "x"), base::UserError);
  EXPECT_THROW(python_loads("\"\xff\"", "x"), base::UserError);
  EXPECT_THROW(python_loads(std::string(100'000, '['), "x"), base::UserError);
}

TEST(PythonJson, ShowsArgumentsAsPythonDoes) {
  EXPECT_EQ(python_repr_arguments(Json::parse(R"([1, "it's", null, [true], {"k": 1.5}])")),
            R"((1, 'it\'s', None, [True], {'k': 1.5}))");
  EXPECT_EQ(python_repr_arguments(Json::parse("[2]")), "(2,)");
  EXPECT_EQ(python_repr_arguments(Json::array()), "()");
  EXPECT_EQ(python_repr(Json::object()), "{}");
  EXPECT_LE(python_repr(Json(std::string(5000, 'x'))).size(), 1024u);
}

TEST(PythonJson, MakesTypedArgumentsPlain) {
  const auto plain = plain_arguments(
      Json::parse(R"([{"__type__": "uuid", "__value__": {"hex": "00000000000000000000000000000001"}},
      {"a": {"__type__": "decimal", "__value__": "1.50"}}, {"__type__": "x"}])"));
  EXPECT_EQ(plain,
            Json::parse(R"(["00000000-0000-0000-0000-000000000001", {"a": "1.50"}, {"__type__": "x"}])"));
}

TEST(Base64, GoesBothWays) {
  for (size_t n = 0; n < 300; ++n) {
    std::string bytes;
    for (size_t i = 0; i < n; ++i) bytes += static_cast<char>(i * 37 + n);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
  EXPECT_EQ(base64_encode("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  EXPECT_EQ(base64_decode("YW55\nIGNh"), "any ca");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const auto* text : {"a", "ab", "abc", "a===", "ab=c", "####", "====", "=abc"})
    EXPECT_FALSE(base64_decode(text)) << text;
}

}  // namespace
}  // namespace tamis::queue
