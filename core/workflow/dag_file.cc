#include "core/workflow/dag_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/yaml.h"
#include "core/workflow/dag_checks.h"

namespace tamis::workflow {

using base::Findings;
using base::Json;
using base::Key;
using base::Keys;
using base::Node;
using base::Severity;
using base::Span;

namespace {

constexpr size_t max_file_bytes = 32 << 20;
constexpr size_t max_id_length = 250;

/// Airflow's pattern for ids: `^[\w.-]+$`.
bool is_id(std::string_view text) {
  if (text.empty() || text.size() > max_id_length) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '-' || c >= 0x80;
  });
}

void check_id(const std::string& id, const Span& span, std::string_view what, Findings& findings) {
  if (!is_id(id))
    findings.error(
        span, "bad_id",
        fmt::format("the {} \"{}\" may hold letters, digits, \"_\", \".\" and \"-\", up to {} of them", what,
                    id.substr(0, 60), max_id_length));
}

/// A copy without places: for what came from another file.
Node placeless(Node node) {
  node.span = {};
  for (auto& item : node.items) item = placeless(std::move(item));
  for (auto& entry : node.entries) {
    entry.key_span = {};
    entry.value = placeless(std::move(entry.value));
  }
  return node;
}

/// Adds the members of `from` that `node` doesn't have; default_args are merged one level deeper.
void inherit(Node& node, const Node& from) {
  for (const auto& entry : from.entries) {
    auto own = std::find_if(node.entries.begin(), node.entries.end(),
                            [&](const auto& e) { return e.key == entry.key; });
    if (own == node.entries.end())
      node.entries.push_back(entry);
    else if (entry.key == "default_args" && own->value.is_map())
      inherit(own->value, entry.value);
  }
}

class DocumentReader {
 public:
  DocumentReader(const OperatorTable& operators, const DagFileOptions& options, std::string default_id,
                 std::string folder, Findings& findings)
      : operators_(operators),
        options_(options),
        default_id_(std::move(default_id)),
        folder_(std::move(folder)),
        findings_(findings) {
    for (const auto& entry : operators.entries) operator_names_.push_back(entry.name);
  }

  Dag read(Node document) {
    Dag dag;
    if (!document.is_map()) {
      findings_.error(document.span, "wrong_type",
                      fmt::format("a DAG file must be a mapping, not {}", document.kind_name()),
                      "it begins with dag_id: …");
      return dag;
    }
    check_yaml_traps(document, findings_);
    for (auto defaults = options_.defaults.rbegin(); defaults != options_.defaults.rend(); ++defaults)
      inherit(document, placeless(*defaults));
    check(document, dag_keys(), findings_);

    const Node* id = document.find("dag_id");
    dag.dag_id = id != nullptr && id->is_text() ? id->text : default_id_;
    if (id != nullptr && id->is_text())
      check_id(dag.dag_id, id->span, "dag_id", findings_);
    else if (id == nullptr && dag.dag_id.empty())
      findings_.error(document.span, "missing_key", "each of several DAGs in a file needs \"dag_id\"");
    else if (id == nullptr)
      check_id(dag.dag_id, document.span, "file name, which is the dag_id,", findings_);
    dag.description = base::text_at(document, "description");
    dag.tags = base::texts_at(document, "tags");
    dag.max_active_runs =
        static_cast<int>(base::integer_at(document, "max_active_runs", dag.max_active_runs));
    dag.max_active_tasks =
        static_cast<int>(base::integer_at(document, "max_active_tasks", dag.max_active_tasks));
    dag.is_paused_upon_creation = base::boolean_at(document, "is_paused_upon_creation");
    if (const Node* timeout = document.find("dagrun_timeout"); timeout != nullptr && !timeout->is_null())
      dag.dagrun_timeout = base::parse_duration(timeout->text);
    if (const Node* params = document.find("params"); params != nullptr && params->is_map())
      dag.params = params->json();
    read_schedule(document, dag, options_.now, findings_);

    check_default_args(document.find("default_args"));
    dag.owner = base::text_at(document, "owner",
                              default_args_ ? base::text_at(*default_args_, "owner", dag.owner) : dag.owner);
    if (const Node* tasks = document.find("tasks")) read_tasks(*tasks);
    check_references(tasks_, findings_);
    check_operators(dag);
    for (const auto& task : tasks_) {
      TaskSpec spec = TaskSpec::from_body(task.node);
      if (const auto* entry = operators_.find(spec.operator_name)) {
        spec.is_sliced = entry->is_sliced;
        spec.celery_task = entry->celery_task.empty() ? base::text_at(task.node, "task") : entry->celery_task;
      }
      dag.tasks.push_back(std::move(spec));
    }
    return dag;
  }

