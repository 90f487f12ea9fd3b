#include "tasks/operator_table.h"

#include "tasks/operator.h"

namespace tamis::tasks {

workflow::OperatorTable operator_table() {
  workflow::OperatorTable table;
  for (const Operator& op : operators()) {
    workflow::OperatorTable::Entry entry{op.name, op.summary, op.celery_task, op.keys, op.is_sliced, {}};
    if (op.check)
      entry.check = [&op](workflow::OperatorTable::Check& from) {
        OperatorCheck check{from.task, from.tasks, from.folder, from.findings, from.files};
        op.check(check);
      };
    table.entries.push_back(std::move(entry));
  }
  return table;
}

}  // namespace tamis::tasks
