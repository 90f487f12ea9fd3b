// What a field may be called: fields, derive, rename and lookup ask it, so that every field can stand in an
// expression and beside `source` in a document.
#pragma once
#include <string>
#include <string_view>

namespace tamis::transforms {

/// The words that expressions keep for themselves: and or not in is null true false.  Functions are none of
/// them: a word is a function only where `(` follows.
bool is_expression_word(std::string_view word);

/// Whether it begins with a letter or `_` and goes on with these and digits (ASCII).
bool is_word(std::string_view text);

/// Why `name` can't be a field's name, as a message (`"a b" can't name a field: …`); empty when it can.
std::string name_fault(std::string_view name);

}  // namespace tamis::transforms