 private:
  /// Whether any operator, or every task, has this key.
  const Key* find_anywhere(std::string_view name) const {
    if (const Key* key = task_keys().find(name)) return key;
    for (const auto& entry : operators_.entries)
      if (const Key* key = entry.keys.find(name)) return key;
    return nullptr;
  }

  void check_default_args(const Node* node) {
    if (node == nullptr || !node->is_map()) return;
    default_args_ = *node;
    std::vector<std::string> names;
    for (const auto& key : task_keys().keys) names.push_back(key.name);
    for (const auto& entry : operators_.entries)
      for (const auto& key : entry.keys.keys) names.push_back(key.name);
    Keys common{"default_args", {}};
    Node own = *node;
    std::erase_if(own.entries, [&](const Node::Entry& entry) {
      if (entry.key.starts_with("x-")) return true;
      const bool is_id = entry.key == "task_id" || entry.key == "depends_on";
      const Key* key = find_anywhere(entry.key);
      if (key == nullptr)
        findings_.error(
            entry.key_span, "unknown_key",
            fmt::format("no task has a key \"{}\"{}", entry.key, base::did_you_mean(entry.key, names)));
      else if (is_id)
        findings_.error(
            entry.key_span, "unknown_key",
            fmt::format("\"{}\" differs from task to task and can't be in default_args", entry.key));
      if (key == nullptr || is_id)
        std::erase_if(default_args_->entries, [&](const auto& e) { return e.key == entry.key; });
      // What an operator's own key may hold is looked at in the tasks that take it.
      return key == nullptr || is_id || task_keys().find(entry.key) == nullptr;
    });
    for (Key key : task_keys().keys) {
      key.required = false;
      common.keys.push_back(key);
    }
    check(own, common, findings_);
  }

  void read_tasks(const Node& tasks) {
    std::map<std::string, Span> seen;
    const auto add = [&](Node node, const std::string* key, const Span& key_span) {
      if (!node.is_map())
        return findings_.error(node.span, "wrong_type",
                               fmt::format("a task must be a mapping, not {}", node.kind_name()));
      TaskNode task;
      const Node* id = node.find("task_id");
      if (key != nullptr) {
        if (id != nullptr && id->text != *key)
          findings_.error(
              id->span, "task_id",
              fmt::format("the task is \"{}\" by its key and \"{}\" by its task_id", *key, id->text));
        task.task_id = *key;
        task.id_span = key_span;
        if (id == nullptr) {
          Node text;
          text.kind = Node::Kind::text;
          text.text = *key;
          text.quoted = true;
          text.span = key_span;
          node.entries.insert(node.entries.begin(), {"task_id", key_span, text});
        }
      } else {
        task.task_id = id != nullptr && id->is_text() ? id->text : "";
        task.id_span = id != nullptr ? id->span : node.span;
      }
      if (key != nullptr || (id != nullptr && id->is_text())) {
        check_id(task.task_id, task.id_span, "task_id", findings_);
        if (const auto [former, is_new] = seen.emplace(task.task_id, task.id_span); !is_new)
          findings_.error(task.id_span, "duplicate_task",
                          fmt::format("task \"{}\" is there twice; first in line {}, column {}", task.task_id,
                                      former->second.line, former->second.column));
      }
      complete(node);
      task.node = std::move(node);
      tasks_.push_back(std::move(task));
    };
    if (tasks.is_list()) {
      for (const auto& item : tasks.items) add(item, nullptr, {});
    } else if (tasks.is_map()) {
      for (const auto& entry : tasks.entries)
        if (!entry.key.starts_with("x-")) add(entry.value, &entry.key, entry.key_span);
    } else {
      return findings_.error(tasks.span, "wrong_type",
                             fmt::format("\"tasks\" must be a list or a mapping, not {}", tasks.kind_name()));
    }
    if (tasks_.empty()) findings_.error(tasks.span, "no_tasks", "the DAG has no tasks");
  }

