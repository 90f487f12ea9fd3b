// docs/settings.md, made from the flags of all programs.
#pragma once
#include <string>

namespace tamis::cli {

/// Asks every program beside this one for its flags.  Throws Error when one is not there.
std::string settings_page();

}  // namespace tamis::cli
