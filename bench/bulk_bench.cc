// How fast bulk bodies are made and answers are read, on one core.  The goal is 300,000 documents a second,
// plain and gzip.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "core/base/compression.h"
#include "tasks/sinks/bulk_answer.h"
#include "tasks/sinks/bulk_request.h"

namespace tamis::sinks {
namespace {

constexpr int documents = 20'000;

Bulk bulk_of_readings() {
  auto batch = std::make_shared<records::DocumentBatch>();
  batch->indices = {"iot-clean-2026.03.01"};
  for (int i = 0; i < documents; ++i) {
    const std::string id = "iot_sensor_data-2-" + std::to_string(250'000 + i);
    const std::string body = fmt::format(
        R"({{"sensor_id":"s-{:04}","site":"casablanca-port","temperature":{}.{},"humidity":{}.5,"pollution":{}.25,"@timestamp":"2026-03-01T09:{:02}:{:02}.{:03}Z","source":{{"topic":"iot_sensor_data","partition":2,"offset":{}}}}})",
        i % 500, 15 + i % 20, i % 10, 40 + i % 50, i % 300, i / 60 % 60, i % 60, i % 1000, 250'000 + i);
    batch->entries.push_back({.id = batch->bytes.size(),
                              .id_size = static_cast<uint32_t>(id.size()),
                              .body_size = static_cast<uint32_t>(body.size())});
    batch->bytes += id + body;
  }
  Bulk bulk;
  const std::shared_ptr<const records::DocumentBatch> kept = batch;
  for (uint32_t i = 0; i < documents; ++i) bulk.add(kept, i);
  return bulk;
}

void BodyPlain(benchmark::State& state) {
  const Bulk bulk = bulk_of_readings();
  std::string body;
  for (auto _ : state) {
    write_bulk(bulk, body);
    benchmark::DoNotOptimize(body.data());
  }
  state.SetItemsProcessed(state.iterations() * documents);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.size()));
}
BENCHMARK(BodyPlain);

void BodyGzip(benchmark::State& state) {
  const Bulk bulk = bulk_of_readings();
  std::string body, packed;
  for (auto _ : state) {
    write_bulk(bulk, body);
    packed = base::gzip_compress(body, 1);
    benchmark::DoNotOptimize(packed.data());
  }
  state.SetItemsProcessed(state.iterations() * documents);
  state.counters["ratio"] = static_cast<double>(body.size()) / static_cast<double>(packed.size());
}
BENCHMARK(BodyGzip);

void CollectFromBatches(benchmark::State& state) {
  const Bulk from = bulk_of_readings();
  for (auto _ : state) {
    Bulk bulk;
    for (uint32_t i = 0; i < documents; ++i) bulk.add(from.batches[0], i);
    benchmark::DoNotOptimize(bulk.places.data());
  }
  state.SetItemsProcessed(state.iterations() * documents);
}
BENCHMARK(CollectFromBatches);

void AnswerClean(benchmark::State& state) {
  std::string answer = R"({"errors":false,"took":30,"items":[)";
  for (int i = 0; i < documents; ++i)
    answer += (i == 0 ? "" : ",") + std::string(R"({"index":{"status":201}})");
  answer += "]}";
  for (auto _ : state) benchmark::DoNotOptimize(read_bulk_answer(answer).items);
  state.SetItemsProcessed(state.iterations() * documents);
}
BENCHMARK(AnswerClean);

void AnswerAllRejected(benchmark::State& state) {
  std::string answer = R"({"errors":true,"took":30,"items":[)";
  for (int i = 0; i < documents; ++i)
    answer += (i == 0 ? "" : ",") +
              std::string(
                  R"({"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":")") +
              std::string(790, 'x') + R"("}}})";
  answer += "]}";
  for (auto _ : state) benchmark::DoNotOptimize(read_bulk_answer(answer).failed.size());
  state.SetItemsProcessed(state.iterations() * documents);
}
BENCHMARK(AnswerAllRejected);

}  // namespace
}  // namespace tamis::sinks

BENCHMARK_MAIN();
