#include "tasks/sinks/kinds.h"

namespace tamis::sinks {

const std::vector<SinkKind>& sink_kinds() {
  static const std::vector<SinkKind> all{
      elasticsearch_sink(), kafka_sink(), sqlite_sink(), files_sink(), stdout_sink(),
  };
  return all;
}

const SinkKind* find_sink(std::string_view name) {
  for (const auto& kind : sink_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace tamis::sinks
