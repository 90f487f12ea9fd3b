#include "cli/files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "core/base/error.h"
#include "tasks/operator_table.h"

namespace tamis::cli {
namespace {

namespace fs = std::filesystem;

bool is_dag_file(const fs::path& path) {
  const auto name = path.filename().string();
  return (path.extension() == ".yaml" || path.extension() == ".yml") && !name.starts_with('.') &&
         name != "defaults.yaml";
}

}  // namespace

std::string read_file(const std::string& path) {
  std::stringstream content;
  if (path == "-") {
    content << std::cin.rdbuf();
    return content.str();
  }
  std::error_code error;
  if (!fs::exists(path, error)) throw base::NotFound("there is no file \"{}\"", path);
  if (fs::is_directory(path, error)) throw base::UserError("\"{}\" is a folder, not a file", path);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw base::UserError("can't read \"{}\"", path);
  content << in.rdbuf();
  return content.str();
}

std::vector<std::string> dag_files(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw base::NotFound("there is no file or folder \"{}\"", path);
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> found;
  for (const auto& entry :
       fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && is_dag_file(entry.path())) found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

LoadedDagFile load_dag_file(const std::string& path) {
  LoadedDagFile loaded{path, read_file(path), {}};
  const auto operators = tasks::operator_table();
  workflow::DagFileOptions options;
  options.path = path == "-" ? "stdin.yaml" : path;
  options.now = base::now();
  const auto defaults = fs::path(options.path).parent_path() / "defaults.yaml";
  if (std::error_code error; path != "-" && fs::exists(defaults, error)) {
    base::Findings findings;
    const auto source = read_file(defaults.string());
    auto node = workflow::parse_defaults(source, operators, findings);
    if (findings.has_errors()) throw base::UserError("{}", findings.text(defaults.string(), source));
    if (!node.is_null()) options.defaults.push_back(std::move(node));
  }
  loaded.file = workflow::parse_dag_file(loaded.source, operators, options);
  return loaded;
}

}  // namespace tamis::cli
