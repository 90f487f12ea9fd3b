// JSON values as the whole project uses them: members keep their order, as the fields of a DAG file must on
// their way to a worker.  Not for the record path, which reads and writes bytes.
#pragma once
#include <nlohmann/json.hpp>

namespace tamis::base {
using Json = nlohmann::ordered_json;
}
