// What it costs to take records from a real topic through the kafka source, without looking at them:
// nanoseconds of CPU a record.
//
//   kafka_fetch --kafka 127.0.0.1:9092 --topic iot_sensor_data [--slice_records 250000] [--produce 1000000]
//
// With --produce the topic is made, with four partitions, and filled first.
#include <fmt/core.h>
#include <gflags/gflags.h>
#include <sys/resource.h>

#include <chrono>

#include "core/base/connections.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "tasks/sources/kafka_client.h"
#include "tasks/sources/source.h"

DEFINE_string(topic, "tamis-bench", "the topic to read");
DEFINE_int64(slice_records, 250'000, "offsets of a slice");
DEFINE_int64(produce, 0, "records to write to the topic first");
DEFINE_int32(record_bytes, 203, "size of a record that --produce writes, about");

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

int run() {
  const auto connections = base::connections_from_flags();
  if (FLAGS_produce > 0) produce(connections.kafka);
  sources::SourceContext context;
  context.connections = connections;
  const base::Json parameters = {{"topic", FLAGS_topic}, {"slice_records", FLAGS_slice_records}};
  const auto source = sources::find_source("kafka")->make(base::Node::from_json(parameters), context);
  const auto plan = source->plan({});

  const double cpu = cpu_seconds(), wall = wall_seconds();
  uint64_t records = 0, bytes = 0;
  records::RecordBatch batch;
  for (const auto& slice : plan.slices) {
    const auto reader = source->open(slice, 0);
    while (reader->read(batch, 4096, {})) {
      records += batch.records.size();
      for (const auto& record : batch.records) bytes += record.bytes.size();
    }
  }
  batch.clear();
  const double cpu_used = cpu_seconds() - cpu, wall_used = wall_seconds() - wall;
  fmt::print(
      "{} records in {} slices, {} bytes each: {:.2f} s, {:.0f} records/s, {:.0f} ns of CPU a record\n",
      records, plan.slices.size(), records == 0 ? 0 : bytes / records, wall_used,
      static_cast<double>(records) / wall_used, cpu_used / static_cast<double>(records) * 1e9);
  return 0;
}

}  // namespace
}  // namespace tamis

int main(int argc, char** argv) {
  gflags::SetUsageMessage("reads a topic through the kafka source and says what a record costs");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  try {
    return tamis::run();
  } catch (const tamis::base::Error& error) {
    fmt::print(stderr, "kafka_fetch: {}\n", error.what());
    return 2;
  }
}
