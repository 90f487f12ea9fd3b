// What was typed, taken apart: command, arguments, options, and the settings among them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "cli/command.h"

namespace tamis::cli {

struct Parsed {
  const Command* command = nullptr;  ///< none: help for `noun`, or for all
  std::string noun;
  bool help = false;
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> settings;  ///< `--redis=…`, for load_settings
};

/// Throws UserError with the nearest right word for what does not exist.
Parsed parse(const std::vector<std::string>& words);

}  // namespace tamis::cli
