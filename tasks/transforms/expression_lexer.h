// The words of an expression: called by its parser only.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tamis::transforms {

/// A fault in an expression's text; `begin` and `end` are bytes of it.
struct SyntaxError {
  size_t begin = 0, end = 0;
  std::string message, hint;
};

struct Token {
  enum class Kind { integer, number, text, word, sign, end };
  Kind kind = Kind::end;
  size_t begin = 0, end = 0;
  std::string text;        ///< of a word or sign as written; of a text without quotes and escapes
  uint64_t magnitude = 0;  ///< of an integer; may be one more than a long holds, for -9223372036854775808
  double number = 0;
};

/// All tokens of `source`, the last one of kind `end`.  Throws SyntaxError.
std::vector<Token> read_tokens(std::string_view source);

}  // namespace tamis::transforms
