#include <random>
#include <set>

#include "tests/unit/transforms/rows.h"

namespace tamis::transforms {
namespace {

using records::RowState;

constexpr auto live = RowState::live, twice = RowState::duplicate;

struct Deduplicated {
  CompileContext context;
  std::unique_ptr<Transform> transform;
  std::unique_ptr<Transform::State> state;

  Deduplicated(const std::string& yaml, const std::vector<std::pair<std::string, std::string>>& fields) {
    context.layout = layout_of(fields);
    context.next_column = static_cast<uint32_t>(fields.size());
    base::Findings findings;
    transform = compile(yaml, context, findings);
    EXPECT_NE(transform, nullptr) << findings.text("test.yaml", yaml);
    state = transform->make_state();
  }
  std::vector<RowState> run(const std::vector<Json>& rows) {
    auto batch = batch_of(context.layout, rows);
    transform->prepare(batch);
    transform->run(batch, state.get());
    return batch.state;
  }
};

TEST(Deduplicate, KeepsTheFirstInOffsetOrderOverAllBatches) {
  Deduplicated by_key("deduplicate: {keys: [k]}", {{"k", "keyword"}, {"v", "long"}});
  EXPECT_TRUE(by_key.transform->is_ordered());
  EXPECT_EQ(by_key.run({{{"k", "a"}, {"v", 1}}, {{"k", "b"}}, {{"k", "a"}, {"v", 2}}}),
            (std::vector{live, live, twice}));
  EXPECT_EQ(by_key.run({{{"k", "b"}}, {{"k", "c"}}}), (std::vector{twice, live}));
}

TEST(Deduplicate, ComparesByValueAndHoldsNullsEqual) {
  Deduplicated nulls("deduplicate: {keys: [k, n]}", {{"k", "keyword"}, {"n", "long"}});
  EXPECT_EQ(nulls.run({Json::object(),
                       {{"k", nullptr}},
                       {{"k", ""}},
                       {{"n", 1}},
                       {{"n", 1}},
                       {{"k", "null"}},
                       {{"k", ""}, {"n", nullptr}}}),
            (std::vector{live, twice, live, live, twice, live, twice}));
  Deduplicated zeros("deduplicate: {keys: [x]}", {{"x", "double"}});
  EXPECT_EQ(zeros.run({{{"x", 0.0}}, {{"x", -0.0}}, {{"x", 1e-300}}, Json::object()}),
            (std::vector{live, twice, live, live}));
}

TEST(Deduplicate, TellsNeighbouringTextsApart) {
  Deduplicated texts("deduplicate: {keys: [a, b]}", {{"a", "keyword"}, {"b", "keyword"}});
  EXPECT_EQ(texts.run({{{"a", "x"}, {"b", "yz"}}, {{"a", "xy"}, {"b", "z"}}, {{"a", "x"}}, {{"b", "x"}}}),
            (std::vector{live, live, live, live}));
}

TEST(Deduplicate, LooksOnlyAtLiveRows) {
  Deduplicated by_key("deduplicate: {keys: [k]}", {{"k", "long"}});
  auto batch = batch_of(by_key.context.layout, {{{"k", 1}}, {{"k", 1}}, {{"k", 2}}, {{"k", 2}}});
  batch.state[0] = RowState::filtered;
  batch.state[3] = RowState::rejected;
  by_key.transform->prepare(batch);
  by_key.transform->run(batch, by_key.state.get());
  EXPECT_EQ(batch.state, (std::vector{RowState::filtered, live, live, RowState::rejected}));
}

TEST(Deduplicate, MayStandTwiceInOnePipeline) {
  CompileContext context;
  context.layout = layout_of({{"k", "long"}, {"n", "long"}});
  context.next_column = 2;
  base::Findings findings;
  const auto first = compile("deduplicate: {keys: [k, n], lookback: 4}", context, findings);
  const auto second = compile("deduplicate: {keys: [k]}", context, findings);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->lookback(), 4);
  EXPECT_EQ(second->lookback(), 0);
  const auto a = first->make_state(), b = second->make_state();
  auto batch = batch_of(layout_of({{"k", "long"}, {"n", "long"}}),
                        {{{"k", 1}, {"n", 1}}, {{"k", 1}, {"n", 1}}, {{"k", 1}, {"n", 2}}, {{"k", 2}}});
  first->prepare(batch);
  second->prepare(batch);
  first->run(batch, a.get());
  EXPECT_EQ(batch.state, (std::vector{live, twice, live, live}));
  second->run(batch, b.get());
  EXPECT_EQ(batch.state, (std::vector{live, twice, twice, live}));
}

TEST(Deduplicate, HashesABatchAgainThatHoldsOtherRecords) {
  Deduplicated by_key("deduplicate: {keys: [k]}", {{"k", "long"}});
  auto batch = batch_of(by_key.context.layout, {{{"k", 1}}});
  by_key.transform->run(batch, by_key.state.get());
  batch.clear();
  batch.input.records.resize(1);
  batch.state = {live};
  batch.columns[0].longs[0] = 2;
  by_key.transform->run(batch, by_key.state.get());
  EXPECT_EQ(batch.state[0], live);
}

TEST(Deduplicate, AgreesWithASetOverManyKeys) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Deduplicated by_key("deduplicate: {keys: [s, n]}", {{"s", "keyword"}, {"n", "long"}});
  std::set<std::pair<std::string, int64_t>> seen;
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<Json> rows;
    std::vector<RowState> wanted;
    for (int i = 0; i < 1000; ++i) {
      const std::string s = "sensor-" + std::to_string(random() % 100);
      const int64_t n = random() % 150;
      rows.push_back({{"s", s}, {"n", n}});
      wanted.push_back(seen.emplace(s, n).second ? live : twice);
    }
    ASSERT_EQ(by_key.run(rows), wanted) << "batch " << batch;
  }
}

TEST(Deduplicate, RefusesWrongParameters) {
  CompileContext context;
  context.layout = layout_of({{"k", "long"}});
  EXPECT_EQ(fault_of("deduplicate: {keys: [kk]}", context), "1:22 unknown_field");
  EXPECT_EQ(fault_of("deduplicate: {keys: [k, k]}", context), "1:25 duplicate_field");
  EXPECT_EQ(fault_of("deduplicate: {keys: []}", context), "1:21 missing_key");
  EXPECT_EQ(fault_of("deduplicate: {lookback: 3}", context), "1:14 missing_key");
  EXPECT_EQ(fault_of("deduplicate: {keys: [k], lookback: -1}", context), "1:36 out_of_range");
  EXPECT_EQ(fault_of("deduplicate: {key: [k]}", context), "1:15 unknown_key");
  EXPECT_EQ(fault_of("deduplicate: [k]", context), "1:14 wrong_type");
}

}  // namespace
}  // namespace tamis::transforms
