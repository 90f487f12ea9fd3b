// Files that commands read, and the DAG files among them.
#pragma once
#include <string>
#include <vector>

#include "core/workflow/dag_file.h"

namespace tamis::cli {

/// The content of a file, of standard input for `-`.  Throws NotFound or UserError.
std::string read_file(const std::string& path);

/// The DAG files that `path` names: itself, or all *.yaml and *.yml of a folder and below, in order.
std::vector<std::string> dag_files(const std::string& path);

struct LoadedDagFile {
  std::string path, source;
  workflow::DagFile file;
};

/// Reads and checks a DAG file with the `defaults.yaml` of its folder.
LoadedDagFile load_dag_file(const std::string& path);

}  // namespace tamis::cli
