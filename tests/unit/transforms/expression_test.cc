#include "tasks/transforms/expression.h"

#include "tests/unit/transforms/rows.h"

namespace tamis::transforms {
namespace {

const records::Layout& fields() {
  static const records::Layout layout = layout_of({{"a", "long"},
                                                   {"b", "long"},
                                                   {"x", "double"},
                                                   {"y", "double"},
                                                   {"s", "keyword"},
                                                   {"u", "keyword"},
                                                   {"p", "boolean"},
                                                   {"q", "boolean"},
                                                   {"t", "timestamp"},
                                                   {"floor", "long"}});
  return layout;
}

base::Node text_node(const std::string& text) {
  base::Node node;
  node.kind = base::Node::Kind::text;
  node.text = text;
  node.span = {3, 11, 3, 11 + static_cast<int>(text.size())};
  return node;
}

/// The type and value of an expression over one row, as `long 7`; or `column code: message` of its fault.
std::string answer(const std::string& text, const Json& row = Json::object()) {
  base::Findings findings;
  const auto expression = Expression::compile(text_node(text), fields(), findings);
  if (!expression) {
    if (findings.empty()) return "no finding";
    const auto& f = findings.all()[0];
    return std::to_string(f.span.column - 10) + " " + f.code + ": " + f.message;
  }
  EXPECT_TRUE(findings.empty());
  // Three rows of which the middle one is live: the others hold what nobody may look at.
  auto batch = batch_of(fields(), {Json::object(), row, Json::object()});
  batch.state[0] = batch.state[2] = records::RowState::rejected;
  for (auto& column : batch.columns) column.valid[0] = column.valid[2] = 1;
  for (auto& column : batch.columns)
    if (column.type == records::Type::keyword)
      column.texts[0] = column.texts[2] = std::string_view(reinterpret_cast<const char*>(1), 1000);
  records::Column out;
  expression->run(batch, out);
  EXPECT_EQ(out.type, expression->type());
  return std::string(records::type_name(expression->type())) + " " + value_of(out, 1).dump();
}

struct Case {
  std::string text;
  Json row;
  std::string wanted;
};

void expect_all(const std::vector<Case>& cases) {
  for (const auto& c : cases) EXPECT_EQ(answer(c.text, c.row), c.wanted) << c.text << " over " << c.row;
}

constexpr int64_t most = INT64_MAX, least = INT64_MIN;

TEST(Expression, KeepsLongsAndMakesDoublesOfMixedNumbers) {
  const Json row = {{"a", 7}, {"b", 2}, {"x", 7.5}, {"y", 2.0}};
  expect_all({{"a + b", row, "long 9"},
              {"a - b", row, "long 5"},
              {"a * b", row, "long 14"},
              {"a / b", row, "double 3.5"},
              {"a % b", row, "long 1"},
              {"a + x", row, "double 14.5"},
              {"x / y", row, "double 3.75"},
              {"x % y", row, "double 1.5"},
              {"-a", row, "long -7"},
              {"a * 9 / 5 + 32", row, "double 44.6"},
              {"1 + a", row, "long 8"},
              {"4 / 2", row, "double 2.0"}});
}

TEST(Expression, GivesTheRestTheSignOfTheDividend) {
  expect_all({{"a % b", {{"a", -7}, {"b", 2}}, "long -1"},
              {"a % b", {{"a", 7}, {"b", -2}}, "long 1"},
              {"x % y", {{"x", -7.5}, {"y", 2}}, "double -1.5"},
              {"a % b", {{"a", least}, {"b", -1}}, "long 0"}});
}

TEST(Expression, MakesNullOfWhatHasNoValue) {
  expect_all({{"a + b", {{"a", 1}}, "long null"},
              {"a / b", {{"a", 1}, {"b", 0}}, "double null"},
              {"a % b", {{"a", 1}, {"b", 0}}, "long null"},
              {"x % y", {{"x", 1}, {"y", 0}}, "double null"},
              {"a + b", {{"a", most}, {"b", 1}}, "long null"},
              {"a - b", {{"a", least}, {"b", 1}}, "long null"},
              {"a * b", {{"a", most}, {"b", 2}}, "long null"},
              {"-a", {{"a", least}}, "long null"},
              {"abs(a)", {{"a", least}}, "long null"},
              {"x * y", {{"x", 1e308}, {"y", 10}}, "double null"},
              {"9223372036854775807 + 1", {}, "long null"},
              {"1 / 0", {}, "double null"}});
}

TEST(Expression, WritesNoMinusBeforeZero) {
  expect_all({{"x * y", {{"x", -1.0}, {"y", 0.0}}, "double 0.0"},
              {"-x", {{"x", 0.0}}, "double 0.0"},
              {"round(x)", {{"x", -0.4}}, "double 0.0"},
              {"-0.0", {}, "double 0.0"}});
}

TEST(Expression, BindsFromLooseToTight) {
  const Json row = {{"a", 7}};
  expect_all({{"1 + 2 * 3", row, "long 7"},
              {"(1 + 2) * 3", row, "long 9"},
              {"10 - 4 - 3", row, "long 3"},
              {"100 / 10 / 5", row, "double 2.0"},
              {"-a % 4", row, "long -3"},
              {"7 - -a", row, "long 14"},
              {"not a == 6", row, "boolean true"},
              {"true or false and false", row, "boolean true"},
              {"not p or true", row, "boolean true"},
              {"not (p or true)", row, "boolean false"},
              {"a + 1 == 8 and a * 2 > 13", row, "boolean true"},
              {"a + 1 in [8, 9]", row, "boolean true"},
              {"a % 4 * 2", row, "long 6"},
              {"- - a", row, "long 7"},
              {"a - 8 is null or a > 6", row, "boolean true"},
              {"not p is null", row, "boolean false"},
              {"not not p is null", row, "boolean true"}});
}

TEST(Expression, KnowsThreeTruthValues) {
  const std::vector<Json> values = {true, false, nullptr};
  const std::string conjunction[3][3] = {
      {"true", "false", "null"}, {"false", "false", "false"}, {"null", "false", "null"}};
  const std::string disjunction[3][3] = {
      {"true", "true", "true"}, {"true", "false", "null"}, {"true", "null", "null"}};
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 3; ++k) {
      const Json row = {{"p", values[i]}, {"q", values[k]}};
      EXPECT_EQ(answer("p and q", row), "boolean " + conjunction[i][k]);
      EXPECT_EQ(answer("p or q", row), "boolean " + disjunction[i][k]);
      EXPECT_EQ(answer("p and " + values[k].dump(), row), "boolean " + conjunction[i][k]);
      EXPECT_EQ(answer(values[i].dump() + " or q", row), "boolean " + disjunction[i][k]);
    }
  expect_all({{"not p", {{"p", true}}, "boolean false"},
              {"not p", {}, "boolean null"},
              {"not null", {}, "boolean null"},
              {"p == q", {{"p", true}, {"q", true}}, "boolean true"},
              {"p != q", {{"p", true}}, "boolean null"},
              {"p is null", {}, "boolean true"},
              {"p is not null", {}, "boolean false"}});
}

TEST(Expression, ComparesByValue) {
  expect_all({{"a == x", {{"a", 5}, {"x", 5.0}}, "boolean true"},
              {"a < x", {{"a", 4}, {"x", 4.5}}, "boolean true"},
              {"a == x", {{"a", 9007199254740993}, {"x", 9007199254740992.0}}, "boolean true"},
              {"a == 9007199254740992", {{"a", 9007199254740993}}, "boolean false"},
              {"s < u", {{"s", "\uFFFF"}, {"u", "😀"}}, "boolean true"},
              {"s == \"Zoë\"", {{"s", "Zoë"}}, "boolean true"},
              {"s <= 'Zz'", {{"s", "é"}}, "boolean false"},
              {"s != u", {{"s", ""}, {"u", ""}}, "boolean false"},
              {"s > u", {{"s", "a"}}, "boolean null"},
              {"p == true", {{"p", true}}, "boolean true"},
              {"3 <= a", {{"a", 3}}, "boolean true"},
              {"a >= x", {{"a", 3}, {"x", 3.5}}, "boolean false"}});
}

TEST(Expression, ReadsATextBesideATimestampAsRfc3339) {
  const Json row = {{"t", "2026-03-01T09:00:00Z"}};
  expect_all({{"t >= \"2026-03-01T10:00:00+01:00\"", row, "boolean true"},
              {"'2026-03-01T09:00:00Z' == t", row, "boolean true"},
              {"t in ['2026-03-01T09:00:00.000Z']", row, "boolean true"},
              {"coalesce(t, '2026-01-01T00:00:00Z')", {}, "timestamp \"2026-01-01T00:00:00.000Z\""},
              {"max(t, '2030-01-01T00:00:00Z')", row, "timestamp \"2030-01-01T00:00:00.000Z\""}});
  EXPECT_EQ(answer("t > 'monday'"), "5 bad_timestamp: \"monday\" stands beside a timestamp and is none");
  EXPECT_EQ(answer("t > s"), "5 type_mismatch: \">\" can't mix a timestamp and a keyword");
}

TEST(Expression, LooksIntoLists) {
  expect_all({{"a in [1, 2, -3]", {{"a", -3}}, "boolean true"},
              {"a not in [1, 2]", {{"a", 4}}, "boolean true"},
              {"s in [\"ok\", 'x y']", {{"s", "x y"}}, "boolean true"},
              {"x in [1, 2.5]", {{"x", 1.0}}, "boolean true"},
              {"a in [1, 2.5]", {{"a", 1}}, "boolean true"},
              {"not s in ['ok']", {{"s", "OK"}}, "boolean true"},
              {"a in [1]", {}, "boolean null"},
              {"a not in [1]", {}, "boolean null"},
              {"7 in [4, -2, 31]", {}, "boolean false"},
              {"p in [true]", {{"p", true}}, "boolean true"},
              {"a in [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]", {{"a", 18}}, "boolean true"},
              {"a not in [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]", {{"a", 19}}, "boolean true"},
              {"s in ['j','i','h','g','f','e','d','c','b','a']", {{"s", "i"}}, "boolean true"}});
}

TEST(Expression, ReadsLiterals) {
  expect_all({{"\"it's\"", {}, "keyword \"it's\""},
              {"'say \"hi\"'", {}, R"(keyword "say \"hi\"")"},
              {R"("tab\t\"q\" \u00e9 \\ \' \/")", {}, R"(keyword "tab\t\"q\" é \\ ' /")"},
              {R"('\ud83d\ude00')", {}, "keyword \"😀\""},
              {"1e3", {}, "double 1000.0"},
              {"0.5", {}, "double 0.5"},
              {"5e0", {}, "double 5.0"},
              {"12", {}, "long 12"},
              {"true", {}, "boolean true"},
              {"-9223372036854775808", {}, "long -9223372036854775808"},
              {"1e-400", {}, "double 0.0"}});
}

TEST(Expression, RoundsHalvesAwayFromZeroAndKeepsTheType) {
  expect_all({{"abs(x)", {{"x", -2.5}}, "double 2.5"},
              {"round(x)", {{"x", 2.5}}, "double 3.0"},
              {"round(x)", {{"x", -2.5}}, "double -3.0"},
              {"round(x)", {{"x", 0.49999999999999994}}, "double 0.0"},
              {"round(x, 2)", {{"x", 2.675}}, "double 2.68"},
              {"round(x, 2)", {{"x", 1e308}}, "double null"},
              {"round(x, 0)", {{"x", 1.5}}, "double 2.0"},
              {"round(a)", {{"a", -5}}, "long -5"},
              {"round(a, 3)", {{"a", least}}, "long -9223372036854775808"},
              {"floor(x)", {{"x", -2.5}}, "double -3.0"},
              {"ceil(x)", {{"x", 2.25}}, "double 3.0"},
              {"floor(a)", {{"a", 5}}, "long 5"},
              {"abs(-3)", {}, "long 3"}});
}

TEST(Expression, TakesTheLeastAndTheGreatest) {
  expect_all({{"min(x, y)", {{"x", 2.5}, {"y", 2.25}}, "double 2.25"},
              {"max(x, y, 0)", {{"x", -2.5}, {"y", -1.0}}, "double 0.0"},
              {"max(a, x)", {{"a", 5}, {"x", 4.5}}, "double 5.0"},
              {"min(a, 3)", {{"a", -5}}, "long -5"},
              {"min(a, 3)", {}, "long null"},
              {"max(s, 'b')", {{"s", "a"}}, "keyword \"b\""},
              {"min(a, b, 9, 8)", {{"a", 10}, {"b", 11}}, "long 8"}});
}

TEST(Expression, ChoosesAndFallsBack) {
  const Json row = {{"a", 5}, {"x", 1.5}, {"s", "y"}, {"p", true}};
  expect_all({{"coalesce(a, 0)", {}, "long 0"},
              {"coalesce(a, x)", row, "double 5.0"},
              {"coalesce(a, x)", {{"x", 1.5}}, "double 1.5"},
              {"coalesce(s, \"none\")", {}, "keyword \"none\""},
              {"coalesce(a, b)", {}, "long null"},
              {"coalesce(null, a, 3)", {}, "long 3"},
              {"if(p, a, 0)", row, "long 5"},
              {"if(p, a, 0)", {{"a", 5}}, "long 0"},
              {"if(a > 3, x, a)", row, "double 1.5"},
              {"if(a > 3, x, a)", {{"a", 2}}, "double 2.0"},
              {"if(p, s, null)", row, "keyword \"y\""},
              {"if(p, s, null)", {{"p", false}, {"s", "y"}}, "keyword null"},
              {"if(p is null, -1, 1)", {}, "long -1"},
              {"if(null, 1, 2)", {}, "long 2"},
              {"if(a > 2, 'big', 'small')", row, "keyword \"big\""}});
}

TEST(Expression, WorksOnTextsByCodePoint) {
  expect_all({{"lower(s)", {{"s", "Aïn Diab"}}, "keyword \"aïn diab\""},
              {"upper(s)", {{"s", "straße "}}, "keyword \"STRAßE \""},
              {"upper(s)", {{"s", "[@{`"}}, "keyword \"[@{`\""},
              {"trim(s)", {{"s", " \t Été\r\n"}}, "keyword \"Été\""},
              {"length(s)", {{"s", "😀x"}}, "long 2"},
              {"length(s)", {}, "long null"},
              {"starts_with(s, 'Aï')", {{"s", "Aïn"}}, "boolean true"},
              {"contains(s, u)", {{"s", "Aïn"}, {"u", "ïn"}}, "boolean true"},
              {"contains(s, '')", {{"s", ""}}, "boolean true"},
              {"length(trim(upper(s)))", {{"s", " é "}}, "long 1"},
              {"lower('ABC')", {}, "keyword \"abc\""},
              {"trim(s)", {{"s", " \n"}}, "keyword \"\""}});
}

TEST(Expression, LetsAFieldHaveTheNameOfAFunction) {
  expect_all({{"floor + 1", {{"floor", 3}}, "long 4"}, {"floor(floor / 2)", {{"floor", 3}}, "double 1.0"}});
}

TEST(Expression, PointsAtWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1 < a < 5", "7 bad_expression: comparisons don't chain: \"<\" follows another one"},
      {"a is null == true", "11 bad_expression: comparisons don't chain: \"==\" follows another one"},
      {"a >", "4 bad_expression: the expression ends where a value is expected"},
      {"", "1 bad_expression: an expression is missing"},
      {"a b", "3 bad_expression: \"b\" stands where an operator or the end is expected"},
      {"(a + 1", "7 bad_expression: the expression ends where \")\" is expected"},
      {"a + 1)", "6 bad_expression: \")\" closes nothing"},
      {"a = 1", "3 bad_expression: \"=\" is no operator"},
      {"a && p", "3 bad_expression: \"&&\" is no operator"},
      {"s == \"x", "6 bad_expression: the text has no closing \""},
      {"s == '\\x'", "7 bad_expression: unknown escape in a text"},
      {"s == '\\ud800'", "7 bad_expression: half a surrogate pair is no character"},
      {"007", "1 bad_expression: \"007\" is no number"},
      {"1.", "1 bad_expression: \"1.\" is no number"},
      {"12abc", "1 bad_expression: \"12abc\" is no number"},
      {"+5", "1 bad_expression: a number has no plus sign in front"},
      {"9223372036854775808", "1 bad_expression: 9223372036854775808 is too large for a long"},
      {"1e999", "1 bad_expression: 1e999 is too large for a double"},
      {"a in []", "7 bad_expression: the list is empty"},
      {"a in [b]", "7 bad_expression: a list holds only literals"},
      {"a in [null]", "7 bad_expression: a list can't hold null"},
      {"a # b", "3 bad_expression: an expression can't hold \"#\""},
      {"a == null", "1 null_comparison: \"==\" with null is never true"},
      {"1 + wxyz", "5 unknown_field: there is no field \"wxyz\" here"},
      {"flor > 1", "1 unknown_field: there is no field \"flor\" here (did you mean \"floor\"?)"},
      {"cieling(x)", "1 unknown_function: there is no function \"cieling\""},
      {"celi(x)", "1 unknown_function: there is no function \"celi\" (did you mean \"ceil\"?)"},
      {"s + a", "1 type_mismatch: \"+\" needs numbers, not a keyword"},
      {"a + null", "5 type_mismatch: \"+\" with null is always null"},
      {"p and a", "7 type_mismatch: and needs a boolean, not a long"},
      {"p < q", "1 type_mismatch: booleans have no order for \"<\""},
      {"a == s", "6 type_mismatch: \"==\" can't mix a long and a keyword"},
      {"s in [1]", "7 type_mismatch: \"in\" can't mix a keyword and a long"},
      {"if(p, a, s)", "10 type_mismatch: if can't mix a long and a keyword"},
      {"if(p, null, null)", "1 type_mismatch: if of nothing but null has no type"},
      {"null", "1 type_mismatch: null alone has no type"},
      {"round(x, a)",
       "10 wrong_arguments: round takes a number from 0 to 15 as its second value, written as it is"},
      {"round(x, 16)",
       "10 wrong_arguments: round takes a number from 0 to 15 as its second value, written as it is"},
      {"min(a)", "1 wrong_arguments: min takes 2 or more values, not 1"},
      {"lower(s, s)", "1 wrong_arguments: lower takes 1 value, not 2"},
      {"length(a)", "8 type_mismatch: length needs a keyword, not a long"},
      {"-s", "2 type_mismatch: - needs a number, not a keyword"}};
  for (const auto& [text, wanted] : cases) EXPECT_EQ(answer(text), wanted) << text;
}

