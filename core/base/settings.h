// One definition of a setting, the gflag, and four layers that fill it: default < --config file < environment
// < command line.
// `--redis`, `redis:` in the file and TAMIS_REDIS are one word.  Called by every main(); nothing below main()
// sees a flag.
#pragma once
#include <string>
#include <vector>

#include "core/base/json_fwd.h"

namespace tamis::base {

struct FlagDescription {
  std::string name, type, default_value, summary, environment;
  bool secret = false;
};

/// Fills gflags from all layers.  `argv` loses what was read, as gflags does.  Throws UserError for an
/// unknown key in the file, an unknown TAMIS_ variable's value that doesn't fit, or a wrong flag.  `--help` and `--settings_json` print the flags,
/// as text and as JSON, and end the process.
void load_settings(int& argc, char**& argv);

/// The flags that our files define, in the order of their names; secrets (names with password, key, token)
/// are marked.
std::vector<FlagDescription> describe_flags();
/// The same as JSON: objects with name, type, default, summary, environment and secret.
Json settings_json();
/// What is in force, secrets as `***`.
Json settings_in_force();

}  // namespace tamis::base
