// `kafka: {topic: …}`: a topic of the cluster that the settings name.  A run takes each partition from where
// the run before ended to the last stable offset now, or what belongs to its data interval.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/log.h"
#include "tasks/sources/kafka_reader.h"
#include "tasks/sources/source.h"

namespace tamis::sources {
namespace {

constexpr int64_t default_slice_records = 250'000;

const base::Keys& keys() {
  static const base::Keys all{
      "kafka source",
      {{.name = "topic", .type = base::ValueType::text, .summary = "the topic to read", .required = true},
       {.name = "slice_records",
        .type = base::ValueType::integer,
        .summary = "offsets of a slice, at most",
        .min = 1,
        .max = 100'000'000,
        .default_text = "250000"},
       {.name = "from",
        .type = base::ValueType::text,
        .summary = "where the first run begins: earliest, latest, or a time",
        .default_text = "earliest"},
       {.name = "by",
        .type = base::ValueType::text,
        .summary =
            "offsets: on from where the run before ended; time: what belongs to the run's data interval",
        .one_of = {"offsets", "time"},
        .default_text = "offsets"},
       {.name = "on_data_loss",
        .type = base::ValueType::text,
        .summary = "what to do about records that retention deleted before they were read",
        .one_of = {"fail", "record"},
        .default_text = "fail"}}};
  return all;
}

bool is_topic_name(std::string_view name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void check(const base::Node& parameters, base::Findings& findings) {
  if (const auto* topic = parameters.find("topic");
      topic != nullptr && topic->is_text() && !is_topic_name(topic->text))
    findings.error(topic->span, "bad_topic", fmt::format("\"{}\" is no name of a topic", topic->text),
                   "letters, digits, dots, underscores and hyphens, at most 249");
  if (const auto* from = parameters.find("from"); from != nullptr && from->is_text() &&
                                                  from->text != "earliest" && from->text != "latest" &&
                                                  !base::parse_instant(from->text))
    findings.error(from->span, "bad_from", fmt::format("\"{}\" is no place to begin", from->text),
                   "write earliest, latest, or a time as 2026-03-01T09:00:00Z");
}

class KafkaSource : public Source {
 public:
  KafkaSource(const base::Node& parameters, const SourceContext& context)
      : connection_(context.connections.kafka),
        topic_(base::text_at(parameters, "topic")),
        slice_records_(
            std::max<int64_t>(1, base::integer_at(parameters, "slice_records", default_slice_records))),
        from_(base::text_at(parameters, "from", "earliest")),
        by_time_(base::text_at(parameters, "by") == "time"),
        record_loss_(base::text_at(parameters, "on_data_loss") == "record") {}

  Plan plan(const PlanRequest& request) override {
    KafkaCluster cluster(connection_);
    const int32_t partitions = cluster.partitions(topic_);
    std::vector<KafkaRange> ranges;
    for (int32_t p = 0; p < partitions; ++p) ranges.push_back(cluster.range(topic_, p));
    return request.by_interval || by_time_ ? plan_interval(cluster, ranges, request)
                                           : plan_onward(cluster, ranges, request);
  }

  std::unique_ptr<Reader> open(const records::Slice& slice, int64_t lookback) override {
    const auto& at = slice.position;
    if (!at.is_object() || !at.contains("topic") || !at.contains("partition") || !at.contains("start") ||
        !at.contains("end"))
      throw base::UserError("a kafka slice is {{topic, partition, start, end}}, not {}", at.dump());
    return std::make_unique<KafkaReader>(
        borrow_kafka_feed(connection_),
        KafkaSlice{at["topic"].get<std::string>(), at["partition"].get<int32_t>(), at["start"].get<int64_t>(),
                   at["end"].get<int64_t>()},
        KafkaReaderOptions{.lookback = lookback, .record_loss = record_loss_});
  }

 private:
  Plan plan_interval(KafkaCluster& cluster, const std::vector<KafkaRange>& ranges,
                     const PlanRequest& request) const {
    const auto count = static_cast<int32_t>(ranges.size());
    const auto begins = cluster.offsets_at(topic_, count, request.interval.begin);
    const auto ends = cluster.offsets_at(topic_, count, request.interval.end);
    Plan plan;
    plan.cursor = request.cursor;
    for (size_t p = 0; p < ranges.size(); ++p) {
      // No record at or after a time: the end.  What an open transaction holds is not there yet.
      const int64_t begin = std::min(begins[p].value_or(ranges[p].high), ranges[p].high);
      cut(plan, static_cast<int32_t>(p), begin, begin,
          std::min(ends[p].value_or(ranges[p].high), ranges[p].high));
    }
    return plan;
  }

  Plan plan_onward(KafkaCluster& cluster, const std::vector<KafkaRange>& ranges,
                   const PlanRequest& request) const {
    const base::Json* ends = nullptr;  // where the run before ended; none when it read another topic
    if (request.cursor.is_object() && request.cursor.value("topic", "") == topic_ &&
        request.cursor.contains("partitions"))
      ends = &request.cursor["partitions"];
    std::vector<std::optional<int64_t>> at_time;
    const auto time = base::parse_instant(from_);
    if (time) at_time = cluster.offsets_at(topic_, static_cast<int32_t>(ranges.size()), *time);

    Plan plan;
    base::Json cursor = base::Json::object();
    for (size_t p = 0; p < ranges.size(); ++p) {
      const auto& [low, high] = ranges[p];
      const std::string name = std::to_string(p);
      int64_t start = low;
      if (ends != nullptr && ends->contains(name))
        start = going_on_from(p, (*ends)[name].get<int64_t>(), ranges[p]);
      else if (time)
        start = std::min(at_time[p].value_or(high), high);
      else if (from_ == "latest" &&
               ends == nullptr)  // a partition that was added since is read from its beginning
        start = high;
      cut(plan, static_cast<int32_t>(p), start, std::max(start, low), high);
      cursor[name] = std::max(start, high);
    }
    plan.cursor = {{"topic", topic_}, {"partitions", std::move(cursor)}};
    return plan;
  }

  /// Where to go on from, given where the run before ended: a log that ends before that is not the one it
  /// read.
  int64_t going_on_from(size_t partition, int64_t end, const KafkaRange& range) const {
    if (end <= range.high) return end;
    const auto feed = borrow_kafka_feed(connection_);
    if (feed->log_end(topic_, static_cast<int32_t>(partition)) >= end)
      return end;  // an open transaction is in the way
    if (!record_loss_)
      throw base::UserError(
          "topic \"{}\", partition {}: the run before ended at offset {} but the log ends at {}: the topic "
          "was made anew or cut "
          "off; with `on_data_loss: record` in the source it is read from its beginning",
          topic_, partition, end, range.high);
    base::log_warn("log began anew",
                   {{"topic", topic_}, {"partition", partition}, {"expected", end}, {"end", range.high}});
    return range.low;
  }

  /// Adds [start, end) in slices.  What lies before `there` was deleted: it goes with the first slice, which
  /// reports it.
  void cut(Plan& plan, int32_t partition, int64_t start, int64_t there, int64_t end) const {
    while (start < end) {
      const int64_t from = std::clamp(there, start, end);
      const int64_t to = end - from > slice_records_ ? from + slice_records_ : end;
      plan.slices.push_back({{{"topic", topic_}, {"partition", partition}, {"start", start}, {"end", to}}});
      start = to;
    }
  }

  const base::KafkaConnection connection_;
  const std::string topic_;
  const int64_t slice_records_;
  const std::string from_;
  const bool by_time_, record_loss_;
};

}  // namespace

SourceKind kafka_source() {
  return {.name = "kafka",
          .summary = "a Kafka topic, in slices of offsets",
          .keys = keys(),
          .check = check,
          .make = [](const base::Node& parameters, const SourceContext& context) -> std::unique_ptr<Source> {
            return std::make_unique<KafkaSource>(parameters, context);
          },
          .has_time = true};
}

}  // namespace tamis::sources
