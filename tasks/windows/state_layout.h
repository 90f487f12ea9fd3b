// What one group keeps, compiled from a window's aggregates: units of fixed size at fixed places, shared
// where aggregates need the same (avg and sum of one field).  Used by WindowSet, which adds records, and by
// Merger, which adds partials.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tasks/windows/bytes.h"
#include "tasks/windows/distinct.h"
#include "tasks/windows/quantiles.h"
#include "tasks/windows/window.h"

namespace tamis::windows {

enum class UnitKind : uint8_t {
  records,  // how many records
  count,    // how many values
  sum_long,
  sum_double,
  min_long,
  max_long,
  min_double,
  max_double,
  min_text,
  max_text,
  moments,  // for the standard deviation
  first,
  last,  // any type
  distinct,
  quantiles
};

struct Unit {
  UnitKind kind = UnitKind::records;
  std::string field;  ///< empty for records
  records::Type type = records::Type::long_;
  uint32_t offset = 0;  ///< within a group's state
};

/// A text in a Pool.
struct TextState {
  char* bytes = nullptr;  ///< null: none yet
  uint32_t size = 0, room = 0;
  std::string_view view() const { return {bytes, size}; }
  void set(std::string_view text, Pool& pool) {
    if (bytes == nullptr || text.size() > room) {
      if (bytes != nullptr) pool.release(bytes, room);
      room = static_cast<uint32_t>(Pool::rounded(text.size()));
      bytes = pool.allocate(room);
    }
    size = static_cast<uint32_t>(text.size());
    if (size != 0) std::memcpy(bytes, text.data(), size);
  }
};

/// A sum with twice the digits of a double: the order of adding hardly ever shows in the result.
struct DoubleSum {
  double high = 0, low = 0;
  void add(double value) {
    const double sum = high + value, part = sum - high;
    low += (high - (sum - part)) + (value - part);
    high = sum;
  }
  void merge(const DoubleSum& other) {
    add(other.high);
    low += other.low;
  }
  double value() const { return high + low; }
};

struct LongSum {
  uint64_t low = 0, high = 0;  ///< 128 bits, two's complement
  void add(Int128 value) { set(bits() + static_cast<Uint128>(value)); }
  Int128 value() const { return static_cast<Int128>(bits()); }

 private:
  Uint128 bits() const { return static_cast<Uint128>(high) << 64 | low; }
  void set(Uint128 sum) {
    low = static_cast<uint64_t>(sum);
    high = static_cast<uint64_t>(sum >> 64);
  }
};

/// Count, mean and the sum of squared distances from it (Welford; merged as Chan et al.).
struct Moments {
  uint64_t count = 0;
  double mean = 0, squares = 0;
  void add(double value) {
    ++count;
    const double delta = value - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (value - mean);
  }
  void merge(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const auto n = static_cast<double>(count), m = static_cast<double>(other.count);
    const double delta = other.mean - mean, share = m / (n + m);
    squares += other.squares + delta * delta * n * share;
    mean += delta * share;
    count += other.count;
  }
};

/// The first or last value by event time, then offset, then origin (a partition or a file).
struct Moment {
  int64_t time, offset;
  uint32_t origin;  ///< which of the Merger's; 0 within a slice
  uint32_t is_set;
};
struct NumberAt {
  Moment at;
  uint64_t bits;
};
struct TextAt {
  Moment at;
  TextState text;
};

/// How the parts of one aggregate are found in a group's state.
struct Output {
  uint32_t unit = 0;   ///< into units
  uint32_t count = 0;  ///< the unit that counts the field's values: none → null
};

struct StateLayout {
  std::vector<Unit> units;
  std::vector<Output> outputs;  ///< one an aggregate of the spec
  uint32_t size = 0;            ///< of a group's state, a multiple of 8
  std::vector<char> empty;      ///< the state of a group that saw nothing
  /// Size, groups and units as text: partials with the same are read unit by unit, others are matched by
  /// names.
  std::string signature;
  std::string groups;  ///< the signature's part that must be equal for partials to be mergeable

  explicit StateLayout(const WindowSpec& spec);
};

/// `avg_long(field:type)`: a unit in a signature, and back; the latter throws Error when unknown.
std::string unit_word(const Unit& unit);
Unit parse_unit(std::string_view word);
uint32_t unit_size(const Unit& unit);
/// Writes the unit's empty state.
void clear_unit(const Unit& unit, char* state);

template <typename State>
State& state_at(char* group, const Unit& unit) {
  return *reinterpret_cast<State*>(group + unit.offset);
}
template <typename State>
const State& state_at(const char* group, const Unit& unit) {
  return *reinterpret_cast<const State*>(group + unit.offset);
}

}  // namespace tamis::windows
