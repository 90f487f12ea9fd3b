// WindowSet alone: one-minute windows over sensors' rows in batches of 4,096, by how many groups are live.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "tasks/windows/merger.h"
#include "tasks/windows/window.h"

namespace {

using namespace tamis;
using records::Type;
using windows::Function;

records::Layout layout() {
  return {{{"sensor_id", Type::keyword, 0}, {"site", Type::keyword, 1}, {"temperature", Type::double_, 2}}};
}

windows::WindowSpec spec(bool percentile) {
  windows::WindowSpec out{"by_minute",           std::chrono::minutes(1),        std::chrono::minutes(1),
                          {"sensor_id", "site"}, {Type::keyword, Type::keyword}, {}};
  out.aggregates = {{"readings", Function::count, ""},
                    {"avg", Function::avg, "temperature", Type::double_, Type::double_},
                    {"max", Function::max, "temperature", Type::double_, Type::double_}};
  if (percentile)
    out.aggregates.push_back({"p95", Function::p95, "temperature", Type::double_, Type::double_});
  return out;
}

/// Batches whose rows fall on `groups` sensors at random, all in one minute.
std::vector<records::Batch> batches(size_t groups, std::vector<std::string>& names) {
  constexpr size_t rows = 4096;
  const size_t count = std::max<size_t>(groups * 2 / rows, 32);
  std::mt19937_64 random(1);
  for (size_t i = 0; i < groups; ++i) names.push_back("sensor-" + std::to_string(100000 + i));
  static const std::string sites[] = {"Maarif", "Anfa", "Sidi Moumen", "Hay Hassani"};
  std::vector<records::Batch> out(count);
  for (auto& batch : out) {
    batch.input.records.resize(rows);
    batch.state.assign(rows, records::RowState::live);
    batch.event_time.assign(rows, base::Instant(std::chrono::hours(500000)));
    batch.columns.resize(3);
    for (size_t c = 0; c < 3; ++c) {
      batch.columns[c].resize(layout().fields[c].type, rows);
      batch.columns[c].valid.assign(rows, 1);
    }
    for (size_t i = 0; i < rows; ++i) {
      const size_t sensor = random() % groups;
      batch.columns[0].texts[i] = names[sensor];
      batch.columns[1].texts[i] = sites[sensor % 4];
      batch.columns[2].doubles[i] = static_cast<double>(random() % 60000) / 1000;
    }
  }
  return out;
}

void add(benchmark::State& state, bool percentile) {
  std::vector<std::string> names;
  const auto all = batches(static_cast<size_t>(state.range(0)), names);
  windows::WindowSet set({spec(percentile)}, layout());
  for (const auto& batch : all)
    set.add(batch);  // the groups are there already: what a record costs from then on
  size_t records = 0;
  for (auto _ : state) {
    set.add(all[records / 4096 % all.size()]);
    records += 4096;
  }
  state.SetItemsProcessed(static_cast<int64_t>(records));
  state.counters["ns_per_record"] = benchmark::Counter(
      static_cast<double>(records) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["groups"] = static_cast<double>(set.groups());
  state.counters["bytes_per_group"] = static_cast<double>(set.memory()) / static_cast<double>(set.groups());
}

void CountAvgMax(benchmark::State& state) {
  add(state, false);
}
void WithPercentile(benchmark::State& state) {
  add(state, true);
}
BENCHMARK(CountAvgMax)->Arg(1000)->Arg(10000)->Arg(500000);
BENCHMARK(WithPercentile)->Arg(1000)->Arg(10000);

/// A slice from nothing: groups are made, and given away as partials.
void WholeSlice(benchmark::State& state) {
  std::vector<std::string> names;
  const auto all = batches(static_cast<size_t>(state.range(0)), names);
  size_t records = 0;
  for (auto _ : state) {
    windows::WindowSet set({spec(false)}, layout());
    for (const auto& batch : all) set.add(batch);
    benchmark::DoNotOptimize(set.finish(0));
    records += all.size() * 4096;
  }
  state.SetItemsProcessed(static_cast<int64_t>(records));
}
BENCHMARK(WholeSlice)->Arg(1000)->Arg(10000)->Arg(500000)->Unit(benchmark::kMillisecond);

/// Merging the partials of eight slices into documents; items are documents.
void MergeAndWrite(benchmark::State& state) {
  std::vector<std::string> names;
  const auto all = batches(static_cast<size_t>(state.range(0)), names);
  windows::WindowSet set({spec(false)}, layout());
  for (const auto& batch : all) set.add(batch);
  const auto partial = set.finish(0).at(0);
  windows::Merger merger({"dag", "clean", "by_minute"}, spec(false));
  size_t documents = 0;
  for (auto _ : state) {
    merger.begin(partial.start);
    for (int slice = 0; slice < 8; ++slice)
      merger.add({"topic-" + std::to_string(slice) + "-0", 1, partial.bytes, false});
    records::DocumentBatch batch;
    merger.documents(0, 8, batch, [&] {
      ++documents;
      return 0u;
    });
    benchmark::DoNotOptimize(batch.bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(documents));
  state.counters["partial_bytes_per_group"] =
      static_cast<double>(partial.bytes.size()) / static_cast<double>(partial.groups);
}
BENCHMARK(MergeAndWrite)->Arg(1000)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
