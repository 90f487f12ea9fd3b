#include "core/base/yaml.h"

#include <gtest/gtest.h>

#include "core/base/json.h"

namespace tamis::base {
namespace {

Node parse(const std::string& text) {
  Findings findings;
  auto documents = parse_yaml(text, findings);
  EXPECT_TRUE(findings.empty()) << findings.text("f", text);
  return documents.empty() ? Node() : documents[0];
}

/// `line:column-end_line:end_column code` of the first finding.
std::string first(const std::string& text) {
  Findings findings;
  parse_yaml(text, findings);
  if (findings.empty()) return "";
  const auto& f = findings.all()[0];
  return std::to_string(f.span.line) + ":" + std::to_string(f.span.column) + " " + f.code;
}

TEST(Yaml, ResolvesTheCoreSchema) {
  const auto node =
      parse("a: yes\nb: 0x1F\nc: 0o17\nd: 1.5e3\ne: ~\nf: 'x'\ng: true\nh: 1.2.3\ni: -7\nj: 2026-01-01\n");
  EXPECT_EQ(
      node.json().dump(),
      R"({"a":"yes","b":31,"c":15,"d":1500.0,"e":null,"f":"x","g":true,"h":"1.2.3","i":-7,"j":"2026-01-01"})");
}

TEST(Yaml, KnowsWhereScalarsEnd) {
  const auto node = parse(
      "a: 'it''s'\nb: \"x\\\"y\"\nc: plain words # note\nd: &n anchored\ne: |\n  block\nf: 'two\n  lines'\n");
  const auto place = [&](const char* key) {
    const Span& s = node.find(key)->span;
    return std::vector<int>{s.line, s.column, s.end_line, s.end_column};
  };
  EXPECT_EQ(place("a"), (std::vector<int>{1, 4, 1, 11}));
  EXPECT_EQ(place("b"), (std::vector<int>{2, 4, 2, 10}));
  EXPECT_EQ(place("c"), (std::vector<int>{3, 4, 3, 15}));
  EXPECT_EQ(place("d"), (std::vector<int>{4, 4, 4, 15}));
  EXPECT_EQ(place("f"), (std::vector<int>{7, 4, 8, 9}));
}

TEST(Yaml, TakesByteOrderMarkAndCarriageReturns) {
  EXPECT_EQ(parse("\xEF\xBB\xBF"
                  "a: 1\r\nb:\r\n  - x\r\n")
                .json()
                .dump(),
            R"({"a":1,"b":["x"]})");
}

TEST(Yaml, MergesAndAliases) {
  EXPECT_EQ(parse("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n").json()["y"].dump(), R"({"b":3,"a":1})");
}

TEST(Yaml, TellsWhatIsWrongAndWhere) {
  EXPECT_EQ(first("a: 1\nb: 2\na: 3\n"), "3:1 duplicate_key");
  EXPECT_EQ(first("a: &x 1\nb: &x 2\n"), "2:4 duplicate_anchor");
  EXPECT_EQ(first("a: !python/object x\n"), "1:4 unknown_tag");
  EXPECT_EQ(first("a:\n\tb: 1\n"), "2:1 tab");
  EXPECT_EQ(first("a: @daily\n"), "1:4 unquoted");
  EXPECT_EQ(first("a: {{ ds }}\n"), "1:4 unquoted_template");
  EXPECT_EQ(first("a: *nobody\n"), "1:4 unknown_anchor");
  EXPECT_EQ(first("a: \xff\n"), "1:4 not_utf8");
  EXPECT_EQ(first(std::string("a: \x01\n", 5)), "1:4 control_character");
}

TEST(Yaml, RefusesWhatWouldEatMemory) {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto former = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + former;
    for (int k = 0; k < 9; ++k) laughs += "," + former;
    laughs += "]\n";
  }
  EXPECT_NE(first(laughs), "");
  EXPECT_NE(first(std::string(100000, '[')), "");
  EXPECT_NE(first(std::string(100000, '{')), "");
}

}  // namespace
}  // namespace tamis::base
