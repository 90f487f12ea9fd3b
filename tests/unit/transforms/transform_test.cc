// filter, derive, rename and drop, and what the registry says of all kinds.
#include "tasks/transforms/transform.h"

#include "tasks/transforms/kinds.h"
#include "tasks/transforms/names.h"
#include "tests/unit/transforms/rows.h"

namespace tamis::transforms {
namespace {

using records::RowState;

CompileContext context_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  CompileContext context;
  context.layout = layout_of(fields);
  context.next_column = static_cast<uint32_t>(fields.size());
  return context;
}

TEST(Transforms, AreKnownByTheirWordsAndDescribeThemselves) {
  for (const auto* name : {"filter", "deduplicate", "derive", "rename", "drop", "lookup"}) {
    const auto* kind = find_transform(name);
    ASSERT_NE(kind, nullptr) << name;
    EXPECT_FALSE(kind->summary.empty());
    EXPECT_TRUE(kind->schema.is_object() && kind->schema.contains("type")) << kind->schema;
  }
  EXPECT_EQ(find_transform("filtre"), nullptr);
  EXPECT_EQ(transform_kinds().size(), 6u);
}

TEST(FieldNames, AreWordsThatExpressionsAndDocumentsLeaveFree) {
  for (const auto* name : {"a", "_x9", "floor", "Temperature_F"}) EXPECT_EQ(name_fault(name), "") << name;
  for (const auto* name : {"", "9a", "a-b", "a b", "é", "and", "null", "source", "@timestamp"})
    EXPECT_NE(name_fault(name), "") << name;
}

TEST(Filter, KeepsWhatIsTrueAndCountsNullAsFalse) {
  auto context = context_of({{"n", "long"}});
  auto batch = batch_of(context.layout, {{{"n", 1}}, {{"n", 6}}, Json::object(), {{"n", 2}}, {{"n", 7}}});
  batch.state[3] = RowState::duplicate;
  batch.state[4] = RowState::rejected;
  batch.input.records[1].is_lookback = true;
  apply("filter: not (n > 5)", context, batch);
  EXPECT_EQ(batch.state, (std::vector{RowState::live, RowState::filtered, RowState::filtered,
                                      RowState::duplicate, RowState::rejected}));
}

TEST(Filter, TakesAConstantAndAField) {
  auto context = context_of({{"p", "boolean"}});
  auto batch = batch_of(context.layout, {{{"p", true}}, {{"p", false}}, Json::object()});
  apply("filter: true", context, batch);
  EXPECT_EQ(batch.state[1], RowState::live);
  apply("filter: p", context, batch);
  EXPECT_EQ(batch.state, (std::vector{RowState::live, RowState::filtered, RowState::filtered}));
  apply("filter: \"false\"", context, batch);
  EXPECT_EQ(batch.state[0], RowState::filtered);
}

TEST(Filter, RefusesWhatIsNoBoolean) {
  const auto context = context_of({{"n", "long"}});
  EXPECT_EQ(fault_of("filter: n + 1", context), "1:9 type_mismatch");
  EXPECT_EQ(fault_of("filter: n > w", context), "1:13 unknown_field");
  EXPECT_EQ(fault_of("filter: 'n > w'", context), "1:14 unknown_field");
  EXPECT_EQ(fault_of("filter: [n]", context), "1:9 wrong_type");
  EXPECT_EQ(fault_of("filter: null", context), "1:9 wrong_type");
}

TEST(Derive, LetsEachEntrySeeThoseBeforeIt) {
  auto context = context_of({{"x", "long"}});
  auto batch = batch_of(context.layout, {{{"x", 3}}, {{"x", 10}}, Json::object()});
  apply("derive: {y: x + 1, x: x / 2, z: x + y, s: 'if(x > 2, \"big\", \"small\")', one: 1, same: y}",
        context, batch);
  EXPECT_EQ(row_of(batch, context.layout, 0),
            Json::parse(R"({"x":1.5,"y":4,"z":5.5,"s":"small","one":1,"same":4})"));
  EXPECT_EQ(row_of(batch, context.layout, 1),
            Json::parse(R"({"x":5.0,"y":11,"z":16.0,"s":"big","one":1,"same":11})"));
  EXPECT_EQ(row_of(batch, context.layout, 2), Json::parse(R"({"s":"small","one":1})"));
  EXPECT_EQ(context.layout.find("x")->type, records::Type::double_);
  EXPECT_EQ(context.layout.fields[0].name, "x");
}

TEST(Derive, ReadsItsParametersFromAWorkersCopyAlike) {
  const std::string yaml = "{a: 1, b: 1.5, c: true, d: '\"t\"', e: n + 1, f: 5e0}";
  auto context = context_of({{"n", "long"}}), copy = context;
  base::Findings findings;
  const auto node = node_of(yaml);
  ASSERT_NE(find_transform("derive")->compile(node, context, findings), nullptr);
  ASSERT_NE(find_transform("derive")->compile(base::Node::from_json(Json::parse(node.json().dump())), copy,
                                              findings),
            nullptr);
  ASSERT_EQ(context.layout.fields.size(), copy.layout.fields.size());
  for (size_t i = 0; i < copy.layout.fields.size(); ++i)
    EXPECT_EQ(context.layout.fields[i].type, copy.layout.fields[i].type) << copy.layout.fields[i].name;
}

TEST(Derive, ToleratesTheSameBatchAgainWithOtherRows) {
  auto context = context_of({{"s", "keyword"}});
  base::Findings findings;
  const auto derive = compile("derive: {u: upper(s), n: length(s)}", context, findings);
  auto batch = batch_of(layout_of({{"s", "keyword"}}), {{{"s", "abc"}}, {{"s", "de"}}});
  derive->run(batch, nullptr);
  EXPECT_EQ(row_of(batch, context.layout, 1), Json::parse(R"({"s":"de","u":"DE","n":2})"));
  batch.clear();
  batch.input.records.resize(1);
  batch.state = {RowState::live};
  batch.columns[0].resize(records::Type::keyword, 1);
  batch.columns[0].valid[0] = 1;
  batch.columns[0].texts[0] = batch.arena.copy("xyz1");
  derive->run(batch, nullptr);
  EXPECT_EQ(row_of(batch, context.layout, 0), Json::parse(R"({"s":"xyz1","u":"XYZ1","n":4})"));
}

TEST(Derive, RefusesBadNamesAndExpressions) {
  const auto context = context_of({{"n", "long"}});
  EXPECT_EQ(fault_of("derive: {source: n}", context), "1:10 bad_name");
  EXPECT_EQ(fault_of("derive: {and: n}", context), "1:10 bad_name");
  EXPECT_EQ(fault_of("derive: {a b: n}", context), "1:10 bad_name");
  EXPECT_EQ(fault_of("derive: {a: n +}", context), "1:16 bad_expression");
  EXPECT_EQ(fault_of("derive: {a: null}", context), "1:13 wrong_type");
  EXPECT_EQ(fault_of("derive: {a: 'null'}", context), "1:14 type_mismatch");
  EXPECT_EQ(fault_of("derive: {}", context), "1:9 missing_key");
  EXPECT_EQ(fault_of("derive: [n]", context), "1:9 wrong_type");
}

TEST(Derive, BlamesNobodyForAFieldWhoseExpressionIsWrong) {
  auto context = context_of({{"s", "keyword"}});
  base::Findings findings;
  EXPECT_EQ(compile("derive: {hot: nope > 3, s: nope, ok: \"hot and contains(s, 'x')\"}", context, findings),
            nullptr);
  EXPECT_EQ(findings.error_count(), 2u);
  EXPECT_EQ(context.layout.find("hot")->type, records::Type::boolean);
}

TEST(Rename, ChangesAllNamesAtOnce) {
  auto context = context_of({{"a", "long"}, {"b", "keyword"}, {"c", "long"}});
  auto batch = batch_of(context.layout, {{{"a", 1}, {"b", "x"}, {"c", 3}}});
  apply("rename: {a: b, b: a, c: d}", context, batch);
  EXPECT_EQ(row_of(batch, context.layout, 0), Json::parse(R"({"b":1,"a":"x","d":3})"));
}

TEST(Rename, RefusesTwoFieldsOfOneName) {
  const auto context = context_of({{"v", "long"}, {"w", "long"}, {"x", "long"}});
  EXPECT_EQ(fault_of("rename: {v: w}", context), "1:13 duplicate_field");
  EXPECT_EQ(fault_of("rename: {v: z, w: z}", context), "1:19 duplicate_field");
  EXPECT_EQ(fault_of("rename: {v: w, w: v}", context), "compiled");
  EXPECT_EQ(fault_of("rename: {v: v}", context), "compiled");
  EXPECT_EQ(fault_of("rename: {vv: y}", context), "1:10 unknown_field");
  EXPECT_EQ(fault_of("rename: {v: source}", context), "1:13 bad_name");
  EXPECT_EQ(fault_of("rename: {v: 1}", context), "1:13 wrong_type");
  EXPECT_EQ(fault_of("rename: v", context), "1:9 wrong_type");
}

TEST(Drop, LeavesFieldsOut) {
  auto context = context_of({{"a", "long"}, {"b", "long"}});
  auto batch = batch_of(context.layout, {{{"a", 1}, {"b", 2}}});
  apply("drop: [a]", context, batch);
  EXPECT_EQ(row_of(batch, context.layout, 0), Json::parse(R"({"b":2})"));
  EXPECT_EQ(fault_of("drop: [a]", context), "1:8 unknown_field");
  EXPECT_EQ(fault_of("drop: [b, b]", context), "1:11 duplicate_field");
  EXPECT_EQ(fault_of("drop: []", context), "1:7 wrong_type");
  EXPECT_EQ(fault_of("drop: b", context), "1:7 wrong_type");
}

}  // namespace
}  // namespace tamis::transforms
