#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {

Command workers_list() {
  return {.noun = "workers",
          .verb = "list",
          .summary = "the workers that are alive and what they do",
          .positionals = {},
          .options = {},
          .examples = {"tamis workers list"},
          .notes = "",
          .prints_rows = true,
          .run = [](Invocation& invocation) {
            print_rows(invocation, invocation.api().get(api_path("workers")).at("workers"),
                       {"name", "queues", "concurrency", "active", "processed", "last_seen", "version"});
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
