#include "tasks/sinks/body.h"

#include <gtest/gtest.h>

#include "core/base/json.h"

namespace tamis::sinks {
namespace {

std::string members(std::string_view body) {
  std::string out;
  for (BodyMembers m(body); m.next();) out += std::string(m.name()) + "=" + std::string(m.value()) + ";";
  return out;
}

TEST(BodyMembers, AreReadAsTheyAreWritten) {
  EXPECT_EQ(members(R"({"a":1,"b":"x,}\"","c":{"d":[1,"]"]},"e":null})"),
            R"(a=1;b="x,}\"";c={"d":[1,"]"]};e=null;)");
  EXPECT_EQ(members(" { \"a\" : [ ] , \"b\\n\" : 2.5e3 } "), "a=[ ];b\\n=2.5e3;");
  EXPECT_EQ(members("{}"), "");
}

TEST(BodyMembers, EndWhateverTheyAreGiven) {
  for (const std::string_view body : {"", "[", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"",
                                      "{\"a\":\"\\", "{\"a\":[[}", "{a:1}", "null"})
    members(body);
}

TEST(JsonStrings, AreReadAndWrittenBack) {
  for (const std::string text : {"plain", "", "q\"\\\n\t", "Aïn 😀", std::string("\0x", 2).c_str()}) {
    std::string out;
    append_json_string(text, out);
    EXPECT_EQ(base::Json::parse(out), text);
    EXPECT_EQ(unescape(std::string_view(out).substr(1, out.size() - 2)), text);
  }
  std::string out;
  append_json_string("\xff", out);
  EXPECT_EQ(out, "\"\uFFFD\"");
}

}  // namespace
}  // namespace tamis::sinks
