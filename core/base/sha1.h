// SHA-1 for protocols that ask for it (Redis names scripts by it).  Not for secrets; ids and versions use
// hash.h.
#pragma once
#include <string>
#include <string_view>

namespace tamis::base {

/// 40 hex digits.
std::string sha1_hex(std::string_view bytes);

}  // namespace tamis::base
