// How many different values there were: their hashes up to 2,048 of them, which is exact, then HyperLogLog
// with 32,768 registers (standard error 0.6 %).  Depends only on the set of values, so merging is exact.
// Called by the states of groups.
#pragma once
#include <cstdint>
#include <string>

#include "tasks/windows/bytes.h"
#include "tasks/windows/pool.h"

namespace tamis::windows {

/// The values of one group; null: none yet.  Memory comes from the pool that every call is given.
struct Distinct {
  struct Block;
  Block* block = nullptr;

  static constexpr uint32_t exact_limit = 2048;

  /// `hash` must be 64 well-mixed bits of the value.
  void add(uint64_t hash, Pool& pool);
  uint64_t count() const;

  void encode(std::string& out) const;
  /// Adds encoded values.  Throws Error when they are corrupt.
  void merge(ByteReader& in, Pool& pool);
};

}  // namespace tamis::windows
