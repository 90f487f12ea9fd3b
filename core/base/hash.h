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

/// 128 bits as 32 hex digits at `out`: the same bytes give the same text on every machine and version.  Allocates nothing.
inline void hash128_hex(std::string_view bytes, char* out) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  static constexpr char digit[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    out[15 - i] = digit[(h.high64 >> (4 * i)) & 15];
    out[31 - i] = digit[(h.low64 >> (4 * i)) & 15];
  }
}

inline std::string hash128_hex(std::string_view bytes) {
  std::string text(32, '0');
  hash128_hex(bytes, text.data());
  return text;
}

}  // namespace tamis::base
