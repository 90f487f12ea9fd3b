#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "core/base/error.h"
#include "tasks/sinks/body.h"
#include "tasks/sinks/kinds.h"

namespace tamis::sinks {
namespace {

class StdoutSink : public Sink {
 public:
  explicit StdoutSink(bool is_plain) : is_plain_(is_plain) {}

  void write(std::shared_ptr<const records::DocumentBatch> batch) override {
    lines_.clear();
    for (const auto& entry : batch->entries) {
      if (!is_plain_) {
        lines_ += '{';
        if (!batch->index(entry).empty()) {
          lines_ += "\"_index\":";
          append_json_string(batch->index(entry), lines_);
          lines_ += ',';
        }
        lines_ += "\"_id\":";
        append_json_string(batch->id(entry), lines_);
        lines_ += ",\"doc\":";
      }
      lines_ += batch->body(entry);
      lines_ += is_plain_ ? "\n" : "}\n";
    }
    // Sinks of several tasks share the stream; lines stay whole.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (std::fwrite(lines_.data(), 1, lines_.size(), stdout) != lines_.size()) fail();
  }

  void finish() override {
    if (std::fflush(stdout) != 0) fail();
  }

 private:
  [[noreturn]] static void fail() {
    const int error = errno;
    std::clearerr(stdout);
    if (error == ENOSPC) throw base::TransientError("can't write to standard output: the disk is full");
    throw base::UserError("can't write to standard output: {}", std::strerror(error));
  }
  bool is_plain_;
  std::string lines_;
};

const base::Keys& keys() {
  static const base::Keys keys = {"stdout",
                                  {{.name = "plain",
                                    .type = base::ValueType::boolean,
                                    .summary = "the documents alone, without their ids",
                                    .default_text = "false"}}};
  return keys;
}

}  // namespace

SinkKind stdout_sink() {
  return {.name = "stdout",
          .summary = "a line of JSON a document on standard output, for looking at",
          .keys = keys(),
          .check = [](const base::Node&, base::Findings&) {},
          .make = [](const base::Node& parameters, const SinkContext&) -> std::unique_ptr<Sink> {
            return std::make_unique<StdoutSink>(base::boolean_at(parameters, "plain"));
          }};
}

}  // namespace tamis::sinks
