// `tamis` itself: finds the command of what was typed, reads its options and the settings, runs it, turns
// errors into exit codes.  Called by main() and by tests.
#pragma once
#include <ostream>
#include <string>
#include <vector>

namespace tamis::cli {

/// `words`: what was typed after `tamis`.  Returns the exit code.
int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

}  // namespace tamis::cli