TEST(Expression, TellsAllFaultsOfOneExpression) {
  base::Findings findings;
  EXPECT_FALSE(Expression::compile(text_node("nope > 1 and zilch == 2 and a + s > 3"), fields(), findings));
  EXPECT_EQ(findings.error_count(), 3u);
}

TEST(Expression, CountsColumnsFromWithinQuotes) {
  base::Findings findings;
  base::Node node = text_node("a + w");
  node.quoted = true;
  EXPECT_FALSE(Expression::compile(node, fields(), findings));
  EXPECT_EQ(findings.all()[0].span, (base::Span{3, 16, 3, 17}));
}

TEST(Expression, SaysWhatToDoAboutNullComparisons) {
  base::Findings findings;
  EXPECT_FALSE(Expression::compile(text_node("a != null"), fields(), findings));
  EXPECT_EQ(findings.all()[0].hint, "write: is not null");
}

TEST(Expression, RefusesDepthInsteadOfOverflowing) {
  const std::string open(100000, '('), minus(60000, '-');
  EXPECT_NE(answer("(((((" + open.substr(0, 1000) + "1").find("nested too deeply"), std::string::npos);
  EXPECT_NE(answer(open + "1").find("longer than"), std::string::npos);
  EXPECT_NE(answer(minus + "a").find("nested too deeply"), std::string::npos);
  std::string sum = "a";
  for (int i = 0; i < 10000; ++i) sum += " + a";
  EXPECT_NE(answer(sum).find("too deep"), std::string::npos);
}

