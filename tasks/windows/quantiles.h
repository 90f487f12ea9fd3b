// Percentiles of many numbers: all of them up to 256, then counts in buckets whose bounds are 1.9 % apart, so
// that every value, of either sign and any size, is found within 0.95 % of itself.  What is kept depends only
// on the numbers, not on their order or on how they were split, so merging is exact.  Called by the states of
// groups.
#pragma once
#include <cstdint>
#include <string>

#include "tasks/windows/bytes.h"
#include "tasks/windows/pool.h"

namespace tamis::windows {

/// The numbers of one group; null: none yet.  Memory comes from the pool that every call is given.
struct Quantiles {
  struct Block;
  Block* block = nullptr;

  static constexpr uint32_t exact_limit = 256;

  /// `value` must be finite.
  void add(double value, Pool& pool);
  uint64_t count() const;
  /// The value at nearest rank ⌈percent·n/100⌉; `count()` must not be 0.
  double at(uint32_t percent) const;
  /// The relative error promised for `at` beyond `exact_limit` values.
  static constexpr double relative_error = 0.01;

  void encode(std::string& out) const;
  /// Adds encoded numbers.  Throws Error when they are corrupt.
  void merge(ByteReader& in, Pool& pool);
};

}  // namespace tamis::windows
