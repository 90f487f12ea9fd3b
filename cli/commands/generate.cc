// `tamis generate`: simulated readings towards Kafka, a file or standard output.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "core/base/connections.h"
#include "core/base/stop.h"
#include "tasks/sources/generator.h"
#include "tasks/sources/kafka_client.h"

namespace tamis::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Where records go.
class Target {
 public:
  virtual ~Target() = default;
  virtual void take(const std::string& key, const std::string& record, base::Instant time) = 0;
  virtual void finish() = 0;
};

class Lines : public Target {
 public:
  explicit Lines(std::ostream& out) : out_(out) {}
  explicit Lines(const std::string& path)
      : file_(std::make_unique<std::ofstream>(path, std::ios::binary)), out_(*file_), path_(path) {
    if (!*file_) throw base::UserError("can't write \"{}\"", path);
  }
  void take(const std::string&, const std::string& record, base::Instant) override {
    out_.write(record.data(), static_cast<std::streamsize>(record.size()));
    out_.put('\n');
    if (!out_) fail();
  }
  void finish() override {
    if (!out_.flush()) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw base::Error("can't write {}: is the disk full, or has the reader gone?",
                      path_.empty() ? "to standard output" : "\"" + path_ + "\"");
  }
  std::unique_ptr<std::ofstream> file_;
  std::ostream& out_;
  std::string path_;
};

class KafkaTopic : public Target {
 public:
  KafkaTopic(const base::KafkaConnection& connection, std::string topic, int32_t partitions)
      : topic_(std::move(topic)), producer_(connection) {
    if (partitions > 0) sources::KafkaCluster(connection).create_topic(topic_, partitions);
  }
  void take(const std::string& key, const std::string& record, base::Instant time) override {
    producer_.produce(topic_, key, record, time);
  }
  void finish() override { producer_.flush(); }

 private:
  std::string topic_;
  sources::KafkaProducer producer_;
};

std::unique_ptr<Target> make_target(const std::string& to, int32_t partitions, std::ostream& out) {
  if (to == "-") return std::make_unique<Lines>(out);
  if (to.starts_with("file:") && to.size() > 5) return std::make_unique<Lines>(to.substr(5));
  if (to.starts_with("kafka:") && to.size() > 6)
    return std::make_unique<KafkaTopic>(base::connections_from_flags().kafka, to.substr(6), partitions);
  throw base::UserError("--to can't be \"{}\": kafka:<topic>, file:<path>, or - for standard output", to);
}

sources::GeneratorOptions read_options(const Invocation& invocation, double rate) {
  sources::GeneratorOptions options;
  options.kind = invocation.text("kind");
  options.records = invocation.integer("records", options.records, 1, 1'000'000'000'000);
  options.seed = static_cast<uint64_t>(invocation.integer("seed", 1, 0, INT64_MAX));
  options.dirty = invocation.number("dirty", options.dirty, 0, 1);
  options.sensors = invocation.integer("sensors", options.sensors, 1, 1'000'000);
  // With a rate the readings are of now, one after the other as they are sent.
  if (rate > 0) {
    options.start = base::now();
    options.step = std::max(base::Duration(1), base::Duration(static_cast<int64_t>(1e6 / rate)));
  }
  if (const auto start = invocation.instant("start")) options.start = *start;
  if (invocation.has("duration"))
    options.step = std::max(base::Duration(1), invocation.duration("duration", {}) / options.records);
  return options;
}

int run(Invocation& invocation) {
  const double rate = invocation.number("rate", 0, 0.001, 1e9);
  const sources::Generator generator(read_options(invocation, rate));
  const auto partitions = static_cast<int32_t>(invocation.integer("partitions", 0, 1, 10'000));
  const auto to = invocation.text("to", "-");
  auto target = make_target(to, partitions, invocation.out);
  const int64_t total = generator.options().records;
  const auto begin = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const auto stop = rate > 0 ? base::stop_on_signals() : std::stop_token();
  Progress progress(invocation.err, to != "-" && isatty(STDERR_FILENO) == 1);
  std::string record;
  int64_t dirty = 0, made = 0;
  for (; made < total && !stop.stop_requested(); ++made) {
    // Paced by the clock, not by pauses, so that the rate holds however slow the target is for a moment.
    if (rate > 0)
      if (const auto ahead = static_cast<double>(made) / rate - seconds(); ahead > 0)
        if (base::wait_for(stop, base::Duration(static_cast<int64_t>(ahead * 1e6)))) break;
    record.clear();
    dirty += generator.append(made, record) != sources::Dirt::none;
    target->take(generator.key(made), record, generator.event_time(made));
    if (made % 4096 == 0) progress.show(made, total, fmt::format("{} records", group_digits(made)));
  }
  target->finish();
  progress.clear();
  invocation.err << fmt::format("{} records, {} of them dirty, to {} in {:.1f} s\n", group_digits(made),
                                group_digits(dirty), to == "-" ? "standard output" : to, seconds());
  return ok;
}

}  // namespace

Command generate() {
  return {
      .noun = "generate",
      .verb = "",
      .summary = "simulated readings towards Kafka, a file or standard output",
      .positionals = {{"kind"}},
      .options =
          {{"to", 0, "TARGET", "kafka:<topic>, file:<path>, or - (default -)", {}},
           {"records", 'n', "N", "how many (default 1000)", {}},
           {"rate", 0, "N", "so many a second, with times from now on (default as fast as possible)", {}},
           {"seed", 0, "N", "the same seed makes the same records (default 1)", {}},
           {"dirty", 0, "SHARE", "share of records with something wrong (default 0.05)", {}},
           {"sensors", 0, "N", "how many sensors or stations (default 50)", {}},
           {"start", 0, "TIME", "event time of the first record", {}},
           {"duration", 0, "TIME", "event time that all records together span", {}},
           {"partitions", 0, "N", "make the topic with so many, if it is not there", {}}},
      .examples = {"tamis generate iot -n 5",
                   "tamis generate iot --records=500000 --start=2026-03-01 --duration=1d --to=file:day.jsonl",
                   "tamis generate weather --rate=1000 --records=3600000 --to=kafka:weather --partitions=4"},
      .notes = "KIND is iot (Casablanca's sensors: temperature, humidity, pollution) or weather.",
      .prints_rows = false,
      .run = run};
}

}  // namespace tamis::cli
