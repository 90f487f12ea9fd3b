// The version of this build, as `tamis version`, the api and heartbeats tell it.
#pragma once
#include <string_view>

namespace tamis::base {

/// `0.1.0`, from CMakeLists.txt.
extern const std::string_view version;

}  // namespace tamis::base
