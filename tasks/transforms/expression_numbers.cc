#include <algorithm>
#include <cmath>
#include <limits>

#include "tasks/transforms/expression_views.h"

namespace tamis::transforms {
namespace {

using records::Column;
using records::Type;

constexpr int64_t long_min = std::numeric_limits<int64_t>::min();

/// `f(a, b, result)` says whether the result is there; it is called for nulls and dead rows too, whose values
/// are anything.
template <typename F>
void longs_of_two(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  int64_t* __restrict to = out.longs.data();
  with_two<int64_t>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) {
      int64_t result = 0;
      const bool is_there = f(a[i], b[i], result);
      to[i] = result;
      valid[i] = is_there & a.is_valid(i) & b.is_valid(i);
    }
  });
}

template <typename F>
void longs_of_one(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  int64_t* __restrict to = out.longs.data();
  with<int64_t>(in.a, [&](const auto a) {
    for (size_t i = 0; i < in.rows; ++i) {
      int64_t result = 0;
      const bool is_there = f(a[i], result);
      to[i] = result;
      valid[i] = is_there & a.is_valid(i);
    }
  });
}

/// What isn't finite becomes null, and -0.0 becomes 0: adding 0.0 does that.
inline void put(double value, bool is_valid, double* to, uint8_t* valid, size_t i) {
  to[i] = value + 0.0;
  valid[i] = is_valid & (std::abs(value) <= std::numeric_limits<double>::max());
}

template <typename F>
void doubles_of_two(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  double* __restrict to = out.doubles.data();
  with_two<double>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) put(f(a[i], b[i]), a.is_valid(i) & b.is_valid(i), to, valid, i);
  });
}

template <typename F>
void doubles_of_one(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  double* __restrict to = out.doubles.data();
  with<double>(in.a, [&](const auto a) {
    for (size_t i = 0; i < in.rows; ++i) put(f(a[i]), a.is_valid(i), to, valid, i);
  });
}

template <typename T>
void compare(const Inputs& in, Comparison comparison, Column& out) {
  uint8_t* __restrict valid = out.valid.data();
  int64_t* __restrict to = out.longs.data();
  with_comparison(comparison, [&](const auto holds) {
    with_two<T>(in, [&](const auto a, const auto b) {
      for (size_t i = 0; i < in.rows; ++i) {
        to[i] = holds(a[i], b[i]);
        valid[i] = a.is_valid(i) & b.is_valid(i);
      }
    });
  });
}

template <typename T>
void membership(const Inputs& in, const std::vector<T>& list, bool negated, Column& out) {
  uint8_t* __restrict valid = out.valid.data();
  int64_t* __restrict to = out.longs.data();
  with<T>(in.a, [&](const auto a) {
    for (size_t i = 0; i < in.rows; ++i) valid[i] = a.is_valid(i);
    if (list.size() > 16) {
      for (size_t i = 0; i < in.rows; ++i) {
        // Anything may stand in a dead row, NaN too, which binary search only answers wrongly.
        to[i] = std::binary_search(list.begin(), list.end(), a[i]) != negated;
      }
      return;
    }
    std::fill_n(to, in.rows, negated);
    for (const T value : list)
      for (size_t i = 0; i < in.rows; ++i) to[i] = a[i] == value ? !negated : to[i];
  });
}

/// SQL's: a false beside a null is false for `and`, a true beside a null is true for `or`.
template <bool is_and>
void join(const Inputs& in, Column& out) {
  uint8_t* __restrict valid = out.valid.data();
  int64_t* __restrict to = out.longs.data();
  with_two<int64_t>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) {
      const bool a_true = a.is_valid(i) & (a[i] != 0), a_false = a.is_valid(i) & (a[i] == 0);
      const bool b_true = b.is_valid(i) & (b[i] != 0), b_false = b.is_valid(i) & (b[i] == 0);
      const bool is_true = is_and ? a_true & b_true : a_true | b_true;
      const bool is_false = is_and ? a_false | b_false : a_false & b_false;
      to[i] = is_true;
      valid[i] = is_true | is_false;
    }
  });
}

void test_null(const Inputs& in, bool negated, Column& out) {
  const uint8_t* __restrict valid = in.a.column->valid.data();
  int64_t* __restrict to = out.longs.data();
  std::fill_n(out.valid.data(), in.rows, uint8_t{1});
  const size_t step = in.a.is_constant ? 0 : 1;
  for (size_t i = 0; i < in.rows; ++i) to[i] = (valid[i * step] == 0) != negated;
}

template <typename T>
void coalesce(const Inputs& in, Column& out) {
  uint8_t* __restrict valid = out.valid.data();
  T* __restrict to = values_of<T>(out);
  with_two<T>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) {
      to[i] = a.is_valid(i) ? a[i] : b[i];
      valid[i] = a.is_valid(i) | b.is_valid(i);
    }
  });
}

