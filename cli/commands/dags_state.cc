#include "cli/commands/all.h"
#include "cli/runs.h"

namespace tamis::cli {

Command dags_state() {
  return {.noun = "dags",
          .verb = "state",
          .summary = "the state of a run: queued, running, success or failed",
          .positionals = {{"dag_id", 'd'}, {.name = "run", .letter = 'r', .required = false}},
          .options = {},
          .examples = {"tamis dags state iot_sensor_etl",
                       "tamis dags state iot_sensor_etl manual__2026-03-01T09:00:00+00:00"},
          .notes = "RUN is an id, a logical date, latest (default) or latest:failed.",
          .prints_rows = false,
          .run = [](Invocation& invocation) {
            const auto found =
                find_run(invocation.api(), invocation.text("dag_id"), invocation.text("run", "latest"));
            invocation.out << found.value("state", "");
            if (found.contains("conf") && !found["conf"].empty())
              invocation.out << ", " << found["conf"].dump();
            invocation.out << "\n";
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