TEST(Expression, IsAFieldWhenItIsNothingElse) {
  base::Findings findings;
  EXPECT_EQ(Expression::compile(text_node("(x)"), fields(), findings)->column(), 2u);
  EXPECT_EQ(Expression::compile(text_node("x + 0"), fields(), findings)->column(), std::nullopt);
}

TEST(Expression, GivesTheSameForManyRowsAsForOne) {
  std::vector<Json> rows;
  for (int i = 0; i < 1000; ++i) {
    Json row = Json::object();
    if (i % 7 != 0) row["a"] = i - 500;
    if (i % 5 != 0) row["x"] = i / 8.0;
    if (i % 3 != 0) row["s"] = "s" + std::to_string(i % 4);
    rows.push_back(row);
  }
  auto batch = batch_of(fields(), rows);
  for (const std::string text :
       {"a * 2 + x > 10 and s in ['s1', 's2']", "if(a > x, upper(s), 'low')", "coalesce(a, x, -1)"}) {
    base::Findings findings;
    const auto expression = Expression::compile(text_node(text), fields(), findings);
    ASSERT_TRUE(expression);
    records::Column out;
    expression->run(batch, out);
    for (size_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(std::string(records::type_name(out.type)) + " " + value_of(out, i).dump(),
                answer(text, rows[i]))
          << i;
  }
}

}  // namespace
}  // namespace tamis::transforms
