// The kinds of transforms, one a file; listed by registry.cc.
#pragma once
#include "tasks/transforms/transform.h"

namespace tamis::transforms {

TransformKind filter_kind();
TransformKind deduplicate_kind();
TransformKind derive_kind();
TransformKind rename_kind();
TransformKind drop_kind();
TransformKind lookup_kind();

/// Names of a layout's fields, for finding the nearest right one.
std::vector<std::string> field_names(const records::Layout& layout);

/// The column `number` of `batch`; makes room for it.
records::Column& column_at(records::Batch& batch, uint32_t number);

}  // namespace tamis::transforms
