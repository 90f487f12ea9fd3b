#include "tasks/transforms/expression_lexer.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

constexpr uint64_t magnitude_max = uint64_t{1} << 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void put_utf8(std::string& out, uint32_t c) {
  const auto byte = [&](uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | (c >> 6));
    byte(0x80 | (c & 63));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 63));
    byte(0x80 | (c & 63));
  } else {
    byte(0xF0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 63));
    byte(0x80 | ((c >> 6) & 63));
    byte(0x80 | (c & 63));
  }
}

/// Bytes of the UTF-8 character at the front, 0 when it is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint32_t b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b < 0xE0) return follows(1) ? 2 : 0;
  if (b >= 0xE0 && b < 0xF0) {
    if ((b == 0xE0 && byte(1) < 0xA0) || (b == 0xED && byte(1) > 0x9F)) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (b >= 0xF0 && b < 0xF5) {
    if ((b == 0xF0 && byte(1) < 0x90) || (b == 0xF4 && byte(1) > 0x8F)) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> all() {
    std::vector<Token> tokens;
    while (true) {
      while (at_ < source_.size() && std::string_view(" \t\r\n").find(source_[at_]) != std::string_view::npos)
        ++at_;
      Token token;
      token.begin = at_;
      if (at_ < source_.size()) read(token);
      token.end = at_;
      tokens.push_back(std::move(token));
      if (tokens.back().kind == Token::Kind::end) return tokens;
    }
  }

 private:
  [[noreturn]] void fail(size_t begin, size_t end, std::string message, std::string hint = "") {
    throw SyntaxError{begin, end, std::move(message), std::move(hint)};
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  void read(Token& token) {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(token);
    if (c == '"' || c == '\'') return text(token);
    if (is_word(std::string_view(&source_[at_], 1))) {
      while (is_word(source_.substr(at_, 1)) || is_digit(peek())) ++at_;
      token.kind = Token::Kind::word;
      token.text = source_.substr(token.begin, at_ - token.begin);
      return;
    }
    token.kind = Token::Kind::sign;
    for (const std::string_view two : {"==", "!=", "<=", ">="})
      if (source_.substr(at_, 2) == two) {
        token.text = two;
        at_ += 2;
        return;
      }
    if (source_.substr(at_, 2) == "<>") fail(at_, at_ + 2, "\"<>\" is no operator", "write !=");
    if (source_.substr(at_, 2) == "&&") fail(at_, at_ + 2, "\"&&\" is no operator", "write and");
    if (source_.substr(at_, 2) == "||") fail(at_, at_ + 2, "\"||\" is no operator", "write or");
    if (std::string_view("+-*/%<>()[],").find(c) != std::string_view::npos) {
      token.text = c;
      ++at_;
      return;
    }
    if (c == '=') fail(at_, at_ + 1, "\"=\" is no operator", "write == to compare");
    if (c == '!') fail(at_, at_ + 1, "\"!\" is no operator", "write not");
    const size_t length = std::max<size_t>(1, utf8_length(source_.substr(at_)));
    if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F))
      fail(at_, at_ + 1, "an expression can't hold this character");
    fail(at_, at_ + length, fmt::format("an expression can't hold \"{}\"", source_.substr(at_, length)));
  }

  void number(Token& token) {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t from = at_;
      while (is_digit(peek())) ++at_;
      return at_ - from;
    };
    const auto bad = [&](std::string hint) {
      while (is_digit(peek()) || is_word(source_.substr(at_, 1)) || peek() == '.') ++at_;
      fail(begin, at_, fmt::format("\"{}\" is no number", source_.substr(begin, at_ - begin)),
           std::move(hint));
    };
    const size_t whole = digits();
    bool is_long = true;
    if (whole == 0) bad("write a digit before the point");
    if (whole > 1 && source_[begin] == '0') bad("a number can't begin with 0");
    if (peek() == '.') {
      is_long = false;
      ++at_;
      if (digits() == 0) bad("write a digit after the point");
    }
    if (peek() == 'e' || peek() == 'E') {
      is_long = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (digits() == 0) bad("write a digit after the e");
    }
    if (is_word(source_.substr(at_, 1)) || peek() == '.') bad("");
    const char *from = source_.data() + begin, *to = source_.data() + at_;
    if (is_long) {
      token.kind = Token::Kind::integer;
      if (std::from_chars(from, to, token.magnitude).ec != std::errc() || token.magnitude > magnitude_max)
        fail(begin, at_, fmt::format("{} is too large for a long", std::string_view(from, to)),
             "with a point it is a double");
      return;
    }
    token.kind = Token::Kind::number;
    // Too small a number is 0; one too large is no double.
    if (std::from_chars(from, to, token.number).ec != std::errc()) {
      token.number = std::strtod(std::string(from, to).c_str(), nullptr);
      if (!std::isfinite(token.number))
        fail(begin, at_, fmt::format("{} is too large for a double", std::string_view(from, to)));
    }
  }

  void text(Token& token) {
    token.kind = Token::Kind::text;
    const char quote = source_[at_++];
    while (peek() != quote || at_ >= source_.size()) {
      if (at_ >= source_.size())
        fail(token.begin, source_.size(), fmt::format("the text has no closing {}", quote));
      if (peek() == '\\') {
        escape(token.text);
        continue;
      }
      const size_t length = utf8_length(source_.substr(at_));
      if (length == 0) fail(at_, at_ + 1, "the text is not UTF-8");
      token.text += source_.substr(at_, length);
      at_ += length;
    }
    ++at_;
  }

  void escape(std::string& out) {
    const size_t begin = at_++;
    const char c = peek();
    static constexpr std::string_view letters = "\"'\\/bfnrt", values = "\"'\\/\b\f\n\r\t";
    if (const auto found = letters.find(c); found != std::string_view::npos && at_ < source_.size()) {
      out += values[found];
      ++at_;
      return;
    }
    if (c != 'u')
      fail(begin, std::min(at_ + 1, source_.size()), "unknown escape in a text",
           "a text has JSON's escapes: \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t \\u0041");
    uint32_t unit = hex4(begin);
    if (unit >= 0xD800 && unit < 0xDC00 && peek() == '\\' && peek(1) == 'u') {
      ++at_;
      const uint32_t low = hex4(begin);
      if (low < 0xDC00 || low > 0xDFFF) fail(begin, at_, "half a surrogate pair is no character");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xD800 && unit < 0xE000) {
      fail(begin, at_, "half a surrogate pair is no character");
    }
    put_utf8(out, unit);
  }

  uint32_t hex4(size_t begin) {
    ++at_;
    uint32_t unit = 0;
    const size_t left = std::min<size_t>(4, source_.size() - at_);
    const char* from = source_.data() + at_;
    const auto [end, error] = std::from_chars(from, from + left, unit, 16);
    if (error != std::errc() || end != from + 4) fail(begin, at_ + left, "\\u needs four hexadecimal digits");
    at_ += 4;
    return unit;
  }

  std::string_view source_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Token> read_tokens(std::string_view source) {
  return Lexer(source).all();
}

}  // namespace tamis::transforms
