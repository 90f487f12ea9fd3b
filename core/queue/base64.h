// Base64 as kombu writes bodies: standard alphabet, padded, one line.  Used by message.cc.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tamis::queue {

std::string base64_encode(std::string_view bytes);
/// Ignores line breaks, as Python does; empty when anything else is wrong.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tamis::queue
