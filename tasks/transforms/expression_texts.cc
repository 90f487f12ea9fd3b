#include <algorithm>
#include <cstring>

#include "tasks/transforms/expression_views.h"

namespace tamis::transforms {
namespace {

using records::Column;
using records::RowState;
using Text = std::string_view;

/// Views in rows that are null or not live may look at memory that is gone: only these may be read.
struct Live {
  const RowState* state;
  bool operator()(size_t i) const { return state == nullptr || state[i] == RowState::live; }
};

template <typename Result, typename F>
void of_one(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  Result* __restrict to = values_of<Result>(out);
  const Live live{in.state};
  with<Text>(in.a, [&](const auto a) {
    for (size_t i = 0; i < in.rows; ++i) {
      valid[i] = a.is_valid(i) && live(i);
      if (valid[i]) to[i] = f(a[i]);
    }
  });
}

template <typename Result, typename F>
void of_two(const Inputs& in, Column& out, F f) {
  uint8_t* __restrict valid = out.valid.data();
  Result* __restrict to = values_of<Result>(out);
  const Live live{in.state};
  with_two<Text>(in, [&](const auto a, const auto b) {
    for (size_t i = 0; i < in.rows; ++i) {
      valid[i] = a.is_valid(i) && b.is_valid(i) && live(i);
      if (valid[i]) to[i] = f(a[i], b[i]);
    }
  });
}

/// Bytes compare as code points do, that is UTF-8's gift.
bool is_equal(Text a, Text b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

void compare(const Inputs& in, Comparison comparison, Column& out) {
  switch (comparison) {
    case Comparison::equal:
      return of_two<int64_t>(
          in, out, [](Text a, Text b) -> int64_t { return a.empty() ? b.empty() : is_equal(a, b); });
    case Comparison::not_equal:
      return of_two<int64_t>(
          in, out, [](Text a, Text b) -> int64_t { return a.empty() ? !b.empty() : !is_equal(a, b); });
    default:
      with_comparison(comparison, [&](const auto holds) {
        of_two<int64_t>(in, out, [&](Text a, Text b) -> int64_t { return holds(a.compare(b), 0); });
      });
  }
}

void membership(const Instruction& instruction, const Inputs& in, Column& out) {
  const auto& list = instruction.texts;
  const bool negated = instruction.negated;
  if (list.size() > 8)
    return of_one<int64_t>(in, out, [&](Text a) -> int64_t {
      return std::binary_search(list.begin(), list.end(), a) != negated;
    });
  of_one<int64_t>(in, out, [&](Text a) -> int64_t {
    for (const Text item : list)
      if (a == item) return !negated;
    return negated;
  });
}

/// Texts without a letter to change stay where they are.
template <char first, char last>
Text change_case(Text text, records::Arena& arena) {
  const auto changes = [](char c) { return c >= first && c <= last; };
  const auto found = std::find_if(text.begin(), text.end(), changes);
  if (found == text.end()) return text;
  char* to = arena.allocate(text.size());
  for (size_t i = 0; i < text.size(); ++i)
    to[i] = changes(text[i]) ? static_cast<char>(text[i] ^ 0x20) : text[i];
  return {to, text.size()};
}

Text trim(Text text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

int64_t code_points(Text text) {
  int64_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace

void execute_texts(const Instruction& instruction, const Inputs& in, Column& out) {
  switch (instruction.code) {
    case Code::compare_text:
      return compare(in, instruction.comparison, out);
    case Code::in_text:
      return membership(instruction, in, out);
    case Code::min_text:
      return of_two<Text>(in, out, [](Text a, Text b) { return std::min(a, b); });
    case Code::max_text:
      return of_two<Text>(in, out, [](Text a, Text b) { return std::max(a, b); });
    case Code::lower:
      return of_one<Text>(in, out, [&](Text a) { return change_case<'A', 'Z'>(a, *in.arena); });
    case Code::upper:
      return of_one<Text>(in, out, [&](Text a) { return change_case<'a', 'z'>(a, *in.arena); });
    case Code::trim:
      return of_one<Text>(in, out, trim);
    case Code::length:
      return of_one<int64_t>(in, out, code_points);
    case Code::starts_with:
      return of_two<int64_t>(in, out, [](Text a, Text b) -> int64_t { return a.starts_with(b); });
    case Code::contains:
      return of_two<int64_t>(in, out, [](Text a, Text b) -> int64_t { return a.find(b) != Text::npos; });
    default:
      return;
  }
}

}  // namespace tamis::transforms
