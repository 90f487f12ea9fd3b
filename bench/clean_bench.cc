// Clean alone: sensors' records of 150 to 200 bytes with seven declared fields, clean ones and with one in
// twenty wrong.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/base/time.h"
#include "tasks/transforms/clean.h"
#include "tasks/transforms/fields.h"

namespace {

using namespace tamis;
using records::Type;

transforms::FieldSpec sensors(bool keep) {
  transforms::FieldSpec spec;
  spec.fields = {
      {.name = "sensor_id", .type = Type::keyword, .path = {"sensor_id"}, .required = true, .max_length = 64},
      {.name = "location", .type = Type::keyword, .path = {"site", "name"}},
      {.name = "timestamp", .type = Type::timestamp, .path = {"timestamp"}, .required = true},
      {.name = "temperature",
       .type = Type::double_,
       .path = {"temperature"},
       .coerce = true,
       .min = -40,
       .max = 60},
      {.name = "humidity",
       .type = Type::double_,
       .path = {"humidity"},
       .null_on_invalid = true,
       .min = 0,
       .max = 100},
      {.name = "pollution", .type = Type::double_, .path = {"pollution"}, .min = 0},
      {.name = "status",
       .type = Type::keyword,
       .path = {"status"},
       .enum_texts = {"ok", "degraded", "maintenance"},
       .default_value = std::string("ok")}};
  spec.event_time = "timestamp";
  spec.allowed_lateness = std::chrono::hours(1);
  spec.keep_unknown = keep;
  return spec;
}

std::vector<std::string> make_records(int dirty_every, int extra) {
  std::vector<std::string> out;
  for (int i = 0; i < 4096; ++i) {
    const auto time =
        base::format_rfc3339(base::from_civil(2026, 3, 1, 9) + std::chrono::milliseconds(i * 137));
    std::string more;
    for (int k = 0; k < extra; ++k) more += fmt::format(",\"undeclared_{}\":{}", k, i % 97);
    out.push_back(fmt::format(
        R"({{"sensor_id":"casa-{:04}","site":{{"name":"Maarif","lat":33.58,"lon":-7.63}},"timestamp":"{}","temperature":{:.2f},"humidity":{:.1f},"pollution":{:.1f},"status":"ok"{}}})",
        i % 500, time, 15 + i % 200 * 0.1, 40 + i % 50 * 0.5, 10 + i % 70 * 0.3, more));
    if (dirty_every > 0 && i % dirty_every == 0) {
      auto& record = out.back();
      switch (i / dirty_every % 4) {
        case 0:
          record.resize(record.size() / 2);
          break;
        case 1:
          record.replace(record.find("\"temperature\""), 13, "\"temperatuer\"");
          break;
        case 2:
          record.replace(record.find("\"humidity\":") + 11, 2, "\"\"");
          break;
        default:
          record.replace(record.find("2026-"), 5, "26-03");
      }
    }
  }
  return out;
}

void clean(benchmark::State& state, int dirty_every, int extra, bool keep) {
  const auto texts = make_records(dirty_every, extra);
  const transforms::Clean compiled(sensors(keep), {});
  const auto scratch = compiled.make_scratch();
  records::Batch batch;
  size_t bytes = 0;
  std::vector<records::Record> rows;
  for (const auto& text : texts) {
    records::Record record;
    record.bytes = text;
    rows.push_back(record);
    bytes += text.size();
  }
  for (auto _ : state) {
    batch.clear();
    batch.input.records = rows;
    compiled.run(batch, *scratch, {base::from_civil(2026, 3, 1, 9)});
    benchmark::DoNotOptimize(batch.columns.data());
  }
  const auto records = static_cast<double>(state.iterations()) * static_cast<double>(texts.size());
  state.counters["time/record"] =
      benchmark::Counter(records, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/record"] = static_cast<double>(bytes) / static_cast<double>(texts.size());
  state.counters["rejected"] = static_cast<double>(batch.rejections.size());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

BENCHMARK_CAPTURE(clean, clean_records, 0, 0, false);
BENCHMARK_CAPTURE(clean, one_in_twenty_wrong, 20, 0, false);
BENCHMARK_CAPTURE(clean, with_ten_undeclared_members, 0, 10, false);
BENCHMARK_CAPTURE(clean, keeping_ten_undeclared_members, 0, 10, true);

}  // namespace

BENCHMARK_MAIN();
