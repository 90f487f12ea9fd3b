// The order in which partials are merged, read from the names of slices: topic or path, partition, start;
// numbers as numbers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tamis::windows {

/// `iot_sensor_data-2-250000`: the origin `iot_sensor_data-2` (for a file its path) and the start.
struct SliceName {
  std::string_view origin;
  int64_t start = -1;  ///< -1: the name doesn't end in a number
};
SliceName parse_slice_name(std::string_view name);

/// Whether a topic's partition or a file comes before another.
bool origin_before(std::string_view a, std::string_view b);
bool slice_before(std::string_view a, std::string_view b);

}  // namespace tamis::windows
