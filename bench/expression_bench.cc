// Expressions over batches of 4,096 rows: what filter and derive cost a record.
#include <benchmark/benchmark.h>

#include <random>

#include "core/base/json.h"
#include "tasks/transforms/expression.h"

namespace tamis::transforms {
namespace {

constexpr size_t rows = 4096;

const records::Layout& layout() {
  using records::Type;
  static const records::Layout layout = {{{"temperature", Type::double_, 0},
                                          {"n", Type::long_, 1},
                                          {"status", Type::keyword, 2},
                                          {"t", Type::timestamp, 3}}};
  return layout;
}

records::Batch batch() {
  records::Batch batch;
  std::mt19937 random(1);
  batch.input.records.resize(rows);
  batch.state.assign(rows, records::RowState::live);
  batch.columns.resize(4);
  for (const auto& field : layout().fields) batch.columns[field.column].resize(field.type, rows);
  static constexpr std::string_view words[] = {"ok", "degraded", "maintenance"};
  for (size_t i = 0; i < rows; ++i) {
    for (auto& column : batch.columns) column.valid[i] = random() % 20 != 0;
    batch.columns[0].doubles[i] = static_cast<double>(random() % 1000) / 10;
    batch.columns[1].longs[i] = random() % 1000;
    batch.columns[2].texts[i] = words[random() % 3];
    batch.columns[3].longs[i] = 1772355600000000 + static_cast<int64_t>(i) * 1000;
  }
  return batch;
}

Expression compile(const std::string& text) {
  base::Node node;
  node.kind = base::Node::Kind::text;
  node.text = text;
  base::Findings findings;
  return Expression::compile(node, layout(), findings).value();
}

void derive(benchmark::State& state, const std::string& text) {
  auto rows_of = batch();
  const auto expression = compile(text);
  records::Column out;
  for (auto _ : state) {
    rows_of.arena.clear();
    expression.run(rows_of, out);
    benchmark::DoNotOptimize(out.valid.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows));
}

void filter(benchmark::State& state, const std::string& text) {
  auto rows_of = batch();
  const auto expression = compile(text);
  const auto live = rows_of.state;
  for (auto _ : state) {
    rows_of.state = live;
    expression.filter(rows_of);
    benchmark::DoNotOptimize(rows_of.state.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows));
}

BENCHMARK_CAPTURE(filter, text_not_equal, "status != \"maintenance\"");
BENCHMARK_CAPTURE(filter, number, "temperature > 35");
BENCHMARK_CAPTURE(filter, and_or, "temperature > 35 and n < 500 or status is null");
BENCHMARK_CAPTURE(filter, timestamp, "t >= \"2026-03-01T09:00:02Z\"");
BENCHMARK_CAPTURE(derive, fahrenheit, "temperature * 9 / 5 + 32");
BENCHMARK_CAPTURE(derive, long_arithmetic, "n * 3 - 7");
BENCHMARK_CAPTURE(derive, comparison, "temperature > 35");
BENCHMARK_CAPTURE(derive, choose, "if(n > 500, \"big\", \"small\")");
BENCHMARK_CAPTURE(derive, round, "round(temperature / 3, 2)");
BENCHMARK_CAPTURE(derive, in_texts, "status in [\"ok\", \"degraded\"]");
BENCHMARK_CAPTURE(derive, upper, "upper(status)");

}  // namespace
}  // namespace tamis::transforms

BENCHMARK_MAIN();
