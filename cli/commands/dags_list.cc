#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {
namespace {

using base::Json;

int run(Invocation& invocation) {
  auto& api = invocation.api();
  Json rows = Json::array();
  for (const auto& dag : api.list(api_path("dags"), "dags")) {
    std::string owners;
    for (const auto& owner : dag["owners"]) owners += (owners.empty() ? "" : ", ") + owner.get<std::string>();
    rows.push_back({{"dag_id", dag["dag_id"]},
                    {"filepath", dag["fileloc"]},
                    {"owner", owners},
                    {"paused", dag["is_paused"]},
                    {"next_run", dag["next_dagrun_create_after"]},
                    {"description", dag["description"]},
                    {"version", dag["version"]}});
  }
  print_rows(invocation, rows, {"dag_id", "filepath", "owner", "paused"});
  if (const auto errors = api.get(api_path("importErrors"), {{"limit", "1"}});
      errors.value("total_entries", 0) > 0)
    invocation.err << fmt::format("{} DAG file(s) could not be taken; see `tamis dags list-import-errors`\n",
                                  errors["total_entries"].get<int64_t>());
  return ok;
}

}  // namespace

Command dags_list() {
  return {.noun = "dags",
          .verb = "list",
          .summary = "the DAGs that the scheduler knows",
          .positionals = {},
          .options = {},
          .examples = {"tamis dags list", "tamis dags list -o json",
                       "tamis dags list --columns=dag_id,next_run,description"},
          .notes = "",
          .prints_rows = true,
          .run = run};
}

}  // namespace tamis::cli
