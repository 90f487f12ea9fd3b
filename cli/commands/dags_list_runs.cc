#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {
namespace {

using base::Json;

int run(Invocation& invocation) {
  Query query{{"order_by", "-id"}};
  if (invocation.has("state")) query.emplace_back("state", invocation.text("state"));
  if (const auto at = invocation.instant("start_date"))
    query.emplace_back("execution_date_gte", base::format_isoformat(*at));
  if (const auto at = invocation.instant("end_date"))
    query.emplace_back("execution_date_lte", base::format_isoformat(*at));
  const auto limit = static_cast<size_t>(invocation.integer("limit", 100, 1, 1'000'000));
  Json rows = Json::array();
  for (const auto& run : invocation.api().list(api_path("dags", invocation.text("dag_id"), "dagRuns"),
                                               "dag_runs", query, limit)) {
    Json row = {{"dag_id", run["dag_id"]},         {"run_id", run["dag_run_id"]},
                {"state", run["state"]},           {"execution_date", run["execution_date"]},
                {"start_date", run["start_date"]}, {"end_date", run["end_date"]}};
    for (const char* more :
         {"run_type", "conf", "note", "data_interval_start", "data_interval_end", "dag_version"})
      row[more] = run[more];
    rows.push_back(row);
  }
  print_rows(invocation, rows, {"dag_id", "run_id", "state", "execution_date", "start_date", "end_date"});
  return ok;
}

}  // namespace

Command dags_list_runs() {
  return {.noun = "dags",
          .verb = "list-runs",
          .summary = "the runs of a DAG, newest first",
          .positionals = {{"dag_id", 'd'}},
          .options = {{"state",
                       0,
                       "STATE",
                       "only these: queued, running, success, failed",
                       {"queued", "running", "success", "failed"}},
                      {"start_date", 's', "TIME", "logical date not before", {}},
                      {"end_date", 'e', "TIME", "logical date not after", {}},
                      {"limit", 0, "N", "so many (default 100)", {}}},
          .examples = {"tamis dags list-runs iot_sensor_etl --state=failed",
                       "tamis dags list-runs iot_sensor_etl --limit=5 -o json"},
          .notes = "",
          .prints_rows = true,
          .run = run};
}

}  // namespace tamis::cli
