// Hashes for derived ids, versions and hash tables.  XXH3: fast and well distributed, not for secrets.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tamis::base {

inline uint64_t hash64(std::string_view bytes, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

/// 128 bits as 32 hex digits: the same bytes give the same text on every machine and version.
inline std::string hash128_hex(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  static constexpr char digit[] = "0123456789abcdef";
  std::string text(32, '0');
  for (int i = 0; i < 16; ++i) {
    text[15 - i] = digit[(h.high64 >> (4 * i)) & 15];
    text[31 - i] = digit[(h.low64 >> (4 * i)) & 15];
  }
  return text;
}

}  // namespace tamis::base
