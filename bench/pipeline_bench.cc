// The whole path of a slice from memory: fields → filter → deduplicate → derive → one-minute windows →
// documents → a sink that takes them and does nothing.  Fails when something allocates for every record.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/yaml.h"
#include "tasks/pipeline/run.h"

namespace {

std::atomic<int64_t> allocations{0};

void* counted(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* counted(size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const auto align = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) {
  return counted(size);
}
void* operator new[](size_t size) {
  return counted(size);
}
void* operator new(size_t size, std::align_val_t alignment) {
  return counted(size, alignment);
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return counted(size, alignment);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace tamis {
namespace {

constexpr const char* task_yaml = R"(
task_id: clean
operator: etl
source:
  kafka: {topic: bench}
fields:
  sensor_id:   {type: keyword, required: true, max_length: 64}
  location:    {type: keyword, path: site.name}
  timestamp:   {type: timestamp, required: true}
  temperature: {type: double, min: -40, max: 60, coerce: true}
  humidity:    {type: double, min: 0, max: 100, on_invalid: null}
  pollution:   {type: double, min: 0}
  status:      {type: keyword, enum: [ok, degraded, maintenance], default: ok}
event_time: timestamp
allowed_lateness: 1h
transforms:
  - filter: status != "maintenance"
  - deduplicate: {keys: [sensor_id, timestamp]}
  - derive: {temperature_f: temperature * 9 / 5 + 32, hot: temperature > 35}
  - rename: {location: site}
  - drop: [status]
windows:
  by_minute:
    size: 1m
    group_by: [sensor_id, site]
    aggregates: {readings: count(), temperature_avg: avg(temperature), temperature_max: max(temperature), pollution_p95: p95(pollution)}
)";
constexpr const char* sinks_yaml = "sinks:\n  - elasticsearch: {index: \"bench-{event_time:%Y.%m.%d}\"}\n";

/// The readings of 200 sensors, each five a second: 300 a group and window.
struct Readings {
  std::vector<std::string> texts;
  explicit Readings(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const auto time = base::from_civil(2026, 3, 1) + std::chrono::milliseconds(1) * static_cast<int64_t>(i);
      char text[320];
      std::snprintf(text, sizeof text,
                    "{\"sensor_id\":\"sensor-%03zu\",\"site\":{\"name\":\"roof-%zu\",\"floor\":%zu},"
                    "\"timestamp\":\"%s\","
                    "\"temperature\":%.2f,\"humidity\":%.1f,\"pollution\":%.1f,\"status\":\"%s\"}",
                    i % 200, i % 200 / 10, i % 7, base::format_rfc3339(time).c_str(),
                    static_cast<double>(i % 500) / 10 - 5, static_cast<double>(i % 1000) / 10,
                    static_cast<double>(i % 777) / 3, i % 50 == 0 ? "maintenance" : "ok");
      texts.emplace_back(text);
      texts.back().append(records::padding, ' ');
    }
  }
};

class MemoryReader : public sources::Reader {
 public:
  MemoryReader(const Readings& readings, int64_t end) : readings_(readings), end_(end) {}
  bool read(records::RecordBatch& batch, size_t max, const std::stop_token&) override {
    batch.clear();
    batch.padded = true;
    for (; at_ < end_ && batch.records.size() < max; ++at_) {
      records::Record record;
      const auto& text = readings_.texts[static_cast<size_t>(at_)];
      record.bytes = std::string_view(text).substr(0, text.size() - records::padding);
      record.offset = at_;
      batch.records.push_back(record);
    }
    return !batch.records.empty();
  }
  sources::Provenance provenance() const override {
    return {"{\"topic\":\"bench\",\"partition\":0,\"offset\":", "bench-0-", false, true};
  }

 private:
  const Readings& readings_;
  int64_t end_, at_ = 0;
};

class MemorySource : public sources::Source {
 public:
  explicit MemorySource(const Readings& readings) : readings_(readings) {}
  sources::Plan plan(const sources::PlanRequest&) override { return {}; }
  std::unique_ptr<sources::Reader> open(const records::Slice& slice, int64_t) override {
    return std::make_unique<MemoryReader>(readings_, slice.position["end"].get<int64_t>());
  }

 private:
  const Readings& readings_;
};

class NullSink : public sinks::Sink {
 public:
  void write(std::shared_ptr<const records::DocumentBatch> batch) override {
    benchmark::DoNotOptimize(batch->bytes.data());
  }
  void finish() override {}
};

constexpr size_t records_max = 400000;

base::Json run(size_t count, const char* more_yaml) {
  static const Readings readings(records_max);
  base::Findings findings;
  const auto task = base::parse_yaml(std::string(task_yaml) + more_yaml, findings).at(0);
  const auto spec = pipeline::read_etl(task, ".", findings);
  pipeline::throw_if_wrong(findings, "bench");
  pipeline::Context context;
  context.partials = windows::make_memory_partial_store();
  context.make_source = [&](const auto&, const auto&, const auto&) {
    return std::make_unique<MemorySource>(readings);
  };
  context.make_sink = [](const auto&, const auto&, const auto&) { return std::make_unique<NullSink>(); };
  const records::Slice slice{{{"topic", "bench"}, {"partition", 0}, {"start", 0}, {"end", count}}};
  return pipeline::run_slice(spec, {"bench", "run", "clean", ".", slice, {}}, context);
}

void whole_path(benchmark::State& state, const char* more_yaml) {
  run(1000, more_yaml);
  for (auto _ : state) {
    const auto account = run(records_max, more_yaml);
    if (account["read"] != records_max || account["rejected"] != 0)
      state.SkipWithError(account.dump().c_str());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * records_max));
  state.counters["per_record"] =
      benchmark::Counter(static_cast<double>(state.iterations() * records_max),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(whole_path, to_windows, "")
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(whole_path, to_windows_and_documents, sinks_yaml)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

/// Allocations that come with each further record, beyond those for a slice and its batches.
double allocations_per_record(const char* more_yaml) {
  const auto measure = [&](size_t count) {
    const int64_t before = allocations.load();
    run(count, more_yaml);
    return allocations.load() - before;
  };
  measure(records_max);
  const int64_t few = measure(records_max / 4), many = measure(records_max);
  return static_cast<double>(many - few) / (static_cast<double>(records_max) * 0.75);
}

}  // namespace
}  // namespace tamis

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  int status = 0;
  for (const char* more : {"", tamis::sinks_yaml}) {
    // Groups of windows are allocated in blocks and batches now and then; a single one a record would be 1.
    const double each = tamis::allocations_per_record(more);
    std::printf("allocations per record%s: %.4f\n", *more != '\0' ? ", with documents" : "", each);
    if (each > 0.1) {
      std::fprintf(stderr, "the record path allocates for every record\n");
      status = 1;
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return status;
}
