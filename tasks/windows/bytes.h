// Numbers and texts as bytes, for stored partials and group keys: little-endian, variable length where small
// values are common. Reading is defensive: whatever stands there, it ends in a value or an Error.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace tamis::windows {

static_assert(std::endian::native == std::endian::little, "stored partials are little-endian");

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

template <typename Number>
void put_fixed(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <typename Unsigned>
void put_varint(std::string& out, Unsigned value) {
  while (value >= 128) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(value) | 128));
    value >>= 7;
  }
  out.push_back(static_cast<char>(static_cast<uint8_t>(value)));
}

inline void put_signed(std::string& out, int64_t value) {
  put_varint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  bool done() const { return at_ == end_; }

  template <typename Number>
  Number fixed() {
    need(sizeof(Number));
    Number value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  template <typename Unsigned = uint64_t>
  Unsigned varint() {
    Unsigned value = 0;
    for (unsigned shift = 0; shift < sizeof(Unsigned) * 8; shift += 7) {
      need(1);
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<Unsigned>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    corrupt();
  }
  int64_t signed_number() {
    const uint64_t value = varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::string_view text() { return bytes(varint()); }
  std::string_view bytes(uint64_t size) {
    need(size);
    const std::string_view out(at_, size);
    at_ += size;
    return out;
  }
  [[noreturn]] static void corrupt() { throw base::Error("a stored partial of a window is corrupt"); }

 private:
  void need(uint64_t size) const {
    if (size > left()) corrupt();
  }
  const char* at_;
  const char* end_;
};

}  // namespace tamis::windows
