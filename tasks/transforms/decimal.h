// Numbers in JSON's grammar, read once and exactly: longs and epochs by their decimal value, doubles as the
// nearest double. Used by the record path (Clean) and by the checks of a DAG file's defaults.
#pragma once
#include <cstdint>
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

/// Reads a number that begins at `p`; returns the first character after it, or null when there is none by RFC
/// 8259.
inline const char* scan_number(const char* p, const char* end, Number& number) {
  const char* begin = p;
  number.negative = p < end && *p == '-';
  if (number.negative) ++p;
  const char* digits = p;
  uint64_t mantissa = 0;
  while (p < end && static_cast<unsigned char>(*p - '0') < 10)
    mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  auto count = p - digits;
  if (count == 0 || (*digits == '0' && count > 1)) return nullptr;
  int32_t exponent = 0;
  if (p < end && *p == '.') {
    const char* point = p++;
    while (p < end && static_cast<unsigned char>(*p - '0') < 10)
      mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
    exponent = static_cast<int32_t>(point + 1 - p);
    if (exponent == 0) return nullptr;
    count -= exponent;
  }
  if (count > 18 || (p < end && (*p == 'e' || *p == 'E'))) return scan_long_number(begin, end, number);
  number.text = {begin, static_cast<size_t>(p - begin)};
  number.mantissa = mantissa;
  number.exponent = exponent;
  number.exact = true;
  return p;
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
