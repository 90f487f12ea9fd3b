// The other programs of Tamis, which lie beside this one.  Used by `tamis worker|scheduler|api`, by
// standalone and by the settings' docs.
#pragma once
#include <string>
#include <vector>

namespace tamis::cli {

/// The path of `tamis-worker`, …, in the folder of this program; a bare name, for PATH, when it is not there.
std::string sibling_path(const std::string& program);
/// Becomes that program; returns only to throw UserError when it can't.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments);
/// Runs a program to its end and returns what it printed.  Throws Error when it fails.
std::string output_of(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace tamis::cli
