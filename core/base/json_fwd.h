// The name of JSON values, for headers that only pass them on.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace tamis::base {
using Json = nlohmann::ordered_json;
}
