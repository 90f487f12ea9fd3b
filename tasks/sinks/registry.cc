// Every kind of sink: one file each, and one line in both lists here.
#include "tasks/sinks/sink.h"

namespace tamis::sinks {

SinkKind elasticsearch_sink();
SinkKind kafka_sink();

const std::vector<SinkKind>& sink_kinds() {
  static const std::vector<SinkKind> all{
      elasticsearch_sink(),
      kafka_sink(),
  };
  return all;
}

const SinkKind* find_sink(std::string_view name) {
  for (const auto& kind : sink_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace tamis::sinks
