// How the loops of expressions read a column or a constant: two shapes that the compiler sees through.  For
// expression_numbers.cc and expression_texts.cc only.
#pragma once
#include <functional>
#include <string_view>
#include <type_traits>

#include "tasks/transforms/expression_program.h"

namespace tamis::transforms {

template <typename T>
const T* values_of(const records::Column& column) {
  if constexpr (std::is_same_v<T, int64_t>)
    return column.longs.data();
  else if constexpr (std::is_same_v<T, double>)
    return column.doubles.data();
  else
    return column.texts.data();
}

template <typename T>
T* values_of(records::Column& column) {
  return const_cast<T*>(values_of<T>(static_cast<const records::Column&>(column)));
}

template <typename T>
struct ManyRows {
  const uint8_t* valid;
  const T* values;
  bool is_valid(size_t i) const { return valid[i] != 0; }
  const T& operator[](size_t i) const { return values[i]; }
};

template <typename T>
struct OneValue {
  bool valid;
  T value;
  bool is_valid(size_t) const { return valid; }
  const T& operator[](size_t) const { return value; }
};

/// Calls `then` with the operand as ManyRows or OneValue.
template <typename T, typename Then>
void with(const Input& input, Then then) {
  const records::Column& column = *input.column;
  if (input.is_constant)
    then(OneValue<T>{column.valid[0] != 0, values_of<T>(column)[0]});
  else
    then(ManyRows<T>{column.valid.data(), values_of<T>(column)});
}

template <typename T, typename Then>
void with_two(const Inputs& in, Then then) {
  with<T>(in.a, [&](const auto& a) { with<T>(in.b, [&](const auto& b) { then(a, b); }); });
}

template <typename Then>
void with_comparison(Comparison comparison, Then then) {
  switch (comparison) {
    case Comparison::equal:
      return then(std::equal_to<>());
    case Comparison::not_equal:
      return then(std::not_equal_to<>());
    case Comparison::less:
      return then(std::less<>());
    case Comparison::less_equal:
      return then(std::less_equal<>());
    case Comparison::greater:
      return then(std::greater<>());
    case Comparison::greater_equal:
      return then(std::greater_equal<>());
  }
}

}  // namespace tamis::transforms
