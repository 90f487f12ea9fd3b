#include "tasks/transforms/names.h"

#include <fmt/core.h>

#include <algorithm>

namespace tamis::transforms {

bool is_expression_word(std::string_view word) {
  static constexpr std::string_view words[] = {"and", "or", "not", "in", "is", "null", "true", "false"};
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_word(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !is_letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::string name_fault(std::string_view name) {
  if (!is_word(name))
    return fmt::format(
        "\"{}\" can't name a field: a name is letters, digits and \"_\", and begins with no digit", name);
  if (is_expression_word(name))
    return fmt::format("\"{}\" can't name a field: it is a word of expressions", name);
  if (name == "source")
    return "\"source\" can't name a field: documents tell under it where the record came from";
  return "";
}

}  // namespace tamis::transforms
