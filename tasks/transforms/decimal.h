// Numbers in JSON's grammar, read once and exactly: longs and epochs by their decimal value, doubles as the
// nearest double. Used by the record path (Clean) and by the checks of a DAG file's defaults.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tamis::transforms {

/// What a scan learnt of a number.  Its value is ±mantissa·10^exponent when `exact`, else only `text` knows
/// it.
struct Number {
  std::string_view text;
  uint64_t mantissa = 0;
  int32_t exponent = 0;
  bool negative = false;
  bool exact = true;
};

/// Slow half of scan_number: an exponent, or more digits than a mantissa holds.
const char* scan_long_number(const char* begin, const char* end, Number& number);

/// The number in eight digits, the first in the lowest byte, each byte its digit's value.
inline uint64_t eight_digits(uint64_t digits) {
  digits = digits * 10 + (digits >> 8);
  return (((digits & 0x000000FF000000FF) * 0x000F424000000064) +
          (((digits >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >>
         32;
}

/// The high bit of each byte that is above 9.
inline uint64_t above_nine(uint64_t bytes) {
  return (((bytes & 0x7F7F7F7F7F7F7F7F) + 0x7676767676767676) | bytes) & 0x8080808080808080;
}

/// Reads a number digit by digit, as scan_number does.
const char* scan_any_number(const char* begin, const char* end, Number& number);

/// Reads a number that begins at `p`; returns the first character after it, or null when there is none by RFC
/// 8259.  Numbers of up to seven characters, as sensors send them, are read as one word.
inline const char* scan_number(const char* p, const char* end, Number& number) {
  if (end - p < 9) return scan_any_number(p, end, number);
  const bool negative = *p == '-';
  const char* digits = p + negative;
  uint64_t word;
  std::memcpy(&word, digits, 8);
  if constexpr (std::endian::native == std::endian::big) return scan_any_number(p, end, number);
  word ^= 0x3030303030303030;
  const uint64_t others = above_nine(word);
  if (others == 0) return scan_any_number(p, end, number);
  // Bits of the digits before the point, and of what is read.
  const int whole = std::countr_zero(others) & ~7;
  int size = whole, fraction = 0;
  if (digits[whole / 8] == '.') {
    const uint64_t behind = others & (others - 1);
    if (behind == 0) return scan_any_number(p, end, number);
    size = std::countr_zero(behind) & ~7;
    fraction = size - whole - 8;
    if (fraction == 0) return nullptr;
    const uint64_t before = (uint64_t{1} << whole) - 1;
    word = (word & before) | ((word >> 8) & ~before);
  }
  const char* after = digits + size / 8;
  if (whole == 0 || (whole > 8 && *digits == '0')) return nullptr;
  if ((*after | 0x20) == 'e') return scan_any_number(p, end, number);
  number.text = {p, static_cast<size_t>(after - p)};
  number.mantissa = eight_digits(word << (64 - whole - fraction));
  number.exponent = -fraction / 8;
  number.negative = negative;
  number.exact = true;
  return after;
}

/// Reads `text` as one whole number.
std::optional<Number> parse_number(std::string_view text);

/// floor(value · 10^power), and whether something was cut off.  Empty when it doesn't fit into 64 bits.
struct Floored {
  int64_t value = 0;
  bool has_rest = false;
};
std::optional<Floored> floor_scaled(const Number& number, int power);

/// The value as a long: exact, whatever way it is written.  Empty when it has a fraction or doesn't fit.
std::optional<int64_t> to_long(const Number& number);

/// The nearest double, -0.0 as 0.0.  Empty when it is not finite.
std::optional<double> to_double_slow(const Number& number);
/// Puts it into `value`; false when it is not finite.
inline bool read_double(const Number& number, double& value) {
  static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  // Both operands are exact doubles, so that one division rounds once.
  if (number.exact && number.mantissa < (uint64_t{1} << 53) && number.exponent <= 0 &&
      number.exponent >= -22) {
    value = static_cast<double>(static_cast<int64_t>(number.mantissa)) / powers[-number.exponent];
    if (number.negative) value = 0.0 - value;
    return true;
  }
  const auto slow = to_double_slow(number);
  value = slow.value_or(0);
  return slow.has_value();
}
inline std::optional<double> to_double(const Number& number) {
  double value = 0;
  return read_double(number, value) ? std::optional(value) : std::nullopt;
}

}  // namespace tamis::transforms
