#include "core/workflow/dag_checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/schema.h"
#include "core/base/suggest.h"
#include "core/workflow/graph.h"
#include "core/workflow/timetable.h"
#include "core/workflow/zone.h"

namespace tamis::workflow {

using base::Duration;
using base::Findings;
using base::Instant;
using base::Node;
using std::chrono::hours;

namespace {

void check_scalar(const Node& node, Findings& findings) {
  if (node.quoted || node.text.empty()) return;
  static const std::set<std::string> words{"yes", "no",  "on",  "off", "Yes", "No",
                                           "On",  "Off", "YES", "NO",  "ON",  "OFF"};
  if (node.is_text() && words.contains(node.text))
    return findings.warning(
        node.span, "ambiguous_text",
        fmt::format("\"{}\" is a text here, but a boolean to many readers of YAML", node.text),
        fmt::format("write \"{}\" in quotes, or true or false", node.text));
  const size_t first = node.text[0] == '-' || node.text[0] == '+' ? 1 : 0;
  if (node.is_number() && node.text.size() > first + 1 && node.text[first] == '0' &&
      node.text.find_first_not_of("0123456789", first) == std::string::npos)
    return findings.warning(
        node.span, "octal_number",
        fmt::format("\"{}\" is read as {}; other readers of YAML take it for octal", node.text, node.integer),
        fmt::format("leave the zeros out, or write it in quotes: \"{}\"", node.text));
}

void walk(const Node& node, Findings& findings) {
  check_scalar(node, findings);
  for (const auto& item : node.items) walk(item, findings);
  for (const auto& entry : node.entries)
    if (!entry.key.starts_with("x-")) walk(entry.value, findings);
}

/// A naive date-time is in the DAG's zone.
std::optional<Instant> read_instant(const Node* node, const Zone& zone) {
  if (node == nullptr || !node->is_text()) return std::nullopt;
  if (const auto absolute = base::parse_rfc3339(node->text)) return absolute;
  const auto read = base::parse_instant(node->text);
  if (!read) return std::nullopt;
  // parse_instant takes what has no offset for UTC; a text with one, `2026-01-01 00:00Z`, is absolute.
  const auto time_part = node->text.size() > 10 ? node->text.substr(10) : std::string();
  if (time_part.find_first_of("Zz+-") != std::string::npos) return read;
  return zone.instant(*read);
}

void check_cron(const Node& node, const Dag& dag, const Zone& zone, std::optional<Instant> now,
                Findings& findings) {
  const Cron cron = Cron::parse(dag.schedule.text);
  if (node.is_text() && !node.quoted)
    findings.warning(
        node.span, "unquoted_cron", fmt::format("the schedule \"{}\" lacks quotes", node.text),
        fmt::format("write it in quotes, as \"*\" and \"@\" mean something else in YAML: \"{}\"", node.text));
  const Instant from =
      std::max(now.value_or(base::from_civil(2026, 1, 1)), dag.start_date.value_or(Instant::min()));
  const auto first = next_tick(cron, zone, from);
  if (!first || *first - from > hours(24) * 365 * 5)
    return findings.warning(
        node.span, "never_runs",
        fmt::format("the schedule \"{}\" has no tick in the next 5 years", dag.schedule.text));
  const auto second = next_tick(cron, zone, *first);
  if (second && *second - *first < std::chrono::minutes(1))
    findings.warning(
        node.span, "short_interval",
        fmt::format("the schedule \"{}\" runs more often than once a minute", dag.schedule.text));
  if (cron.covers_every_hour()) return;
  for (const Instant change : zone.changes(from, from + hours(24) * 366)) {
    const auto before = zone.at(change - Duration(1)).offset, after = zone.at(change).offset;
    // A gap's wall times run from `change` by the old offset to `change` by the new; a repeated hour the
    // other way round.
    const WallTime begin = change + std::min(before, after), end = change + std::max(before, after);
    const auto tick = cron.next(begin - Duration(1));
    if (!tick || *tick >= end) continue;
    const auto text = base::format_isoformat(*tick).substr(0, 16);
    findings.warning(node.span, "dst",
                     after > before
                         ? fmt::format("the wall clock of {} skips {}: that run is moved by {}", dag.timezone,
                                       text, base::format_duration(after - before))
                         : fmt::format("the wall clock of {} shows {} twice: the run is at the second",
                                       dag.timezone, text),
                     "choose another hour, or timezone: UTC");
    return;
  }
}

}  // namespace

void check_yaml_traps(const Node& document, Findings& findings) {
  walk(document, findings);
}

void check_references(const std::vector<TaskNode>& tasks, Findings& findings) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<std::string> names;
  for (uint32_t i = 0; i < tasks.size(); ++i)
    if (numbers.emplace(tasks[i].task_id, i).second) names.push_back(tasks[i].task_id);

