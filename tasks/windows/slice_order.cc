#include "tasks/windows/slice_order.h"

#include <charconv>
#include <tuple>

namespace tamis::windows {
namespace {

/// The number after the last `-`, without leading zeros so that a name is read one way only.
SliceName split(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == name.npos || dash + 1 == name.size()) return {name, -1};
  const auto digits = name.substr(dash + 1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || (digits[0] == '0' && digits.size() > 1))
    return {name, -1};
  return {name.substr(0, dash), number};
}

}  // namespace

SliceName parse_slice_name(std::string_view name) {
  return split(name);
}

bool origin_before(std::string_view a, std::string_view b) {
  const SliceName x = split(a), y = split(b);
  return std::tie(x.origin, x.start, a) < std::tie(y.origin, y.start, b);
}

bool slice_before(std::string_view a, std::string_view b) {
  const SliceName x = split(a), y = split(b);
  if (x.origin != y.origin) return origin_before(x.origin, y.origin);
  return std::tie(x.start, a) < std::tie(y.start, b);
}

}  // namespace tamis::windows
