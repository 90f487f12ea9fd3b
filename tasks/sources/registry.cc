// Every kind of source: one file each, and one line in both lists here.
#include "tasks/sources/source.h"

namespace tamis::sources {

SourceKind files_source();
SourceKind generator_source();
SourceKind kafka_source();

const std::vector<SourceKind>& source_kinds() {
  static const std::vector<SourceKind> all{
      kafka_source(),
      files_source(),
      generator_source(),
  };
  return all;
}

const SourceKind* find_source(std::string_view name) {
  for (const auto& kind : source_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace tamis::sources
