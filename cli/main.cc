// `tamis`, which people type.
#include <iostream>
#include <set>

#include "cli/program.h"
#include "cli/sibling.h"
#include "core/base/error.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  // The programs have flags of their own, so these words are not looked at here.
  static const std::set<std::string> programs{"worker", "scheduler", "api"};
  try {
    if (!words.empty() && programs.contains(words[0]))
      tamis::cli::become("tamis-" + words[0], {words.begin() + 1, words.end()});
  } catch (const tamis::base::UserError& error) {
    std::cerr << "tamis: " << error.what() << "\n";
    return 1;
  }
  std::ios::sync_with_stdio(false);
  return tamis::cli::run(words, std::cout, std::cerr);
}
