// Values as JSON text for windows' documents, appended to a buffer: the shortest digits that read back as the
// same number.
#pragma once
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace tamis::windows {

void append_long(std::string& out, int64_t value);
/// Always with a point or an exponent.  Returns false and appends nothing for what isn't finite.
bool append_double(std::string& out, double value);
void append_text(std::string& out, std::string_view text);
/// Returns false and appends nothing for years before 0000 and after 9999.
bool append_timestamp(std::string& out, base::Instant instant);
/// The edge of a window, which may lie just beyond those years: then the nearest instant in them.
void append_bound(std::string& out, base::Instant instant);
/// `,"name":`
std::string member_name(std::string_view name);

}  // namespace tamis::windows
