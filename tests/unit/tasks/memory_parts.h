// A source and sinks in memory for the tests of tasks, which can be told to misbehave.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/yaml.h"
#include "tasks/pipeline/spec.h"
#include "tasks/task.h"

namespace tamis::tasks {

struct MemoryParts {
  struct Kept {
    sinks::Purpose purpose;
    std::string index, id, body;
  };
  std::vector<std::string> input;
  std::mutex mutex;
  std::vector<Kept> kept;
  /// Says of a document why it is refused; empty: it is not.
  std::function<std::string(sinks::Purpose, const std::string& index, const std::string& id)> refuse;
  std::function<void(sinks::Purpose)> before_write, before_finish;
  std::function<void(int64_t offset)> before_read;

  class Reader : public sources::Reader {
   public:
    Reader(MemoryParts& parts, const records::Slice& slice)
        : parts_(parts),
          at_(slice.position["start"].get<int64_t>()),
          end_(slice.position["end"].get<int64_t>()) {}
    bool read(records::RecordBatch& batch, size_t max, const std::stop_token&) override {
      batch.clear();
      for (; at_ < end_ && batch.records.size() < max; ++at_) {
        if (parts_.before_read) parts_.before_read(at_);
        records::Record record;
        record.bytes = parts_.input.at(static_cast<size_t>(at_));
        record.offset = at_;
        record.time = base::Instant(std::chrono::seconds(at_));
        batch.records.push_back(record);
      }
      return !batch.records.empty();
    }
    sources::Provenance provenance() const override {
      return {"{\"topic\":\"t\",\"partition\":0,\"offset\":", "t-0-", false, true};
    }

   private:
    MemoryParts& parts_;
    int64_t at_, end_;
  };
  class Source : public sources::Source {
   public:
    explicit Source(MemoryParts& parts) : parts_(parts) {}
    sources::Plan plan(const sources::PlanRequest& request) override {
      const int64_t start = request.cursor.is_number() ? request.cursor.get<int64_t>() : 0;
      const auto end = static_cast<int64_t>(parts_.input.size());
      sources::Plan plan;
      if (end > start)
        plan.slices.push_back({{{"topic", "t"}, {"partition", 0}, {"start", start}, {"end", end}}});
      plan.cursor = end;
      return plan;
    }
    std::unique_ptr<sources::Reader> open(const records::Slice& slice, int64_t) override {
      return std::make_unique<Reader>(parts_, slice);
    }

   private:
    MemoryParts& parts_;
  };
  class Sink : public sinks::Sink {
   public:
    Sink(MemoryParts& parts, sinks::SinkContext context) : parts_(parts), context_(std::move(context)) {}
    void write(std::shared_ptr<const records::DocumentBatch> batch) override {
      if (parts_.before_write) parts_.before_write(context_.purpose);
      for (const auto& entry : batch->entries) {
        const std::string id(batch->id(entry));
        const auto why = parts_.refuse ? parts_.refuse(context_.purpose, batch->index(entry), id) : "";
        if (!why.empty()) {
          context_.on_refused(*batch, entry, why);
          continue;
        }
        const std::lock_guard lock(parts_.mutex);
        parts_.kept.push_back({context_.purpose, batch->index(entry), id, std::string(batch->body(entry))});
      }
    }
    void finish() override {
      if (parts_.before_finish) parts_.before_finish(context_.purpose);
    }

   private:
    MemoryParts& parts_;
    sinks::SinkContext context_;
  };

  Context context() {
    Context context;
    context.partials = windows::make_memory_partial_store();
    context.make_source = [this](const auto&, const auto&, const auto&) {
      return std::make_unique<Source>(*this);
    };
    context.make_sink = [this](const auto&, const auto&, const sinks::SinkContext& sink) {
      return std::make_unique<Sink>(*this, sink);
    };
    return context;
  }
  size_t count(sinks::Purpose purpose) const {
    size_t n = 0;
    for (const auto& one : kept) n += one.purpose == purpose ? 1 : 0;
    return n;
  }
};

inline base::Node yaml(const std::string& text) {
  base::Findings findings;
  auto all = base::parse_yaml(text, findings);
  if (findings.has_errors() || all.empty())
    throw base::Error("wrong YAML in a test: {}", findings.text("test", text));
  return all[0];
}

}  // namespace tamis::tasks
