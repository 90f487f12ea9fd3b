// The inside of JSON strings: escapes checked, taken out, and put in.
#pragma once
#include <string>
#include <string_view>

namespace tamis::transforms {

/// Whether all escapes in `raw` (a string's text without its quotes) are right; a lone surrogate is not.
bool valid_escapes(std::string_view raw);

/// Writes `raw`, which has valid escapes, without them; `out` has room for as many bytes.  Returns how many
/// were written.
size_t unescape(std::string_view raw, char* out);

/// Appends `text` in quotes, with the fewest escapes.
void append_quoted(std::string_view text, std::string& out);

}  // namespace tamis::transforms
