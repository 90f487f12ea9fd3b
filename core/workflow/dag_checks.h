// What tables can't say about a DAG: references, cycles, its schedule, and texts that YAML reads otherwise
// than people do. The DAG parser's own; each adds findings.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/base/finding.h"
#include "core/base/node.h"
#include "core/workflow/dag.h"

namespace tamis::workflow {

/// A task as read: its whole mapping with defaults applied, and where its id stands.
struct TaskNode {
  std::string task_id;
  base::Span id_span;
  base::Node node;
};

/// Unquoted texts that other readers of YAML take for something else, templates without quotes, numbers with
/// leading zeros.
void check_yaml_traps(const base::Node& document, base::Findings& findings);

/// Unknown and doubled tasks in depends_on, self-dependency, cycles in order with their lines, too many tasks
/// or edges.
void check_references(const std::vector<TaskNode>& tasks, base::Findings& findings);

/// Reads `schedule`, `timezone`, `timetable`, dates and `catchup` into `dag` and checks them together.
void read_schedule(const base::Node& document, Dag& dag, std::optional<base::Instant> now,
                   base::Findings& findings);

}  // namespace tamis::workflow
