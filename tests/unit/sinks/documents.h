// Documents by hand and a folder to write them to, for tests of sinks.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/sinks/sink.h"

namespace tamis::sinks {

using base::Json;

struct Written {
  std::string index, id;
  Json body;
  int64_t version = -1;
};

inline std::shared_ptr<records::DocumentBatch> batch_of(const std::vector<Written>& documents) {
  auto batch = std::make_shared<records::DocumentBatch>();
  for (const auto& document : documents) {
    records::DocumentBatch::Entry entry;
    const auto found = std::find(batch->indices.begin(), batch->indices.end(), document.index);
    entry.index = static_cast<uint32_t>(found - batch->indices.begin());
    if (found == batch->indices.end()) batch->indices.push_back(document.index);
    const auto body = document.body.dump();
    entry.row = static_cast<uint32_t>(batch->entries.size());
    entry.id = batch->bytes.size();
    entry.id_size = static_cast<uint32_t>(document.id.size());
    entry.body_size = static_cast<uint32_t>(body.size());
    entry.version = document.version;
    batch->bytes += document.id + body;
    batch->entries.push_back(entry);
  }
  return batch;
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tamis-sink-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// What every kind of field is called here.
inline records::Layout layout_of_all() {
  using records::Type;
  return {{{"sensor", Type::keyword, 0},
           {"n", Type::long_, 1},
           {"x", Type::double_, 2},
           {"ok", Type::boolean, 3},
           {"t", Type::timestamp, 4}}};
}

inline SinkContext context_in(const Folder& folder) {
  SinkContext context;
  context.connections.data_dir = folder.path();
  context.dag_id = "d";
  context.task_id = "clean";
  context.run_id = "run/1";
  context.slice = "topic-0-0";
  context.layout = layout_of_all();
  return context;
}

inline std::unique_ptr<Sink> make_sink(const std::string& kind, const Json& parameters,
                                       const SinkContext& context) {
  return find_sink(kind)->make(base::Node::from_json(parameters), context);
}

inline std::vector<Json> lines_of(const std::filesystem::path& file) {
  std::vector<Json> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// Codes of the findings about a sink's parameters, as the DAG loader makes them.
inline std::string faults(const std::string& kind, const Json& parameters) {
  const auto node = base::Node::from_json(parameters);
  base::Findings findings;
  if (base::check(node, find_sink(kind)->keys, findings)) find_sink(kind)->check(node, findings);
  std::string codes;
  for (const auto& finding : findings.all()) codes += (codes.empty() ? "" : " ") + finding.code;
  return codes;
}

}  // namespace tamis::sinks