  /// Aliases by their right name, defaults applied, keys checked.
  void complete(Node& node) {
    for (auto& entry : node.entries) {
      if (entry.key != "dependencies" && entry.key != "upstream") continue;
      findings_.warning(entry.key_span, "alias",
                        fmt::format("\"{}\" is another word for \"depends_on\"", entry.key),
                        "write depends_on");
      if (node.find("depends_on") != nullptr)
        findings_.error(entry.key_span, "duplicate_key",
                        fmt::format("\"{}\" and \"depends_on\" say the same", entry.key));
      else
        entry.key = "depends_on";
    }
    if (default_args_ && node.find("operator") == nullptr)
      if (const Node* name = default_args_->find("operator"))
        node.entries.push_back({"operator", name->span, *name});
    const Node* name = node.find("operator");
    const OperatorTable::Entry* entry =
        name != nullptr && name->is_text() ? operators_.find(name->text) : nullptr;
    if (default_args_)
      for (const auto& given : default_args_->entries) {
        const bool fits = task_keys().find(given.key) != nullptr ||
                          (entry != nullptr && entry->keys.find(given.key) != nullptr);
        if (fits && node.find(given.key) == nullptr) node.entries.push_back(given);
      }
    if (entry != nullptr) {
      Keys all = task_keys();
      all.name = "a task of operator \"" + entry->name + "\"";
      for (const auto& key : entry->keys.keys)
        if (all.find(key.name) == nullptr) all.keys.push_back(key);
      std::erase_if(node.entries,
                    [](const auto& e) { return e.key == "dependencies" || e.key == "upstream"; });
      check(node, all, findings_);
      return;
    }
    if (name != nullptr && name->is_text())
      findings_.error(name->span, "unknown_operator",
                      fmt::format("there is no operator \"{}\"{}", name->text,
                                  base::did_you_mean(name->text, operator_names_)),
                      "one of " + fmt::format("{}", joined(operator_names_)));
    // Without an operator nobody can say which keys are right, but those that every task has can be looked
    // at.
    Node own = node;
    std::erase_if(own.entries, [](const auto& e) { return task_keys().find(e.key) == nullptr; });
    check(own, task_keys(), findings_);
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  }

  void check_operators(Dag& dag) {
    std::map<std::string, const Node*> nodes;
    for (const auto& task : tasks_) nodes.emplace(task.task_id, &task.node);
    for (const auto& task : tasks_) {
      const auto* entry = operators_.find(base::text_at(task.node, "operator"));
      if (entry == nullptr || !entry->check) continue;
      OperatorTable::Check request{task.node, nodes, folder_, findings_, dag.files};
      entry->check(request);
    }
    std::sort(dag.files.begin(), dag.files.end());
    dag.files.erase(std::unique(dag.files.begin(), dag.files.end()), dag.files.end());
  }

  const OperatorTable& operators_;
  const DagFileOptions& options_;
  std::string default_id_, folder_;
  Findings& findings_;
  std::vector<std::string> operator_names_;
  std::optional<Node> default_args_;
  std::vector<TaskNode> tasks_;
};

/// A hash of everything that changes what a run does: not of words for people, nor of comments and layout.
std::string version_of(const Dag& dag) {
  Json meaning = dag.json();
  for (const char* key : {"version", "description", "owner", "tags", "file", "folder", "files",
                          "is_paused_upon_creation", "source"})
    meaning.erase(key);
  std::string text = meaning.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (const auto& file : dag.files) {
    const std::filesystem::path path = std::filesystem::path(dag.folder) / file;
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    text += "\n" + file + " " + base::hash128_hex(content.str());
  }
  return base::hash128_hex(text);
}

