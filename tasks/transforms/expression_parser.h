// The grammar of expressions (PIPELINE: EXPR), from text to a tree with places.  Types are the business of
// expression_compiler.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/transforms/expression_lexer.h"

namespace tamis::transforms {

/// One node of an expression's tree.
struct Syntax {
  enum class Kind {
    null,
    boolean,
    integer,
    number,
    text,
    field,   ///< `name`
    call,    ///< `name`(operands)
    negate,  ///< -operand
    not_,
    and_,
    or_,
    arithmetic,  ///< `name` is + - * / %
    comparison,  ///< `name` is == != < <= > >=
    in,          ///< operands: the value, then the list's literals
    is_null
  };
  Kind kind = Kind::null;
  size_t begin = 0, end = 0;  ///< bytes of the source
  std::string name;           ///< field, function or operator; the value of a text
  size_t name_begin = 0;      ///< where `name` stands
  int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  bool negated = false;  ///< not in, is not null
  int depth = 1;
  std::vector<Syntax> operands;

  bool is_literal() const { return kind <= Kind::text; }
};

/// Throws SyntaxError.  Depth and length are bounded, so that trees can be walked by recursion.
Syntax parse_expression(std::string_view source);

}  // namespace tamis::transforms
