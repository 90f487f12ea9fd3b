// A bounded piece of a task's input.  Made once, when a run is planned; stored in the run and sent with every
// attempt, so that every attempt reads the same records.
#pragma once
#include <string>

#include "core/base/json.h"

namespace tamis::records {

struct Slice {
  /// What the source wrote: `{topic, partition, start, end}` in offsets, `{file, start, end}` in bytes, …
  /// Users see it in accounts.  Members that begin with `_` are the source's own and are not shown.
  base::Json position;

  /// `iot_sensor_data-2-250000`: the same for the same slice, distinct for slices that start elsewhere.
  /// Partials are kept under it, so that writing them again replaces them.
  std::string name() const;
  /// How many offsets or bytes it spans.
  int64_t span() const;
  /// `position` without the source's own members.
  base::Json shown() const;
};

}  // namespace tamis::records
