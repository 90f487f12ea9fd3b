// The other programs, for the help: main() has become them before the table is looked at.
#include "cli/commands/all.h"
#include "cli/sibling.h"

namespace tamis::cli {
namespace {

Command make(const std::string& noun, const std::string& summary, const std::string& example) {
  return {.noun = noun,
          .verb = "",
          .summary = summary,
          .positionals = {},
          .options = {},
          .examples = {example},
          .notes = "Its flags: tamis " + noun + " --help",
          .prints_rows = false,
          .run = [noun](Invocation&) -> int { become("tamis-" + noun, {}); }};
}

}  // namespace

Command worker() {
  return make("worker", "a worker (tamis-worker)", "tamis worker --concurrency=4 --queues=default,etl");
}
Command scheduler() {
  return make("scheduler", "a scheduler (tamis-scheduler)", "tamis scheduler --dags=dags");
}
Command api() {
  return make("api", "the REST API (tamis-api)", "tamis api --listen=127.0.0.1:8080 --dags=dags");
}

}  // namespace tamis::cli
