#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {
namespace {

int run(Invocation& invocation) {
  base::Json rows = base::Json::array();
  for (const auto& error : invocation.api().list(api_path("importErrors"), "import_errors"))
    rows.push_back({{"filepath", error["filename"]}, {"error", error["stack_trace"]}});
  const bool any = !rows.empty();
  // The caret under a source line means something only when lines are kept.
  if (any && !invocation.has("output") && !invocation.has("columns")) {
    for (const auto& row : rows) invocation.out << row["error"].get<std::string>() << "\n";
  } else {
    print_rows(invocation, rows, {"filepath", "error"});
  }
  return ok;
}

}  // namespace

Command dags_list_import_errors() {
  return {.noun = "dags",
          .verb = "list-import-errors",
          .summary = "DAG files that could not be taken, and why",
          .positionals = {},
          .options = {},
          .examples = {"tamis dags list-import-errors"},
          .notes = "",
          .prints_rows = true,
          .run = run};
}

}  // namespace tamis::cli
