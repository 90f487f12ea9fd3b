#include "tests/conformance/compare.h"

#include <gtest/gtest.h>

namespace tamis::conformance {
namespace {

using base::Json;

TEST(Compare, HoldsIntegersToTheLastDigitAndOtherNumbersNearly) {
  EXPECT_EQ(difference({{"a", 9007199254740993}}, {{"a", 9007199254740993}}), "");
  EXPECT_NE(difference({{"a", 9007199254740993}}, {{"a", 9007199254740992}}), "");
  EXPECT_EQ(difference({{"a", 12}}, {{"a", 12.0}}), "");
  EXPECT_EQ(difference({{"a", 0.1}}, {{"a", 0.1 + 1e-12}}), "");
  EXPECT_NE(difference({{"a", 0.1}}, {{"a", 0.1001}}), "");
  EXPECT_NE(difference({{"a", 0}}, {{"a", 1e-6}}), "");
  EXPECT_EQ(difference({{"a", 0}}, {{"a", 1e-10}}, {{"a", {1e-9, 1e-9}}}), "");
}

TEST(Compare, TakesNullAsMissingAndNothingElse) {
  EXPECT_EQ(difference({{"a", nullptr}, {"b", {{"c", nullptr}}}}, {{"b", Json::object()}}), "");
  EXPECT_NE(difference({{"a", 1}}, Json::object()), "");
  EXPECT_NE(difference(Json::object(), {{"a", 1}}), "");
  EXPECT_NE(difference({{"a", "1"}}, {{"a", 1}}), "");
  EXPECT_NE(difference({{"a", true}}, {{"a", 1}}), "");
}

const Json document = {{"_index", "i"}, {"_id", "t-0-1"}, {"doc", {{"source", {{"offset", 1}}}, {"v", 1}}}};
const Written same{"clean", "i", "t-0-1", R"({"source":{"offset":1},"v":1})", -1};

std::vector<std::string> documents(const Json& expected, const std::vector<Written>& actual,
                                   bool is_reject = false) {
  std::vector<std::string> wrong;
  compare_documents(expected, actual, is_reject, wrong);
  return wrong;
}

TEST(Compare, NoticesDocumentsThatLackDifferOrAreTooMany) {
  EXPECT_TRUE(documents(Json::array({document}), {same}).empty());
  EXPECT_FALSE(documents(Json::array({document}), {}).empty());
  EXPECT_FALSE(documents(Json::array(), {same}).empty());
  EXPECT_FALSE(documents(Json::array({document}), {{"clean", "other", "t-0-1", same.body, -1}}).empty());
  EXPECT_FALSE(documents(Json::array({document}), {{"clean", "i", "t-0-2", same.body, -1}}).empty());
  EXPECT_FALSE(
      documents(Json::array({document}), {{"clean", "i", "t-0-1", R"({"source":{"offset":1},"v":2})", -1}})
          .empty());
  EXPECT_FALSE(documents(Json::array({document}), {same}, true).empty()) << "a reject has a message";
}

TEST(Compare, NoticesIdsThatDoNotFollowTheValues) {
  const auto derived = [](int offset, int value) {
    return Json{{"_index", "i"},
                {"_id", nullptr},
                {"_id_from", {value}},
                {"doc", {{"source", {{"offset", offset}}}}}};
  };
  const auto written = [](int offset, const std::string& id) {
    return Written{"clean", "i", id, R"({"source":{"offset":)" + std::to_string(offset) + "}}", 1};
  };
  EXPECT_TRUE(documents({derived(1, 7), derived(2, 7), derived(3, 8)},
                        {written(1, "x"), written(2, "x"), written(3, "y")})
                  .empty());
  EXPECT_FALSE(documents({derived(1, 7), derived(2, 7)}, {written(1, "x"), written(2, "y")}).empty());
  EXPECT_FALSE(documents({derived(1, 7), derived(2, 8)}, {written(1, "x"), written(2, "x")}).empty());
}

TEST(Compare, NoticesWindowsThatLackOrDiffer) {
  const Json expected = {{{"window", "w"},
                          {"_index", "i"},
                          {"doc", {{"window_start", "s"}, {"g", 1}, {"a", 2.5}}},
                          {"_estimates", {{"a", 0.01}}}}};
  const std::map<std::string, WindowNote> notes = {{"w", {{"g"}, {{"a", "avg(v)"}}}}};
  const auto compare = [&](const std::string& body) {
    std::vector<std::string> wrong;
    compare_windows(expected, {{"close", "i", "x", body, 1}}, {{"close", "w"}}, notes, wrong);
    return wrong.size();
  };
  EXPECT_EQ(compare(R"({"window_start":"s","g":1,"a":2.51})"), 0u);
  EXPECT_NE(compare(R"({"window_start":"s","g":1,"a":2.6})"), 0u);
  EXPECT_NE(compare(R"({"window_start":"s","g":2,"a":2.5})"), 0u);
  EXPECT_NE(compare(R"({"window_start":"t","g":1,"a":2.5})"), 0u);
  EXPECT_NE(compare(R"({"window_start":"s","g":1})"), 0u);
}

TEST(Compare, NoticesAccountsThatDiffer) {
  const Json expected = {{"slice", {{"start", 0}}}, {"read", 2}, {"rejected_by", {{"late", 1}}}};
  const auto compare = [&](const Json& actual) {
    std::vector<std::string> wrong;
    compare_account(expected, actual, wrong);
    return wrong.size();
  };
  const Json right = {{"slice", {{"start", 0}}},
                      {"read", 2},
                      {"rejected_by", {{"late", 1}, {"too_long", 0}}},
                      {"seconds", 1},
                      {"more", 1}};
  EXPECT_EQ(compare(right), 0u);
  for (const Json& patch : {Json{{"read", 3}}, Json{{"rejected_by", {{"late", 2}}}},
                            Json{{"rejected_by", {{"too_long", 1}}}}, Json{{"slice", {{"start", 1}}}}}) {
    auto wrong = right;
    wrong.merge_patch(patch);
    EXPECT_NE(compare(wrong), 0u) << patch;
  }
}

}  // namespace
}  // namespace tamis::conformance
