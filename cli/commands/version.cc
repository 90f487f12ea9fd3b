#include "core/base/version.h"

#include "cli/commands/all.h"

namespace tamis::cli {

Command version() {
  return {.noun = "version",
          .verb = "",
          .summary = "the version of this build",
          .positionals = {},
          .options = {},
          .examples = {"tamis version"},
          .notes = "",
          .prints_rows = false,
          .run = [](Invocation& invocation) {
            invocation.out << "tamis " << base::version << "\n";
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
