// The operators as core/workflow sees them: plain data and a check, as it lies below tasks/ and knows none.
// Filled by the programs (tasks::operator_table()), read by the DAG parser.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/finding.h"
#include "core/base/node.h"
#include "core/base/schema.h"

namespace tamis::workflow {

struct OperatorTable {
  /// What an operator's check may look at, and where it puts what it found.
  struct Check {
    const base::Node& task;                                 ///< the task's whole mapping, defaults applied
    const std::map<std::string, const base::Node*>& tasks;  ///< all tasks of the DAG by task_id
    std::string folder;                                     ///< of the DAG file
    base::Findings& findings;
    std::vector<std::string>& files;  ///< out: files whose content is part of the DAG's version
  };
  struct Entry {
    std::string name;  ///< the word in DAG files
    std::string summary;
    std::string celery_task;  ///< the name on the queue; empty: the task's own `task:`, or none and the
                              ///< scheduler does it
    base::Keys keys;          ///< its own keys, beside those of every task
    bool is_sliced = false;   ///< falls into slices when its run is planned
    std::function<void(Check&)> check;
  };
  std::vector<Entry> entries;

  const Entry* find(std::string_view name) const {
    for (const auto& entry : entries)
      if (entry.name == name) return &entry;
    return nullptr;
  }
};

}  // namespace tamis::workflow
