// JSON as Python's json module writes it, byte for byte, and Python's repr as Celery shows arguments; and
// JSON as Python writes it read back.  Used by messages, results and events.
#pragma once
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace tamis::queue {

/// `json.dumps(value)`: ", " and ": ", non-ASCII as \uXXXX, floats in Python's shortest form, NaN and
/// Infinity bare.
std::string python_dumps(const base::Json& value);

/// Reads JSON, NaN and Infinity included.  Throws UserError (`what` names the text) when it isn't JSON or
/// nests deeper than 200.
base::Json python_loads(std::string_view text, std::string_view what);

/// Python's repr of a value, cut to about `max` characters: `{'k': [1.5, None, True]}`.
std::string python_repr(const base::Json& value, size_t max = 1024);
/// The same of positional arguments: `(2, 3)`, `(2,)`, `()`.
std::string python_repr_arguments(const base::Json& args, size_t max = 1024);

/// Turns what kombu ≥ 5.3 writes as `{"__type__": …, "__value__": …}` (datetime, uuid, decimal, bytes) into
/// plain text.
base::Json plain_arguments(base::Json value);

}  // namespace tamis::queue
