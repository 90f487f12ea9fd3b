// The folder of DAG files, watched: a saved file is read within a second, a broken one keeps its last good
// DAGs and shows what is wrong.  Used by the engine; has a thread of its own.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/workflow/dag.h"
#include "core/workflow/operator_table.h"
#include "core/workflow/run_store.h"

namespace tamis::scheduler {

/// What the folder holds now.
struct DagFolderContent {
  std::map<std::string, std::shared_ptr<const workflow::Dag>> dags;  ///< by dag_id: the last good ones
  std::vector<workflow::ImportError> errors;                         ///< one a broken file
};

class DagFolder {
 public:
  /// Reads everything before it returns, then calls `on_change`, from its own thread, with every new content.
  /// Throws UserError when there is no such folder.
  DagFolder(std::string folder, workflow::OperatorTable operators, std::function<void()> on_change);
  ~DagFolder();
  std::shared_ptr<const DagFolderContent> content() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::scheduler
