#include "tasks/operator.h"

#include <set>

#include "core/base/error.h"
#include "core/base/suggest.h"
#include "tasks/pipeline/spec.h"

namespace tamis::tasks {
namespace {

using base::Node;
using base::ValueType;

base::Key key(std::string name, ValueType type, std::string summary, bool required = false) {
  base::Key k;
  k.name = std::move(name);
  k.type = type;
  k.summary = std::move(summary);
  k.required = required;
  return k;
}

/// The etl task that `windows: task.window` names, and the window's name; the task may be missing.
struct WindowName {
  std::string task_id, window;
};
std::optional<WindowName> split(const std::string& text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) return std::nullopt;
  return WindowName{text.substr(0, dot), text.substr(dot + 1)};
}

/// Task ids in `depends_on`, which may be a list of texts or mappings with `task`, or one text.
std::vector<std::string> upstream_of(const Node& task) {
  std::vector<std::string> ids;
  const auto take = [&](const Node& node) {
    if (node.is_text())
      ids.push_back(node.text);
    else if (const Node* named = node.find("task"); named != nullptr && named->is_text())
      ids.push_back(named->text);
  };
  for (const char* name : {"depends_on", "dependencies", "upstream"})
    if (const Node* node = task.find(name)) {
      if (!node->is_list()) take(*node);
      for (const auto& item : node->items) take(item);
    }
  return ids;
}

bool depends_on(const Node& task, const std::string& wanted,
                const std::map<std::string, const Node*>& tasks) {
  std::set<std::string> seen;
  std::vector<std::string> open = upstream_of(task);
  while (!open.empty()) {
    const std::string id = open.back();
    open.pop_back();
    if (id == wanted) return true;
    if (!seen.insert(id).second) continue;
    if (const auto found = tasks.find(id); found != tasks.end())
      for (auto& next : upstream_of(*found->second)) open.push_back(std::move(next));
  }
  return false;
}

void check_etl(OperatorCheck& check) {
  auto spec = pipeline::read_etl(check.task, check.folder, check.findings);
  for (auto& file : spec.files) check.files.push_back(std::move(file));
  const std::string own_id = base::text_at(check.task, "task_id");
  const Node* windows = check.task.find("windows");
  for (const auto& window : spec.windows) {
    bool is_closed = false;
    for (const auto& [id, task] : check.tasks)
      is_closed = is_closed || (base::text_at(*task, "operator") == "close_windows" &&
                                base::text_at(*task, "windows") == own_id + "." + window.name);
    if (!is_closed && !own_id.empty())
      check.findings.warning(
          windows->key_span(window.name), "never_closed",
          fmt::format("no task closes the windows \"{}\": they are counted, but never written", window.name),
          fmt::format("add a task with operator: close_windows and windows: {}.{}", own_id, window.name));
  }
}

void check_close_windows(OperatorCheck& check) {
  auto& findings = check.findings;
  pipeline::read_sinks(check.task.find("sinks"), {sinks::Purpose::windows, nullptr, true}, findings);
  if (const Node* sinks = check.task.find("sinks");
      sinks != nullptr && sinks->is_list() && sinks->items.empty())
    findings.error(sinks->span, "wrong_value", "closing windows needs at least one sink");
  const Node* node = check.task.find("windows");
  if (node == nullptr || !node->is_text()) return;
  const auto name = split(node->text);
  if (!name)
    return findings.error(node->span, "wrong_value",
                          fmt::format("\"windows\" must be task.window, not \"{}\"", node->text),
                          "write for example windows: clean.by_minute");
  const auto found = check.tasks.find(name->task_id);
  std::vector<std::string> etl_ids;
  for (const auto& [id, task] : check.tasks)
    if (base::text_at(*task, "operator") == "etl") etl_ids.push_back(id);
  if (found == check.tasks.end() || base::text_at(*found->second, "operator") != "etl")
    return findings.error(node->span, "unknown_task",
                          fmt::format("\"windows\" names task \"{}\", which is {}{}", name->task_id,
                                      found == check.tasks.end() ? "not in this DAG" : "no etl task",
                                      base::did_you_mean(name->task_id, etl_ids)));
  const Node* windows = found->second->find("windows");
  if (windows == nullptr || windows->find(name->window) == nullptr) {
    std::vector<std::string> names;
    if (windows != nullptr)
      for (const auto& entry : windows->entries) names.push_back(entry.key);
    return findings.error(node->span, "unknown_window",
                          fmt::format("task \"{}\" has no windows \"{}\"{}", name->task_id, name->window,
                                      base::did_you_mean(name->window, names)));
  }
  if (!depends_on(check.task, name->task_id, check.tasks))
    findings.error(node->span, "missing_dependency",
                   fmt::format("the windows of \"{}\" are closed before it has run", name->task_id),
                   fmt::format("add depends_on: [{}]", name->task_id));
}

void find_templates(const Node& node, base::Findings& findings) {
  if (node.is_text() && node.text.find("{{") != std::string::npos)
    findings.warning(node.span, "template", "templates are not rendered yet: the task gets \"{{\" as written",
                     "let the task find the value out by itself");
  for (const auto& item : node.items) find_templates(item, findings);
  for (const auto& entry : node.entries) find_templates(entry.value, findings);
}

/// Lets an operator's check warn of `{{ … }}` in its own keys: people who come from Airflow expect more.
void warns_of_templates(Operator& op) {
  op.check = [check = std::move(op.check), keys = op.keys](OperatorCheck& from) {
    check(from);
    for (const auto& key : keys.keys)
      if (const Node* node = from.task.find(key.name)) find_templates(*node, from.findings);
  };
}

void check_http(OperatorCheck& check) {
  const Node* url = check.task.find("url");
  if (url != nullptr && url->is_text() && !url->text.starts_with("http://") &&
      !url->text.starts_with("https://") && !url->text.starts_with("{{"))
    check.findings.error(url->span, "wrong_value",
                         fmt::format("\"url\" must begin with http:// or https://, not \"{}\"", url->text));
  const Node* expected = check.task.find("expected_status");
  if (expected == nullptr || expected->is_null()) return;
  const auto is_status = [](const Node& node) {
    return node.kind == Node::Kind::integer && node.integer >= 100 && node.integer <= 599;
  };
  bool is_right = is_status(*expected) || (expected->is_list() && !expected->items.empty());
  for (const auto& item : expected->items) is_right = is_right && is_status(item);
  if (!is_right)
    check.findings.error(expected->span, "wrong_value",
                         "\"expected_status\" must be a status from 100 to 599, or a list of them");
}

Operator etl() {
  Operator op;
  op.name = "etl";
  op.summary =
      "reads a source, cleans and transforms its records, writes them to sinks and aggregates them over "
      "windows";
  op.celery_task = "tamis.etl";
  op.keys = pipeline::etl_keys();
  op.check = check_etl;
  op.is_sliced = true;
  return op;
}

Operator close_windows() {
  Operator op;
  op.name = "close_windows";
  op.summary = "writes the windows that this run's slices touched, one document a group";
  op.celery_task = "tamis.close_windows";
  op.keys = {"close_windows task",
             {key("windows", ValueType::text, "which windows, as task.window", true),
              key("sinks", ValueType::list, "where the windows' documents go", true)}};
  op.check = check_close_windows;
  return op;
}

Operator celery() {
  Operator op;
  op.name = "celery";
  op.summary = "any Celery task by name, run by any worker on the queue, Python or ours";
  op.keys = {"celery task",
             {key("task", ValueType::text, "the Celery task's name, as etl.extract", true),
              key("args", ValueType::list, "its positional arguments"),
              key("kwargs", ValueType::map, "its named arguments")}};
  op.check = [](OperatorCheck& check) {
    const Node* task = check.task.find("task");
    if (task != nullptr && task->is_text() && task->text.empty())
      check.findings.error(task->span, "wrong_value", "\"task\" is empty",
                           "write the Celery task's name, as etl.extract");
  };
  warns_of_templates(op);
  return op;
}

Operator shell() {
  Operator op;
  op.name = "shell";
  op.summary =
      "a command for /bin/sh; its output is the task's log, an exit code other than 0 fails the task";
  op.celery_task = "tamis.shell";
  op.keys = {"shell task",
             {key("command", ValueType::text, "what /bin/sh runs", true),
              key("env", ValueType::map, "further environment variables")}};
  op.check = [](OperatorCheck& check) {
    const Node* command = check.task.find("command");
    if (command != nullptr && command->is_text() && command->text.empty())
      check.findings.error(command->span, "wrong_value", "\"command\" is empty");
  };
  warns_of_templates(op);
  return op;
}

Operator http() {
  Operator op;
  op.name = "http";
  op.summary = "one HTTP request whose status is checked";
  op.celery_task = "tamis.http";
  base::Key method = key("method", ValueType::text, "the request's method");
  method.one_of = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  method.default_text = "GET";
  base::Key timeout = key("timeout", ValueType::duration, "how long the request may take");
  timeout.default_text = "30s";
  timeout.max = 3600;
  op.keys = {"http task",
             {key("url", ValueType::text, "where the request goes", true), method,
              key("headers", ValueType::map, "its headers"),
              key("body", ValueType::any, "a text, or a value that is sent as JSON"),
              key("expected_status", ValueType::any, "a status or a list of them; 200 to 299 unless given"),
              timeout}};
  op.check = check_http;
  warns_of_templates(op);
  return op;
}

Operator empty() {
  Operator op;
  op.name = "empty";
  op.summary = "nothing: a place where dependencies meet";
  op.keys = {"empty task", {}};
  op.check = [](OperatorCheck&) {};
  return op;
}

}  // namespace

