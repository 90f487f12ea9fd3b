// Deduplication over a slice of a million records: the parallel part (hashing keys), the ordered part (the
// table), and both.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>

#include "core/base/json.h"
#include "tasks/transforms/transform.h"

namespace tamis::transforms {
namespace {

constexpr size_t rows = 4096, batches = 256;

records::Layout layout() {
  return {{{"sensor_id", records::Type::keyword, 0}, {"timestamp", records::Type::timestamp, 1}}};
}

std::unique_ptr<Transform> deduplicate() {
  CompileContext context;
  context.layout = layout();
  context.next_column = 2;
  base::Findings findings;
  const auto node = base::Node::from_json({{"keys", {"sensor_id", "timestamp"}}});
  return find_transform("deduplicate")->compile(node, context, findings);
}

/// About 5 % of the records are there twice.
std::vector<records::Batch> slice() {
  std::vector<records::Batch> all(batches);
  std::mt19937 random(1);
  int64_t time = 1772355600000000;
  for (auto& batch : all) {
    batch.input.records.resize(rows);
    batch.state.assign(rows, records::RowState::live);
    batch.columns.resize(2);
    for (const auto& field : layout().fields) batch.columns[field.column].resize(field.type, rows);
    for (size_t i = 0; i < rows; ++i) {
      batch.columns[0].valid[i] = batch.columns[1].valid[i] = 1;
      if (i > 0 && random() % 20 == 0) {
        batch.columns[0].texts[i] = batch.columns[0].texts[i - 1];
      } else {
        batch.columns[0].texts[i] = batch.arena.copy("casablanca-sensor-" + std::to_string(random() % 1000));
        time += 1000000;
      }
      batch.columns[1].longs[i] = time;
    }
  }
  return all;
}

void revive(std::vector<records::Batch>& all) {
  for (auto& batch : all) batch.state.assign(rows, records::RowState::live);
}

void hash_keys(benchmark::State& state) {
  auto all = slice();
  const auto transform = deduplicate();
  for (auto _ : state)
    for (auto& batch : all) transform->prepare(batch);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows * batches));
}

void ordered_part(benchmark::State& state) {
  auto all = slice();
  const auto transform = deduplicate();
  for (auto& batch : all) transform->prepare(batch);
  for (auto _ : state) {
    state.PauseTiming();
    revive(all);
    auto seen = transform->make_state();
    state.ResumeTiming();
    for (auto& batch : all) transform->run(batch, seen.get());
    benchmark::DoNotOptimize(all.back().state.data());
    state.PauseTiming();
    seen.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows * batches));
}

BENCHMARK(hash_keys)->Unit(benchmark::kMillisecond);
BENCHMARK(ordered_part)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tamis::transforms

BENCHMARK_MAIN();
