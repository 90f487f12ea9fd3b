#include "cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/progress.h"

namespace tamis::cli {
namespace {

using base::Json;

const Json rows = {{{"name", "casa-1"}, {"n", 5}, {"note", nullptr}},
                   {{"name", "été"}, {"n", 1234}, {"note", "a\nb"}}};

std::string printed(const std::map<std::string, std::vector<std::string>>& values, const Json& what = rows) {
  static const Command command;
  std::ostringstream out;
  Invocation invocation(command, out, out);
  invocation.values = values;
  print_rows(invocation, what);
  return out.str();
}

TEST(Table, AlignsByWhatIsSeenAndNumbersToTheRight) {
  EXPECT_EQ(format_table(rows, {"name", "n", "note"}),
            "name   |    n | note\n"
            "=======+======+=====\n"
            "casa-1 |    5 |\n"
            "été    | 1234 | a\\nb\n");
}

TEST(Table, SetsTheSumApart) {
  EXPECT_EQ(format_table({{{"n", 1}}, {{"n", 2}}}, {"n"}, true), "n\n=\n1\n-\n2\n");
}

TEST(Table, CutsLongCellsAndShowsNoControlCharacters) {
  const auto text = format_table({{{"x", std::string(500, 'a')}}, {{"x", "\x1b[31m"}}}, {"x"});
  EXPECT_THAT(text, testing::HasSubstr("a…"));
  EXPECT_THAT(text, testing::HasSubstr("\\x1b[31m"));
}

TEST(Rows, KeepTypesInJsonAndYaml) {
  EXPECT_EQ(Json::parse(printed({{"output", {"json"}}})), rows);
  EXPECT_EQ(printed({{"output", {"yaml"}}}),
            "- name: casa-1\n  n: 5\n  note: null\n- name: été\n  n: 1234\n  note: \"a\\nb\"\n");
  EXPECT_EQ(printed({{"output", {"jsonl"}}, {"columns", {"n"}}}), "{\"n\":5}\n{\"n\":1234}\n");
}

TEST(Rows, AreToldWhenThereAreNone) {
  EXPECT_EQ(printed({}, Json::array()), "No data found\n");
  EXPECT_EQ(printed({{"output", {"json"}}}, Json::array()), "[]\n");
}

TEST(Rows, TakeColumnsByName) {
  EXPECT_EQ(printed({{"output", {"plain"}}, {"columns", {"n,name"}}}),
            "n     name\n5     casa-1\n1234  été\n");
  EXPECT_THROW(printed({{"columns", {"nam"}}}), base::UserError);
}

TEST(Yaml, QuotesWhatWouldBeReadAsSomethingElse) {
  EXPECT_EQ(format_yaml({{"a", "true"},
                         {"b", "5"},
                         {"c", "x: y"},
                         {"d", ""},
                         {"e", Json::array()},
                         {"f", {{"g", Json::array({1, "two"})}}}}),
            "a: \"true\"\nb: \"5\"\nc: \"x: y\"\nd: \"\"\ne: []\nf:\n  g:\n    - 1\n    - two\n");
}

TEST(Digits, AreGroupedByThousands) {
  EXPECT_EQ(group_digits(0), "0");
  EXPECT_EQ(group_digits(999), "999");
  EXPECT_EQ(group_digits(1234567), "1,234,567");
  EXPECT_EQ(group_digits(-1000), "-1,000");
}

TEST(Bar, IsAsWideAsAskedFor) {
  for (const double share : {-1.0, 0.0, 0.33, 0.5, 0.999, 1.0, 7.0})
    EXPECT_EQ(display_width(bar(share, 10)), 10u) << share;
  EXPECT_EQ(bar(0.5, 4), "██  ");
}

TEST(ProgressLine, IsSilentWithoutATerminal) {
  std::ostringstream out;
  Progress progress(out, false);
  progress.show(1, 2, "x");
  progress.clear();
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace tamis::cli
