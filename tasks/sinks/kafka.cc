// `kafka: {topic: …}`: documents as messages, keyed by their ids.
#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "tasks/sinks/sink.h"
#include "tasks/sources/kafka_client.h"

namespace tamis::sinks {
namespace {

const base::Keys& keys() {
  static const base::Keys all{
      "kafka sink",
      {{.name = "topic", .type = base::ValueType::text, .summary = "the topic to write to", .required = true},
       {.name = "partitions",
        .type = base::ValueType::integer,
        .summary = "make the topic with so many partitions when it is not there; otherwise it must be",
        .min = 1,
        .max = 10'000}}};
  return all;
}

void check(const base::Node& parameters, base::Findings& findings) {
  const auto* topic = parameters.find("topic");
  if (topic == nullptr || !topic->is_text()) return;
  bool braces = false;
  for (const char c : topic->text) {
    if (c == '{') braces = true;
    const bool fits = braces || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
    if (!fits)
      return findings.error(topic->span, "bad_topic",
                            fmt::format("\"{}\" is no name of a topic", topic->text),
                            "letters, digits, dots, underscores and hyphens, at most 249");
    if (c == '}') braces = false;
  }
}

class KafkaSink : public Sink {
 public:
  KafkaSink(const base::Node& parameters, const SinkContext& context)
      : connection_(context.connections.kafka),
        partitions_(static_cast<int32_t>(base::integer_at(parameters, "partitions", 0))),
        stop_(context.stop),
        producer_(context.connections.kafka) {}

  void write(std::shared_ptr<const records::DocumentBatch> batch) override {
    if (stop_.stop_requested()) throw base::TransientError("writing to Kafka was stopped");
    for (const auto& entry : batch->entries) {
      const auto& topic = batch->index(entry);
      if (!known_.contains(topic)) meet(topic);
      producer_.produce(topic, batch->id(entry), batch->body(entry));
    }
  }
  void finish() override { producer_.flush(); }

 private:
  /// Finds the topic or makes it, so that a misspelt one is an error at once and with its name.
  void meet(const std::string& topic) {
    sources::KafkaCluster cluster(connection_);
    if (partitions_ == 0)
      cluster.partitions(topic);
    else
      cluster.create_topic(topic, partitions_);
    known_.insert(topic);
  }

  const base::KafkaConnection connection_;
  const int32_t partitions_;
  const std::stop_token stop_;
  std::set<std::string, std::less<>> known_;
  sources::KafkaProducer producer_;
};

}  // namespace

SinkKind kafka_sink() {
  return {.name = "kafka",
          .summary = "a Kafka topic: one message a document, keyed by its id",
          .keys = keys(),
          .target_key = "topic",
          .check = check,
          .make = [](const base::Node& parameters, const SinkContext& context) -> std::unique_ptr<Sink> {
            return std::make_unique<KafkaSink>(parameters, context);
          }};
}

}  // namespace tamis::sinks
