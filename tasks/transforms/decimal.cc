#include "tasks/transforms/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tamis::transforms {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr uint64_t powers_of_ten[] = {1ull,
                                      10ull,
                                      100ull,
                                      1000ull,
                                      10000ull,
                                      100000ull,
                                      1000000ull,
                                      10000000ull,
                                      100000000ull,
                                      1000000000ull,
                                      10000000000ull,
                                      100000000000ull,
                                      1000000000000ull,
                                      10000000000000ull,
                                      100000000000000ull,
                                      1000000000000000ull,
                                      10000000000000000ull,
                                      100000000000000000ull,
                                      1000000000000000000ull,
                                      10000000000000000000ull};

std::optional<Floored> signed_floor(uint64_t magnitude, bool has_rest, bool negative) {
  constexpr uint64_t limit = uint64_t{1} << 63;
  if (!negative) {
    if (magnitude >= limit) return std::nullopt;
    return Floored{static_cast<int64_t>(magnitude), has_rest};
  }
  if (has_rest) ++magnitude;
  if (magnitude > limit) return std::nullopt;
  return Floored{static_cast<int64_t>(~magnitude + 1), has_rest};
}

/// The exponent of a number's text, at most a few times 10^15 in size, and where its mantissa ends.
int64_t written_exponent(std::string_view text, size_t& mantissa_end) {
  mantissa_end = std::min(text.find_first_of("eE"), text.size());
  if (mantissa_end == text.size()) return 0;
  size_t at = mantissa_end + 1;
  const bool negative = text[at] == '-';
  if (text[at] == '-' || text[at] == '+') ++at;
  int64_t value = 0;
  for (; at < text.size(); ++at)
    if (value < 1000000000000000) value = value * 10 + (text[at] - '0');
  return negative ? -value : value;
}

/// Digit by digit, for any number of them.
std::optional<Floored> floor_by_digits(const Number& number, int power) {
  size_t mantissa_end = 0;
  const int64_t exponent = written_exponent(number.text, mantissa_end);
  const std::string_view mantissa =
      number.text.substr(number.negative ? 1 : 0, mantissa_end - (number.negative ? 1 : 0));
  // How many digits, from the first that is not 0, stand before the point once it was moved.
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_not_of("0.");
  if (first == std::string_view::npos) return Floored{0, false};
  int64_t whole = static_cast<int64_t>(point) - static_cast<int64_t>(first) + (first > point ? 1 : 0);
  whole += exponent + power;
  uint64_t magnitude = 0;
  bool has_rest = false;
  int64_t seen = 0;
  for (size_t at = first; at < mantissa.size(); ++at) {
    if (mantissa[at] == '.') continue;
    const auto digit = static_cast<uint64_t>(mantissa[at] - '0');
    if (seen < whole) {
      if (magnitude > (UINT64_MAX - digit) / 10) return std::nullopt;
      magnitude = magnitude * 10 + digit;
    } else if (digit != 0) {
      has_rest = true;
      break;
    }
    ++seen;
  }
  for (; seen < whole; ++seen) {
    if (magnitude > UINT64_MAX / 10) return std::nullopt;
    magnitude *= 10;
  }
  return signed_floor(magnitude, has_rest, number.negative);
}

}  // namespace

const char* scan_any_number(const char* begin, const char* end, Number& number) {
  const char* p = begin;
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

const char* scan_long_number(const char* begin, const char* end, Number& number) {
  const char* p = begin;
  number.negative = *p == '-';
  if (number.negative) ++p;
  uint64_t mantissa = 0;
  int significant = 0;
  int64_t exponent = 0;
  bool exact = true, after_point = false;
  for (; p < end && (is_digit(*p) || *p == '.'); ++p) {
    if (*p == '.') {
      if (after_point) return nullptr;
      after_point = true;
      continue;
    }
    if (significant > 0 || *p != '0') ++significant;
    if (significant > 18) exact = false;
    if (exact) {
      mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
      if (after_point) --exponent;
    }
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* digits = p;
    int64_t value = 0;
    for (; p < end && is_digit(*p); ++p)
      if (value < 100000000) value = value * 10 + (*p - '0');
    if (p == digits) return nullptr;
    exponent += negative ? -value : value;
  }
  if (exponent > 1000000 || exponent < -1000000) exact = false;
  number.text = {begin, static_cast<size_t>(p - begin)};
  number.mantissa = exact ? mantissa : 0;
  number.exponent = exact ? static_cast<int32_t>(exponent) : 0;
  number.exact = exact;
  return p;
}

std::optional<Number> parse_number(std::string_view text) {
  Number number;
  const char* end = text.data() + text.size();
  if (text.empty() || scan_number(text.data(), end, number) != end) return std::nullopt;
  return number;
}

std::optional<Floored> floor_scaled(const Number& number, int power) {
  if (!number.exact) return floor_by_digits(number, power);
  if (number.mantissa == 0) return Floored{0, false};
  const int exponent = number.exponent + power;
  if (exponent >= 0) {
    if (exponent > 19 || number.mantissa > UINT64_MAX / powers_of_ten[exponent]) return std::nullopt;
    return signed_floor(number.mantissa * powers_of_ten[exponent], false, number.negative);
  }
  if (exponent < -19) return signed_floor(0, true, number.negative);
  const uint64_t divisor = powers_of_ten[-exponent];
  return signed_floor(number.mantissa / divisor, number.mantissa % divisor != 0, number.negative);
}

std::optional<int64_t> to_long(const Number& number) {
  const auto floored = floor_scaled(number, 0);
  if (!floored || floored->has_rest) return std::nullopt;
  return floored->value;
}

std::optional<double> to_double_slow(const Number& number) {
  double value = 0;
  const char* end = number.text.data() + number.text.size();
  const auto [at, error] = std::from_chars(number.text.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    // Too small is 0, too large is no double; from_chars says the same word for both.
    const auto floored = floor_scaled(number, 0);
    if (!floored || (floored->value != 0 && floored->value != -1)) return std::nullopt;
    return 0.0;
  }
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value + 0.0;  // -0.0 becomes 0.0
}

}  // namespace tamis::transforms
