#include "tasks/transforms/expression_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

constexpr size_t length_max = 64 << 10;
constexpr int depth_max = 400, nesting_max = 60;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(read_tokens(source)) {}

  Syntax whole() {
    if (next().kind == Token::Kind::end) fail(next(), "an expression is missing");
    Syntax syntax = disjunction();
    if (next().kind != Token::Kind::end) {
      if (is_sign(")") || is_sign("]")) fail(next(), fmt::format("\"{}\" closes nothing", next().text));
      unexpected("an operator or the end");
    }
    return syntax;
  }

 private:
  using Kind = Syntax::Kind;

  [[noreturn]] void fail(const Token& token, std::string message, std::string hint = "") {
    throw SyntaxError{token.begin, token.end, std::move(message), std::move(hint)};
  }
  [[noreturn]] void unexpected(std::string_view wanted) {
    const Token& token = next();
    if (token.kind == Token::Kind::end)
      fail(token, fmt::format("the expression ends where {} is expected", wanted));
    std::string hint;
    if (token.kind == Token::Kind::word && token.text == "not") hint = "put it in parentheses: (not …)";
    if (token.kind == Token::Kind::sign && token.text == "[") hint = "lists stand only after in";
    fail(token,
         fmt::format("{} stands where {} is expected",
                     token.kind == Token::Kind::text ? "a text" : "\"" + written(token) + "\"", wanted),
         hint);
  }
  static std::string written(const Token& token) {
    if (token.kind == Token::Kind::integer) return std::to_string(token.magnitude);
    if (token.kind == Token::Kind::number) return fmt::format("{}", token.number);
    return token.text;
  }

  const Token& next() const { return tokens_[at_]; }
  bool is_sign(std::string_view sign) const {
    return next().kind == Token::Kind::sign && next().text == sign;
  }
  bool is_keyword(std::string_view word) const {
    return next().kind == Token::Kind::word && next().text == word;
  }
  bool take_keyword(std::string_view word) {
    if (!is_keyword(word)) return false;
    ++at_;
    return true;
  }
  const Token& take() { return tokens_[at_++]; }
  void expect(std::string_view sign) {
    if (!is_sign(sign)) unexpected(fmt::format("\"{}\"", sign));
    ++at_;
  }

  Syntax join(Kind kind, const Token& token, std::vector<Syntax> operands) {
    Syntax syntax;
    syntax.kind = kind;
    syntax.name = token.text;
    syntax.name_begin = token.begin;
    syntax.begin = operands.empty() ? token.begin : std::min(token.begin, operands.front().begin);
    syntax.end = operands.empty() ? token.end : std::max(token.end, operands.back().end);
    for (const auto& operand : operands) syntax.depth = std::max(syntax.depth, operand.depth + 1);
    if (syntax.depth > depth_max)
      fail(token, "the expression is too deep", "split it over several derive entries, or use in [...]");
    syntax.operands = std::move(operands);
    return syntax;
  }
  static std::vector<Syntax> list(Syntax a) {
    std::vector<Syntax> out;
    out.push_back(std::move(a));
    return out;
  }
  static std::vector<Syntax> list(Syntax a, Syntax b) {
    auto out = list(std::move(a));
    out.push_back(std::move(b));
    return out;
  }

  /// Counts parentheses, calls and prefixes that are open, so that the input can't exhaust the stack.
  struct Nesting {
    explicit Nesting(Parser& of) : parser(of) {
      if (++parser.nesting_ > nesting_max) parser.fail(parser.next(), "the expression is nested too deeply");
    }
    ~Nesting() { --parser.nesting_; }
    Parser& parser;
  };

  Syntax disjunction() {
    Syntax left = conjunction();
    while (is_keyword("or")) {
      const Token token = take();
      left = join(Kind::or_, token, list(std::move(left), conjunction()));
    }
    return left;
  }

  Syntax conjunction() {
    Syntax left = negation();
    while (is_keyword("and")) {
      const Token token = take();
      left = join(Kind::and_, token, list(std::move(left), negation()));
    }
    return left;
  }

  Syntax negation() {
    if (!is_keyword("not")) return comparison();
    const Nesting nesting(*this);
    const Token token = take();
    return join(Kind::not_, token, list(negation()));
  }

  bool is_comparison() const {
    if (next().kind == Token::Kind::sign)
      for (const std::string_view sign : {"==", "!=", "<", "<=", ">", ">="})
        if (next().text == sign) return true;
    if (is_keyword("in") || is_keyword("is")) return true;
    return is_keyword("not") && tokens_[at_ + 1].kind == Token::Kind::word && tokens_[at_ + 1].text == "in";
  }

  Syntax comparison() {
    Syntax left = sum();
    if (!is_comparison()) return left;
    const Token token = take();
    if (token.text == "is") {
      const bool negated = take_keyword("not");
      if (!is_keyword("null")) unexpected(negated ? "\"null\"" : "\"null\" or \"not null\"");
      const size_t end = take().end;
      left = join(Kind::is_null, token, list(std::move(left)));
      left.negated = negated;
      left.end = end;
    } else if (token.text == "in" || token.text == "not") {
      if (token.text == "not") take();
      left = membership(token, std::move(left));
    } else {
      left = join(Kind::comparison, token, list(std::move(left), sum()));
    }
    if (is_comparison())
      fail(next(), fmt::format("comparisons don't chain: \"{}\" follows another one", next().text),
           "join two comparisons with and, or use parentheses");
    return left;
  }

  Syntax membership(const Token& token, Syntax value) {
    if (!is_sign("[")) unexpected("a list such as [1, 2]");
    take();
    auto operands = list(std::move(value));
    if (is_sign("]")) fail(next(), "the list is empty");
    while (true) {
      const Token& first = next();
      Syntax item = unary();
      if (!item.is_literal()) throw SyntaxError{item.begin, item.end, "a list holds only literals", ""};
      if (item.kind == Kind::null) fail(first, "a list can't hold null", "add: or … is null");
      operands.push_back(std::move(item));
      if (!is_sign(",")) break;
      take();
    }
    if (!is_sign("]")) unexpected("\",\" or \"]\"");
    const size_t end = take().end;
    Syntax syntax = join(Kind::in, token, std::move(operands));
    syntax.negated = token.text == "not";
    syntax.end = end;
    return syntax;
  }

  Syntax sum() {
    Syntax left = product();
    while (is_sign("+") || is_sign("-")) {
      const Token token = take();
      left = join(Kind::arithmetic, token, list(std::move(left), product()));
    }
    return left;
  }

  Syntax product() {
    Syntax left = unary();
    while (is_sign("*") || is_sign("/") || is_sign("%")) {
      const Token token = take();
      left = join(Kind::arithmetic, token, list(std::move(left), unary()));
    }
    return left;
  }

  Syntax unary() {
    if (is_sign("+")) fail(next(), "a number has no plus sign in front");
    if (!is_sign("-")) return primary();
    const Nesting nesting(*this);
    const Token token = take();
    // Minus and digits are one literal: the least long has no positive twin, and lists hold literals only.
    if (next().kind == Token::Kind::integer || next().kind == Token::Kind::number) {
      const Token digits = take();
      Syntax syntax;
      syntax.kind = digits.kind == Token::Kind::integer ? Kind::integer : Kind::number;
      syntax.begin = token.begin;
      syntax.end = digits.end;
      syntax.integer = static_cast<int64_t>(~digits.magnitude + 1);
      syntax.number = -digits.number;
      return syntax;
    }
    return join(Kind::negate, token, list(unary()));
  }

  Syntax primary() {
    if (is_sign("(")) {
      const Nesting nesting(*this);
      const size_t begin = take().begin;
      Syntax inner = disjunction();
      if (!is_sign(")")) unexpected("\")\"");
      inner.end = take().end;
      inner.begin = begin;
      return inner;
    }
    const Token& token = next();
    Syntax syntax;
    syntax.begin = syntax.name_begin = token.begin;
    syntax.end = token.end;
    switch (token.kind) {
      case Token::Kind::integer:
        if (token.magnitude > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
          fail(token, fmt::format("{} is too large for a long", token.magnitude),
               "with a point it is a double");
        syntax.kind = Kind::integer;
        syntax.integer = static_cast<int64_t>(token.magnitude);
        break;
      case Token::Kind::number:
        syntax.kind = Kind::number;
        syntax.number = token.number;
        break;
      case Token::Kind::text:
        syntax.kind = Kind::text;
        syntax.name = token.text;
        break;
      case Token::Kind::word:
        if (token.text == "null") {
          syntax.kind = Kind::null;
        } else if (token.text == "true" || token.text == "false") {
          syntax.kind = Kind::boolean;
          syntax.boolean = token.text == "true";
        } else if (is_expression_word(token.text)) {
          unexpected("a value");
        } else if (tokens_[at_ + 1].kind == Token::Kind::sign && tokens_[at_ + 1].text == "(") {
          return call();
        } else {
          syntax.kind = Kind::field;
          syntax.name = token.text;
        }
        break;
      default:
        unexpected("a value");
    }
    ++at_;
    return syntax;
  }

  Syntax call() {
    const Nesting nesting(*this);
    const Token token = take();
    take();
    std::vector<Syntax> operands;
    while (!is_sign(")")) {
      operands.push_back(disjunction());
      if (is_sign(")")) break;
      if (!is_sign(",")) unexpected("\",\" or \")\"");
      take();
      if (is_sign(")")) unexpected("a value");
    }
    const size_t end = take().end;
    Syntax syntax = join(Kind::call, token, std::move(operands));
    syntax.begin = token.begin;
    syntax.end = end;
    return syntax;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

Syntax parse_expression(std::string_view source) {
  if (source.size() > length_max)
    throw SyntaxError{0, 1, fmt::format("the expression is longer than {} bytes", length_max), ""};
  return Parser(source).whole();
}

}  // namespace tamis::transforms
