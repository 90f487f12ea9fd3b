#include "core/records/members.h"

#include <gtest/gtest.h>

namespace tamis::records {
namespace {

TEST(Members, AreAppendedUnlessTheirNameIsTaken) {
  const auto append = [](std::string_view members, const std::vector<std::string>& taken) {
    std::string out = "{\"v\":1";
    append_members(members, taken, out);
    return out;
  };
  const std::string_view members =
      R"("a":1,"source":{"x":[1,{"y":"}, ]"}],"a":2},"b\"":"c,\"d","@timestamp":null,"z":[])";
  EXPECT_EQ(append(members, {"source", "@timestamp"}), R"({"v":1,"a":1,"b\"":"c,\"d","z":[])");
  EXPECT_EQ(append(members, {}), "{\"v\":1," + std::string(members));
  EXPECT_EQ(append(members, {"a", "z"}),
            R"({"v":1,"source":{"x":[1,{"y":"}, ]"}],"a":2},"b\"":"c,\"d","@timestamp":null)");
  EXPECT_EQ(append("", {"a"}), "{\"v\":1");
}

}  // namespace
}  // namespace tamis::records