template <typename T>
void choose(const Inputs& in, Column& out) {
  uint8_t* __restrict valid = out.valid.data();
  T* __restrict to = values_of<T>(out);
  const uint8_t* __restrict condition_valid = in.c.column->valid.data();
  const int64_t* __restrict condition = in.c.column->longs.data();
  const size_t step = in.c.is_constant ? 0 : 1;
  with_two<T>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) {
      const bool first = (condition_valid[i * step] != 0) & (condition[i * step] != 0);
      to[i] = first ? a[i] : b[i];
      valid[i] = first ? a.is_valid(i) : b.is_valid(i);
    }
  });
}

/// Calls `then` with a value of the C++ type that columns of `type` hold.
template <typename Then>
void with_type(Type type, Then then) {
  if (type == Type::keyword)
    then(std::string_view());
  else if (type == Type::double_)
    then(double{});
  else
    then(int64_t{});
}

}  // namespace

void execute(const Instruction& instruction, const Inputs& in, Column& out) {
  out.resize(instruction.type, in.rows);
  switch (instruction.code) {
    case Code::add_long:
      return longs_of_two(in, out,
                          [](int64_t a, int64_t b, int64_t& r) { return !__builtin_add_overflow(a, b, &r); });
    case Code::subtract_long:
      return longs_of_two(in, out,
                          [](int64_t a, int64_t b, int64_t& r) { return !__builtin_sub_overflow(a, b, &r); });
    case Code::multiply_long:
      return longs_of_two(in, out,
                          [](int64_t a, int64_t b, int64_t& r) { return !__builtin_mul_overflow(a, b, &r); });
    case Code::modulo_long:
      return longs_of_two(in, out, [](int64_t a, int64_t b, int64_t& r) {
        // The least long divided by -1 traps; the rest is 0.
        r = b == 0 || b == -1 ? 0 : a % b;
        return b != 0;
      });
    case Code::min_long:
      return longs_of_two(in, out, [](int64_t a, int64_t b, int64_t& r) { return r = std::min(a, b), true; });
    case Code::max_long:
      return longs_of_two(in, out, [](int64_t a, int64_t b, int64_t& r) { return r = std::max(a, b), true; });
    case Code::negate_long:
      return longs_of_one(in, out,
                          [](int64_t a, int64_t& r) { return !__builtin_sub_overflow(int64_t{0}, a, &r); });
    case Code::abs_long:
      return longs_of_one(
          in, out, [](int64_t a, int64_t& r) { return r = a == long_min ? 0 : std::abs(a), a != long_min; });
    case Code::add_double:
      return doubles_of_two(in, out, [](double a, double b) { return a + b; });
    case Code::subtract_double:
      return doubles_of_two(in, out, [](double a, double b) { return a - b; });
    case Code::multiply_double:
      return doubles_of_two(in, out, [](double a, double b) { return a * b; });
    case Code::divide_double:
      return doubles_of_two(in, out, [](double a, double b) { return a / b; });
    case Code::modulo_double:
      return doubles_of_two(in, out, [](double a, double b) { return std::fmod(a, b); });
    case Code::min_double:
      return doubles_of_two(in, out, [](double a, double b) { return b < a ? b : a; });
    case Code::max_double:
      return doubles_of_two(in, out, [](double a, double b) { return a < b ? b : a; });
    case Code::negate_double:
      return doubles_of_one(in, out, [](double a) { return -a; });
    case Code::abs_double:
      return doubles_of_one(in, out, [](double a) { return std::abs(a); });
    case Code::round_double:
      return doubles_of_one(in, out, [](double a) { return std::round(a); });
    case Code::round_digits:
      return doubles_of_one(
          in, out, [factor = instruction.factor](double a) { return std::round(a * factor) / factor; });
    case Code::floor_double:
      return doubles_of_one(in, out, [](double a) { return std::floor(a); });
    case Code::ceil_double:
      return doubles_of_one(in, out, [](double a) { return std::ceil(a); });
    case Code::to_double:
      return with<int64_t>(in.a, [&](const auto a) {
        for (size_t i = 0; i < in.rows; ++i) {
          out.doubles[i] = static_cast<double>(a[i]);
          out.valid[i] = a.is_valid(i);
        }
      });
    case Code::compare_long:
      return compare<int64_t>(in, instruction.comparison, out);
    case Code::compare_double:
      return compare<double>(in, instruction.comparison, out);
    case Code::in_long:
      return membership(in, instruction.longs, instruction.negated, out);
    case Code::in_double:
      return membership(in, instruction.doubles, instruction.negated, out);
    case Code::and_:
      return join<true>(in, out);
    case Code::or_:
      return join<false>(in, out);
    case Code::not_:
      return longs_of_one(in, out, [](int64_t a, int64_t& r) { return r = a == 0, true; });
    case Code::is_null:
      return test_null(in, false, out);
    case Code::is_not_null:
      return test_null(in, true, out);
    case Code::coalesce:
      return with_type(instruction.type, [&](auto type) { coalesce<decltype(type)>(in, out); });
    case Code::choose:
      return with_type(instruction.type, [&](auto type) { choose<decltype(type)>(in, out); });
    default:
      return execute_texts(instruction, in, out);
  }
}

}  // namespace tamis::transforms
