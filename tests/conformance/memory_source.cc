#include "tests/conformance/memory_source.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "core/base/error.h"

namespace tamis::conformance {
namespace {

std::string from_base64(const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    static constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t value = letters.find(c);
    if (value == std::string_view::npos) break;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> count) & 255);
    }
  }
  return out;
}

class MemoryReader : public sources::Reader {
 public:
  MemoryReader(std::shared_ptr<const Topic> topic, const records::Slice& slice, int64_t lookback,
               bool is_padded)
      : topic_(std::move(topic)),
        is_padded_(is_padded),
        name_(slice.position["topic"].get<std::string>()),
        partition_(slice.position["partition"].get<int>()),
        start_(slice.position["start"].get<int64_t>()),
        end_(slice.position["end"].get<int64_t>()),
        at_(std::max<int64_t>(0, start_ - lookback)) {}

  bool read(records::RecordBatch& batch, size_t max, const std::stop_token&) override {
    batch.clear();
    batch.owner = std::const_pointer_cast<Topic>(topic_);
    batch.padded = is_padded_;
    const auto& stored = topic_->partitions.at(partition_);
    for (; at_ < end_ && batch.records.size() < max; ++at_) {
      const auto& from = stored.at(static_cast<size_t>(at_));
      if (from.is_hole) {
        if (at_ >= start_) ++report_.holes;
        continue;
      }
      records::Record record;
      record.bytes = std::string_view(from.bytes).substr(0, from.size);
      record.offset = at_;
      record.time = from.time;
      record.is_null = from.is_null;
      record.is_lookback = at_ < start_;
      batch.records.push_back(record);
    }
    return !batch.records.empty();
  }
  sources::Provenance provenance() const override {
    const std::string partition = std::to_string(partition_);
    return {"{\"topic\":\"" + name_ + "\",\"partition\":" + partition + ",\"offset\":",
            name_ + "-" + partition + "-", false, true};
  }
  sources::ReadReport report() const override { return report_; }

 private:
  std::shared_ptr<const Topic> topic_;
  bool is_padded_;
  std::string name_;
  int partition_;
  int64_t start_, end_, at_;
  sources::ReadReport report_;
};

class MemorySource : public sources::Source {
 public:
  MemorySource(std::shared_ptr<const Topic> topic, const base::Node& parameters, bool is_padded)
      : topic_(std::move(topic)),
        name_(base::text_at(parameters, "topic")),
        slice_records_(base::integer_at(parameters, "slice_records", 250000)),
        is_padded_(is_padded) {}

  sources::Plan plan(const sources::PlanRequest& request) override {
    sources::Plan plan;
    plan.cursor = base::Json::object();
    for (const auto& [partition, records] : topic_->partitions) {
      const std::string key = std::to_string(partition);
      const auto end = static_cast<int64_t>(records.size());
      int64_t start =
          request.cursor.is_object() && request.cursor.contains(key) ? request.cursor[key].get<int64_t>() : 0;
      for (; start < end; start += slice_records_)
        plan.slices.push_back({{{"topic", name_},
                                {"partition", partition},
                                {"start", start},
                                {"end", std::min(end, start + slice_records_)}}});
      plan.cursor[key] = end;
    }
    return plan;
  }
  std::unique_ptr<sources::Reader> open(const records::Slice& slice, int64_t lookback) override {
    return std::make_unique<MemoryReader>(topic_, slice, lookback, is_padded_);
  }

 private:
  std::shared_ptr<const Topic> topic_;
  std::string name_;
  int64_t slice_records_;
  bool is_padded_;
};

}  // namespace

void Topic::append_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const auto json = base::Json::parse(line);
    auto& partition = partitions[json["partition"].get<int>()];
    if (json["offset"].get<size_t>() != partition.size())
      throw base::Error("offsets with a gap: {}", line.substr(0, 100));
    StoredRecord record;
    record.is_hole = json.value("hole", false);
    if (json.contains("timestamp")) record.time = *base::parse_rfc3339(json["timestamp"].get<std::string>());
    if (json.contains("value_base64"))
      record.bytes = from_base64(json["value_base64"].get<std::string>());
    else if (json.contains("value") && json["value"].is_string())
      record.bytes = json["value"].get<std::string>();
    else
      record.is_null = true;
    record.size = record.bytes.size();
    record.bytes.append(records::padding, ' ');
    partition.push_back(std::move(record));
  }
}

std::unique_ptr<sources::Source> make_memory_source(std::shared_ptr<const Topic> topic,
                                                    const base::Node& parameters, bool is_padded) {
  return std::make_unique<MemorySource>(std::move(topic), parameters, is_padded);
}

}  // namespace tamis::conformance
