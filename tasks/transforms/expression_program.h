// A compiled expression: instructions over whole columns.  Written by expression_compiler, run by Expression;
// the loops are in expression_numbers.cc and expression_texts.cc.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/records/batch.h"

namespace tamis::transforms {

enum class Code : uint8_t {
  add_long,
  subtract_long,
  multiply_long,
  modulo_long,
  negate_long,
  abs_long,
  min_long,
  max_long,
  add_double,
  subtract_double,
  multiply_double,
  divide_double,
  modulo_double,
  negate_double,
  abs_double,
  min_double,
  max_double,
  round_double,
  round_digits,
  floor_double,
  ceil_double,
  to_double,
  compare_long,
  compare_double,
  compare_text,
  in_long,
  in_double,
  in_text,
  and_,
  or_,
  not_,
  is_null,
  is_not_null,
  coalesce,
  choose,
  min_text,
  max_text,
  lower,
  upper,
  trim,
  length,
  starts_with,
  contains
};

enum class Comparison : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

/// Where an instruction takes a value from: a column of the batch, a register or a constant.
struct Operand {
  enum class Kind : uint8_t { none, column, scratch, constant };
  Kind kind = Kind::none;
  uint32_t index = 0;
};

struct Instruction {
  Code code = Code::and_;
  records::Type type = records::Type::boolean;  ///< of the result
  Operand a, b, c;
  uint32_t out = 0;  ///< a register; never one of its operands
  Comparison comparison = Comparison::equal;
  double factor = 1;           ///< round_digits: the power of ten
  bool negated = false;        ///< not in
  std::vector<int64_t> longs;  ///< of `in`, ascending
  std::vector<double> doubles;
  std::vector<std::string_view> texts;
};

struct Program {
  std::vector<Instruction> instructions;
  std::vector<records::Column> constants;  ///< of one row each
  std::deque<std::string> texts;           ///< what the views in constants and lists look at
  uint32_t registers = 0;
  Operand result;
  records::Type type = records::Type::boolean;
};

/// An operand while a batch is worked on.
struct Input {
  const records::Column* column = nullptr;
  bool is_constant = false;  ///< the one row stands for all
};

struct Inputs {
  Input a, b, c;
  size_t rows = 0;
  const records::RowState* state =
      nullptr;  ///< texts of rows that are not live may not be touched; null: all are live
  records::Arena* arena = nullptr;  ///< for texts that are made
};

/// Fills `out`, which is no input, for all rows.
void execute(const Instruction& instruction, const Inputs& inputs, records::Column& out);
void execute_texts(const Instruction& instruction, const Inputs& inputs, records::Column& out);

}  // namespace tamis::transforms
