#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {

Command dags_details() {
  return {.noun = "dags",
          .verb = "details",
          .summary = "everything about one DAG",
          .positionals = {{"dag_id", 'd'}},
          .options = {},
          .examples = {"tamis dags details iot_sensor_etl -o yaml"},
          .notes = "",
          .prints_rows = true,
          .run = [](Invocation& invocation) {
            print_object(invocation,
                         invocation.api().get(api_path("dags", invocation.text("dag_id"), "details")));
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
