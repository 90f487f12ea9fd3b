#include "core/records/csv.h"

#include <gtest/gtest.h>

namespace tamis::records {
namespace {

using Cells = std::vector<std::string_view>;

TEST(Csv, SplitsByRfc4180) {
  CsvCells line;
  ASSERT_TRUE(line.split("a,b c,,\"d, e\",\"say \"\"hi\"\"\",\"\",\"\"\"\",z"));
  EXPECT_EQ(line.cells, (Cells{"a", "b c", "", "d, e", "say \"hi\"", "", "\"", "z"}));
  ASSERT_TRUE(line.split(""));
  EXPECT_EQ(line.cells, Cells{""});
  ASSERT_TRUE(line.split("a,"));
  EXPECT_EQ(line.cells, (Cells{"a", ""}));
  ASSERT_TRUE(line.split("\"a\","));
  EXPECT_EQ(line.cells, (Cells{"a", ""}));
}

TEST(Csv, RefusesWrongQuotes) {
  CsvCells line;
  for (const auto* bad : {"\"a", "a\"b", "\"a\"b", "\"a\" ,b", " \"a\"", "\"", "x,\"\"\""})
    EXPECT_FALSE(line.split(bad)) << bad;
}

}  // namespace
}  // namespace tamis::records
