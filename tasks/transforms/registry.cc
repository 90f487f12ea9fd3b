#include "core/base/json.h"
#include "tasks/transforms/kinds.h"

namespace tamis::transforms {

const std::vector<TransformKind>& transform_kinds() {
  static const std::vector<TransformKind> kinds = {filter_kind(), deduplicate_kind(), derive_kind(),
                                                   rename_kind(), drop_kind(),        lookup_kind()};
  return kinds;
}

const TransformKind* find_transform(std::string_view name) {
  for (const TransformKind& kind : transform_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

std::vector<std::string> field_names(const records::Layout& layout) {
  std::vector<std::string> names;
  for (const auto& field : layout.fields) names.push_back(field.name);
  return names;
}

records::Column& column_at(records::Batch& batch, uint32_t number) {
  if (batch.columns.size() <= number) batch.columns.resize(number + 1);
  return batch.columns[number];
}

}  // namespace tamis::transforms
