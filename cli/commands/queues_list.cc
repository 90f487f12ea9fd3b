#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {

Command queues_list() {
  return {.noun = "queues",
          .verb = "list",
          .summary = "how many messages wait and are held, by queue",
          .positionals = {},
          .options = {},
          .examples = {"tamis queues list -o json"},
          .notes = "",
          .prints_rows = true,
          .run = [](Invocation& invocation) {
            print_rows(invocation, invocation.api().get(api_path("queues")).at("queues"),
                       {"name", "depth", "held", "consumers"});
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
