// Members of a JSON object as text, on their way from a record into a document (`unknown_fields: keep`).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tamis::records {

/// Whether a member of this name is left out.
bool is_taken(std::string_view name, const std::vector<std::string>& taken);

/// Appends the members of `members` (as Batch::unknown holds them) to `out`, each with a comma before it, but
/// for those whose name is in `taken`: the names that the document gives itself.  Names in `taken` must need
/// no escapes.
void append_members(std::string_view members, const std::vector<std::string>& taken, std::string& out);

}  // namespace tamis::records
