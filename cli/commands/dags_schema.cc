#include "cli/commands/all.h"
#include "core/base/json.h"
#include "core/workflow/dag_file.h"
#include "tasks/operator_table.h"

namespace tamis::cli {

Command dags_schema() {
  return {.noun = "dags",
          .verb = "schema",
          .summary = "the JSON Schema of DAG files, for editors",
          .positionals = {},
          .options = {},
          .examples = {"tamis dags schema > dag.schema.json"},
          .notes =
              "Editors that know YAML complete and check DAG files by it: put\n"
              "`# yaml-language-server: $schema=dag.schema.json` into the first line of a file.",
          .prints_rows = false,
          .run = [](Invocation& invocation) {
            invocation.out << workflow::dag_schema(tasks::operator_table()).dump(2) << "\n";
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