/// The same mistake in default_args shows in every task that takes it: once is enough.
Findings distinct(const Findings& findings) {
  Findings out;
  std::set<std::tuple<int, int, std::string, std::string>> seen;
  for (const auto& f : findings.all()) {
    if (!seen.emplace(f.span.line, f.span.column, f.code, f.message).second) continue;
    f.severity == Severity::error ? out.error(f.span, f.code, f.message, f.hint)
                                  : out.warning(f.span, f.code, f.message, f.hint);
  }
  out.sort();
  return out;
}

}  // namespace

DagFile parse_dag_file(const std::string& source, const OperatorTable& operators,
                       const DagFileOptions& options) {
  DagFile file;
  if (source.size() > max_file_bytes) {
    file.findings.error({1, 1, 1, 2}, "too_large",
                        fmt::format("the file is larger than {} MiB", max_file_bytes >> 20));
    return file;
  }
  const std::filesystem::path path(options.path);
  const std::string folder = path.parent_path().empty() ? "." : path.parent_path().string();
  Findings findings;
  auto documents = base::parse_yaml(source, findings);
  const bool is_yaml = !findings.has_errors();
  std::erase_if(documents, [&](const Node& node) { return node.is_null() && documents.size() > 1; });
  if (is_yaml && (documents.empty() || (documents.size() == 1 && documents[0].is_null())))
    findings.error({1, 1, 1, 2}, "empty_file", "the file holds no DAG");
  std::map<std::string, Span> ids;
  for (auto& document : documents) {
    if (document.is_null()) continue;
    const Span id_span = document.find("dag_id") != nullptr ? document.find("dag_id")->span : document.span;
    Findings found;
    DocumentReader reader(operators, options, documents.size() == 1 ? path.stem().string() : "", folder,
                          found);
    Dag dag;
    try {
      dag = reader.read(std::move(document));
    } catch (const std::exception& e) {
      // A check must answer with findings; when one throws all the same, the file is told about, not the
      // process ended.
      found.error(id_span, "internal", fmt::format("the check of this DAG failed: {}", e.what()));
    }
    if (!dag.dag_id.empty())
      if (const auto [former, is_new] = ids.emplace(dag.dag_id, id_span); !is_new)
        found.error(id_span, "duplicate_dag",
                    fmt::format("DAG \"{}\" is there twice; first in line {}, column {}", dag.dag_id,
                                former->second.line, former->second.column));
    for (const auto& f : found.all())
      f.severity == Severity::error ? findings.error(f.span, f.code, f.message, f.hint)
                                    : findings.warning(f.span, f.code, f.message, f.hint);
    if (found.has_errors() || !is_yaml) continue;
    dag.file = options.path;
    dag.folder = folder;
    dag.source = source;
    dag.version = version_of(dag);
    file.dags.push_back(std::move(dag));
  }
  file.findings = distinct(findings);
  return file;
}

Node parse_defaults(const std::string& source, const OperatorTable& operators, Findings& findings) {
  auto documents = base::parse_yaml(source, findings);
  if (documents.empty() || documents[0].is_null()) return {};
  Node node = std::move(documents[0]);
  if (!node.is_map()) {
    findings.error(node.span, "wrong_type",
                   fmt::format("a defaults file must be a mapping, not {}", node.kind_name()));
    return {};
  }
  Keys keys{"a defaults file", {}};
  for (Key key : dag_keys().keys) {
    key.required = false;
    if (key.name != "dag_id" && key.name != "tasks") keys.keys.push_back(key);
  }
  check(node, keys, findings);
  if (const Node* args = node.find("default_args"); args != nullptr && args->is_map())
    for (const auto& entry : args->entries) {
      bool known = task_keys().find(entry.key) != nullptr || entry.key.starts_with("x-");
      for (const auto& op : operators.entries) known = known || op.keys.find(entry.key) != nullptr;
      if (!known)
        findings.error(entry.key_span, "unknown_key", fmt::format("no task has a key \"{}\"", entry.key));
    }
  return findings.has_errors() ? Node() : node;
}

}  // namespace tamis::workflow
