#include "core/workflow/report.h"

#include <string>

namespace tamis::workflow {
namespace {

using base::Json;

constexpr const char* counts[] = {"read",   "accepted",  "filtered", "duplicate", "rejected",
                                  "nulled", "documents", "windows",  "holes"};
/// Of each task at most so many different errors, and so many lost ranges, are told.
constexpr size_t max_told = 20;

int64_t count_at(const Json& account, const char* key) {
  const auto it = account.find(key);
  return it != account.end() && it->is_number() ? it->get<int64_t>() : 0;
}

}  // namespace

void add_account(Json& sum, const Json& result) {
  if (!result.is_object()) return;
  if (!sum.is_object()) sum = Json::object();
  for (const char* key : counts)
    if (result.contains(key) && result[key].is_number())
      sum[key] = count_at(sum, key) + count_at(result, key);
  if (const auto reasons = result.find("rejected_by"); reasons != result.end() && reasons->is_object()) {
    auto& into = sum["rejected_by"];
    if (!into.is_object()) into = Json::object();
    for (const auto& [reason, n] : reasons->items())
      if (n.is_number()) into[reason] = count_at(into, reason.c_str()) + n.get<int64_t>();
  }
  if (const auto at = result.find("max_event_time"); at != result.end() && at->is_string()) {
    auto& into = sum["max_event_time"];
    // RFC 3339 in UTC with three or six digits: without the Z the texts are ordered as the instants are.
    const auto plain = [](const Json& text) {
      return text.get<std::string>().substr(0, text.get<std::string>().size() - 1);
    };
    if (!into.is_string() || plain(into) < plain(*at)) into = *at;
  }
  if (const auto seconds = result.find("seconds"); seconds != result.end() && seconds->is_number())
    sum["seconds"] = (sum.contains("seconds") ? sum["seconds"].get<double>() : 0.0) + seconds->get<double>();
  if (const auto lost = result.find("lost"); lost != result.end() && lost->is_array() && !lost->empty()) {
    auto& into = sum["lost"];
    if (!into.is_array()) into = Json::array();
    for (const auto& range : *lost)
      if (into.size() < max_told) into.push_back(range);
  }
}

bool is_balanced(const Json& account) {
  return count_at(account, "read") == count_at(account, "accepted") + count_at(account, "filtered") +
                                          count_at(account, "duplicate") + count_at(account, "rejected");
}

Json run_report(const DagRun& run) {
  Json tasks = Json::array();
  Json total;
  bool balanced = true;
  std::map<std::string, size_t> place;
  for (const auto& instance : run.tasks) {
    auto [it, is_new] = place.emplace(instance.task_id, tasks.size());
    if (is_new)
      tasks.push_back({{"task_id", instance.task_id},
                       {"total", 0},
                       {"done", 0},
                       {"states", Json::object()},
                       {"account", nullptr},
                       {"errors", Json::array()}});
    Json& task = tasks[it->second];
    task["total"] = task["total"].get<int>() + 1;
    if (is_final(instance.state)) task["done"] = task["done"].get<int>() + 1;
    const std::string state(state_name(instance.state));
    task["states"][state] = task["states"].value(state, 0) + 1;
    if (!instance.error.empty() && task["errors"].size() < max_told)
      task["errors"].push_back({{"map_index", instance.map_index},
                                {"try_number", instance.try_number},
                                {"error", instance.error}});
    if (instance.result.is_object() && instance.result.contains("read")) {
      balanced = balanced && is_balanced(instance.result);
      add_account(task["account"], instance.result);
      add_account(total, instance.result);
    } else if (instance.result.is_object() && instance.result.contains("documents")) {
      add_account(task["account"], instance.result);
    }
  }
  return {{"dag_id", run.dag_id}, {"dag_run_id", run.run_id}, {"state", state_name(run.state)},
          {"tasks", tasks},       {"total", total},           {"is_balanced", balanced}};
}

}  // namespace tamis::workflow
