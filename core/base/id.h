// Random and derived UUIDs.  Run, task and document ids are derived, so that acting twice is harmless.
#pragma once
#include <string>
#include <string_view>

namespace tamis::base {

/// A random version-4 UUID.  Thread-safe.
std::string random_uuid();

/// A UUID derived from `name`: the same name always gives the same one (version 8, 122 bits of XXH3).
std::string derived_uuid(std::string_view name);

}  // namespace tamis::base
