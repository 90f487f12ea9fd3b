// Copies and comparisons of texts that are mostly shorter than 32 bytes, without a call.  Used where keys are
// put together and looked up for every record.
#pragma once
#include <cstdint>
#include <cstring>

namespace tamis::base {

/// Like memcpy; `from` may be null when `size` is 0.
inline void copy_short(char* to, const char* from, size_t size) {
  const auto ends = [&]<typename Word>(Word first) {
    Word last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + size - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + size - sizeof last, &last, sizeof last);
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    ends(uint64_t{0});
  } else if (size >= 4) {
    ends(uint32_t{0});
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}

/// Whether `size` bytes are the same.
inline bool same_bytes(const char* a, const char* b, size_t size) {
  const auto differ = [&](size_t at) {
    uint64_t x, y;
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    return x ^ y;
  };
  if (size < 8) {
    for (size_t i = 0; i < size; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }
  size_t at = 0;
  for (; at + 8 < size; at += 8)
    if (differ(at) != 0) return false;
  return differ(size - 8) == 0;
}

}  // namespace tamis::base