const std::vector<Operator>& operators() {
  static const std::vector<Operator> all = {etl(), close_windows(), celery(), shell(), http(), empty()};
  return all;
}

const Operator* find_operator(std::string_view name) {
  for (const auto& op : operators())
    if (op.name == name) return &op;
  return nullptr;
}

sources::Plan plan_slices(const Node& task, const sources::PlanRequest& request,
                          const sources::SourceContext& context) {
  const Node* source = task.find("source");
  const std::string task_id = base::text_at(task, "task_id");
  if (source == nullptr || !source->is_map() || source->entries.empty())
    throw base::UserError("task \"{}\" has no source", task_id);
  const auto* kind = sources::find_source(source->entries[0].key);
  if (kind == nullptr)
    throw base::UserError("task \"{}\": there is no source \"{}\"", task_id, source->entries[0].key);
  return kind->make(source->entries[0].value, context)->plan(request);
}

base::Json task_kwargs(const Node& task, const std::map<std::string, const Node*>& tasks,
                       const TaskCall& call) {
  const std::string name = base::text_at(task, "operator");
  const auto member = [&](const char* of) {
    const Node* found = task.find(of);
    return found != nullptr ? found->json() : base::Json(nullptr);
  };
  if (name == "celery") {
    auto kwargs = member("kwargs");
    return kwargs.is_object() ? kwargs : base::Json::object();
  }
  base::Json kwargs = {{"dag_id", call.dag_id},         {"run_id", call.run_id},
                       {"task_id", call.task_id},       {"map_index", call.map_index},
                       {"try_number", call.try_number}, {"dag_version", call.dag_version},
                       {"folder", call.folder}};
  kwargs["interval"] = {{"begin", base::format_rfc3339(call.interval.begin)},
                        {"end", base::format_rfc3339(call.interval.end)}};
  if (name == "etl" || name == "close_windows") {
    kwargs["watermark"] =
        call.watermark ? base::Json(base::format_rfc3339(*call.watermark)) : base::Json(nullptr);
    kwargs["task"] = task.json();
  }
  if (name == "etl" && call.slice != nullptr) kwargs["slice"] = *call.slice;
  if (name == "close_windows") {
    const auto window = split(base::text_at(task, "windows"));
    const auto etl = window ? tasks.find(window->task_id) : tasks.end();
    if (etl == tasks.end())
      throw base::UserError("task \"{}\": \"windows: {}\" names no task of this DAG", call.task_id,
                            base::text_at(task, "windows"));
    kwargs["etl_task_id"] = window->task_id;
    kwargs["etl"] = etl->second->json();
  }
  const Operator* op = find_operator(name);
  if (op != nullptr && (name == "shell" || name == "http"))
    for (const auto& own : op->keys.keys)
      if (task.find(own.name) != nullptr) kwargs[own.name] = member(own.name.c_str());
  return kwargs;
}

}  // namespace tamis::tasks
