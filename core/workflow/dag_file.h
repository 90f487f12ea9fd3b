// DAG files: YAML text into DAGs, with everything that is wrong found in one pass and shown where it stands.
// Called by the scheduler's DAG folder, by `tamis dags validate|test` and by the api.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/finding.h"
#include "core/base/json_fwd.h"
#include "core/workflow/dag.h"
#include "core/workflow/operator_table.h"

namespace tamis::workflow {

struct DagFileOptions {
  std::string path;  ///< of the file: its stem is the default dag_id, relative paths start in its folder
  std::vector<base::Node> defaults;  ///< mappings of `defaults.yaml` files, the outermost folder first
  std::optional<base::Instant> now;  ///< for warnings about dates; none: no such warnings
};

struct DagFile {
  std::vector<Dag> dags;    ///< the documents without errors
  base::Findings findings;  ///< in the order of their places
};

/// Reads and checks all documents of a file.  Never throws for what stands in it.
DagFile parse_dag_file(const std::string& source, const OperatorTable& operators,
                       const DagFileOptions& options);

/// Reads and checks a `defaults.yaml`: any key of a DAG but dag_id and tasks.  Null when it is no mapping.
base::Node parse_defaults(const std::string& source, const OperatorTable& operators,
                          base::Findings& findings);

/// JSON Schema (draft 2020-12) of a DAG file, from the tables that check it.
base::Json dag_schema(const OperatorTable& operators);

/// The keys of a DAG, and those that every task has, for docs.
const base::Keys& dag_keys();
const base::Keys& task_keys();

}  // namespace tamis::workflow