  std::vector<std::vector<uint32_t>> edges(tasks.size());
  std::vector<std::vector<int>> lines(tasks.size());
  size_t edge_count = 0, suggestions = 0;
  for (uint32_t i = 0; i < tasks.size(); ++i) {
    const Node* list = tasks[i].node.find("depends_on");
    if (list == nullptr || !list->is_list()) continue;
    std::set<std::string_view> seen;
    for (const auto& item : list->items) {
      if (!item.is_text()) continue;
      ++edge_count;
      if (item.text == tasks[i].task_id) {
        findings.error(item.span, "self_dependency", fmt::format("task \"{}\" depends on itself", item.text));
      } else if (!seen.insert(item.text).second) {
        findings.warning(item.span, "duplicate_dependency", fmt::format("\"{}\" is there twice", item.text));
      } else if (const auto found = numbers.find(item.text); found != numbers.end()) {
        edges[i].push_back(found->second);
        lines[i].push_back(item.span.line);
      } else {
        // Looking for the nearest of many names is dear; who has that many wrong ones needs no hint for each.
        const auto hint = ++suggestions <= 100 ? base::did_you_mean(item.text, names) : std::string();
        findings.error(item.span, "unknown_task", fmt::format("there is no task \"{}\"{}", item.text, hint));
      }
    }
  }
  for (auto cycle : find_cycles(edges)) {
    // Told from the task that stands last, as a reader finds it: the edge that closes the cycle is most often
    // there.
    const auto last = std::max_element(cycle.begin(), cycle.end(), [&](uint32_t a, uint32_t b) {
      return tasks[a].id_span.line < tasks[b].id_span.line;
    });
    std::rotate(cycle.begin(), last, cycle.end());
    std::string text;
    base::Span span;
    for (size_t i = 0; i < cycle.size(); ++i) {
      const uint32_t v = cycle[i], w = cycle[(i + 1) % cycle.size()];
      const auto k = static_cast<size_t>(std::find(edges[v].begin(), edges[v].end(), w) - edges[v].begin());
      if (i == 0) span = tasks[v].node.find("depends_on")->items.front().span;
      if (i == 0)
        for (const auto& item : tasks[v].node.find("depends_on")->items)
          if (item.text == tasks[w].task_id) span = item.span;
      text += fmt::format("{} ({}) -> ", tasks[v].task_id, lines[v][k]);
    }
    findings.error(span, "cycle", "cycle: " + text + tasks[cycle[0]].task_id,
                   "a task can't wait for itself; leave one of these edges out");
  }
  if (tasks.size() > 1000)
    findings.warning(tasks[1000].id_span, "many_tasks",
                     fmt::format("the DAG has {} tasks; above 1000 it is hard to look at", tasks.size()));
  if (edge_count > 10000)
    findings.warning(tasks[0].id_span, "many_edges",
                     fmt::format("the DAG has {} edges; above 10000 it is hard to look at", edge_count));
}

void read_schedule(const Node& document, Dag& dag, std::optional<Instant> now, Findings& findings) {
  dag.timezone = base::text_at(document, "timezone", "UTC");
  std::optional<Zone> zone;
  try {
    zone.emplace(dag.timezone);
  } catch (const base::UserError& e) {
    findings.error(document.find("timezone")->span, "unknown_timezone", e.what());
    zone.emplace("UTC");
    dag.timezone = "UTC";
  }
  dag.trigger_timetable = base::text_at(document, "timetable") == "trigger";
  dag.start_date = read_instant(document.find("start_date"), *zone);
  dag.end_date = read_instant(document.find("end_date"), *zone);
  if (dag.start_date && dag.end_date && *dag.end_date < *dag.start_date)
    findings.error(document.find("end_date")->span, "out_of_range", "\"end_date\" is before \"start_date\"");

  if (const Node* catchup = document.find("catchup")) {
    if (catchup->kind == Node::Kind::boolean)
      dag.catchup = catchup->boolean ? Catchup::all : Catchup::latest;
    else if (catchup->text == "latest")
      dag.catchup = Catchup::latest;
    else if (catchup->text == "none")
      dag.catchup = Catchup::none;
    else if (catchup->text == "all")
      dag.catchup = Catchup::all;
    else
      findings.error(catchup->span, "wrong_value", fmt::format("\"catchup\" can't be \"{}\"", catchup->text),
                     "one of true, false, latest, none");
  }

  const Node* node = document.find("schedule");
  if (node == nullptr || node->is_null()) return;
  if (node->is_list() || node->is_map() || node->kind == Node::Kind::boolean)
    return findings.error(
        node->span, "wrong_type", fmt::format("\"schedule\" can't be {}", node->kind_name()),
        "a cron expression in quotes, @daily, an interval such as 10m, @continuous, @once or null");
  try {
    dag.schedule = parse_schedule(node->text);
  } catch (const base::UserError& e) {
    const std::vector<std::string> presets{"@once",   "@continuous", "@hourly",    "@daily",
                                           "@weekly", "@monthly",    "@quarterly", "@yearly"};
    const auto hint = node->text.starts_with("@") ? base::nearest(node->text, presets) : std::string();
    return findings.error(node->span, "bad_schedule", e.what(),
                          hint.empty() ? "" : fmt::format("did you mean \"{}\"?", hint));
  }
  if (dag.schedule.kind == Schedule::Kind::none) return;
  const Node* start = document.find("start_date");
  if (start == nullptr || start->is_null())
    findings.error(node->span, "missing_start_date", "a DAG with a schedule needs \"start_date\"",
                   "start_date: 2026-01-01");
  else if (now && dag.start_date && *dag.start_date > *now)
    findings.warning(start->span, "future_start", "\"start_date\" is in the future: no run before", "");
  if (dag.schedule.kind == Schedule::Kind::continuous) {
    const Node* max_runs = document.find("max_active_runs");
    if (max_runs != nullptr && max_runs->kind == Node::Kind::integer && max_runs->integer > 1)
      findings.error(max_runs->span, "out_of_range",
                     "\"@continuous\" has one run at a time: \"max_active_runs\" can't be more than 1");
    dag.max_active_runs = 1;
  }
  if (dag.schedule.kind == Schedule::Kind::interval && dag.schedule.every < std::chrono::minutes(1))
    findings.warning(node->span, "short_interval",
                     fmt::format("the schedule \"{}\" runs more often than once a minute", node->text));
  if (dag.schedule.kind == Schedule::Kind::cron) check_cron(*node, dag, *zone, now, findings);
}

}  // namespace tamis::workflow
