// What records of a real topic cost, in nanoseconds of CPU of the whole process: first only taken through the
// kafka source (librdkafka's batch call), then the whole path: fields → filter → deduplicate → derive →
// one-minute windows.  Both in one run, as only their ratio means something on a machine that does other
// things too.
//
//   kafka_path --kafka 127.0.0.1:9092 --topic iot_sensor_data [--slice_records 250000] [--produce 1000000]
//   [--rounds 3]
//
// With --produce the topic is made, with four partitions, and filled first.
#include <fmt/core.h>
#include <gflags/gflags.h>
#include <sys/resource.h>

#include <chrono>

#include "core/base/connections.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/yaml.h"
#include "tasks/pipeline/run.h"
#include "tasks/sources/kafka_client.h"
#include "tasks/sources/source.h"

DEFINE_string(topic, "tamis-bench", "the topic to read");
DEFINE_int64(slice_records, 250'000, "offsets of a slice");
DEFINE_int64(produce, 0, "records to write to the topic first");
DEFINE_int32(record_bytes, 203, "size of a record that --produce writes, about");
DEFINE_int32(rounds, 3, "how often both are done");

namespace tamis {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void produce(const base::KafkaConnection& connection) {
  sources::KafkaCluster(connection).create_topic(FLAGS_topic, 4);
  sources::KafkaProducer producer(connection);
  for (int64_t i = 0; i < FLAGS_produce; ++i) {
    std::string value = fmt::format(
        R"({{"sensor_id":"s-{:04}","site":{{"name":"casablanca-port"}},"timestamp":"2026-03-01T{:02}:{:02}:{:02}.{:03}Z","temperature":{}.{},"humidity":{}.5,"pollution":{}.25,"status":"ok")",
        i % 500, i / 3'600'000 % 24, i / 60'000 % 60, i / 1000 % 60, i % 1000, 15 + i % 20, i % 10,
        40 + i % 50, i % 300);
    const auto size = static_cast<size_t>(std::max(0, FLAGS_record_bytes));
    if (value.size() + 8 < size) value += R"(,"x":")" + std::string(size - value.size() - 8, 'x') + '"';
    producer.produce(FLAGS_topic, fmt::format("s-{:04}", i % 500), value + "}");
  }
  producer.flush();
}

constexpr const char* task_yaml = R"(
task_id: clean
operator: etl
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
    aggregates: {readings: count(), temperature_avg: avg(temperature), temperature_max: max(temperature)}
)";

/// What one way through all slices cost.
struct Cost {
  int64_t records = 0;
  double cpu = 0, wall = 0;
  double nanoseconds() const { return cpu / static_cast<double>(records) * 1e9; }
  void show(const char* what) const {
    fmt::print("{:<12} {:>9} records {:>6.2f} s {:>9.0f} records/s {:>6.0f} ns of CPU a record\n", what,
               records, wall, static_cast<double>(records) / wall, nanoseconds());
  }
};

template <typename Read>
Cost measure(const std::vector<records::Slice>& slices, Read read) {
  Cost cost;
  const double cpu = cpu_seconds(), wall = wall_seconds();
  for (const auto& slice : slices) cost.records += read(slice);
  cost.cpu = cpu_seconds() - cpu;
  cost.wall = wall_seconds() - wall;
  return cost;
}

int run() {
  const auto connections = base::connections_from_flags();
  if (FLAGS_produce > 0) produce(connections.kafka);
  sources::SourceContext source_context;
  source_context.connections = connections;
  const auto kafka = fmt::format("source: {{kafka: {{topic: \"{}\", slice_records: {}}}}}\n", FLAGS_topic,
                                 FLAGS_slice_records);
  base::Findings findings;
  const auto task = base::parse_yaml(task_yaml + kafka, findings).at(0);
  const auto spec = pipeline::read_etl(task, ".", findings);
  pipeline::throw_if_wrong(findings, "bench");
  const auto source = spec.source->make(spec.source_parameters, source_context);
  const auto plan = source->plan({});

  pipeline::Context context;
  context.connections = connections;
  context.partials = windows::make_memory_partial_store();
  context.log = [](const std::string&) {};
  for (int round = 0; round < FLAGS_rounds; ++round) {
    const auto raw = measure(plan.slices, [&](const records::Slice& slice) {
      int64_t records = 0;
      records::RecordBatch batch;
      const auto reader = source->open(slice, 0);
      while (reader->read(batch, 4096, {})) records += static_cast<int64_t>(batch.records.size());
      return records;
    });
    const auto whole = measure(plan.slices, [&](const records::Slice& slice) {
      return pipeline::run_slice(spec, {"bench", "run", "clean", ".", slice, {}}, context)["read"]
          .get<int64_t>();
    });
    raw.show("raw");
    whole.show("whole path");
    fmt::print("ratio {:.2f}\n", whole.nanoseconds() / raw.nanoseconds());
  }
  return 0;
}

}  // namespace
}  // namespace tamis

int main(int argc, char** argv) {
  gflags::SetUsageMessage("reads a topic, raw and through the whole path, and says what a record costs");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  try {
    return tamis::run();
  } catch (const tamis::base::Error& error) {
    fmt::print(stderr, "kafka_path: {}\n", error.what());
    return 2;
  }
}
