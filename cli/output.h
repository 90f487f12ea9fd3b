// Rows as people and programs want them: an aligned table, JSON, YAML, or plain columns.  Used by every
// command that lists.
#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/base/json.h"

namespace tamis::cli {

/// The options that every command with `prints_rows` takes.
const std::vector<Option>& row_options();

/// Prints `rows`, an array of objects: those members that `columns` name, or that --columns does; without
/// any, all members of the first row.  -o json and yaml keep the types of values.
void print_rows(Invocation& invocation, const base::Json& rows, std::vector<std::string> columns = {});
/// One object: as it is in JSON and YAML, as rows of property and value otherwise.
void print_object(Invocation& invocation, const base::Json& object);

/// `rows` as an aligned table; numbers stand to the right.  `sum_line`: the last row is set apart.
std::string format_table(const base::Json& rows, const std::vector<std::string>& columns,
                         bool sum_line = false);
std::string format_yaml(const base::Json& value);
/// How many columns of a terminal a text takes (code points; marks and wide signs aside).
size_t display_width(std::string_view text);
/// `1234567` -> `1,234,567`.
std::string group_digits(int64_t number);

}  // namespace tamis::cli
