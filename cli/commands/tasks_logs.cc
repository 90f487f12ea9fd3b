#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/commands/all.h"
#include "cli/runs.h"

namespace tamis::cli {
namespace {

bool is_over(const base::Json& state) {
  static const std::vector<std::string> words{"success", "failed", "skipped", "upstream_failed", "removed"};
  return state.is_string() && std::find(words.begin(), words.end(), state.get<std::string>()) != words.end();
}

std::string last_lines(const std::string& text, int64_t lines) {
  size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  while (lines > 0 && at > 0) {
    const size_t before = text.rfind('\n', at - 1);
    if (before == std::string::npos) return text;
    at = before;
    --lines;
  }
  return at == 0 ? text : text.substr(at + 1);
}

int run(Invocation& invocation) {
  auto& api = invocation.api();
  const auto dag_id = invocation.text("dag_id"), task_id = invocation.text("task_id");
  const auto run_id = find_run(api, dag_id, invocation.text("run")).value("dag_run_id", "");
  const auto index = invocation.integer("map_index", -1, -1, 1'000'000'000);
  const auto try_number = invocation.integer("try_number", 0, 0, 1'000'000);
  const auto instance = api_path("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id);
  const auto path = instance + fmt::format("/logs/{}", try_number);
  Query query{{"full_content", "true"}};
  if (index >= 0) query.emplace_back("map_index", std::to_string(index));
  size_t told = 0;
  while (true) {
    const bool over = !invocation.has("follow") ||
                      is_over(api.get(instance + (index < 0 ? "" : fmt::format("/{}", index))).at("state"));
    auto text = api.get_text(path, query);
    if (told == 0 && invocation.has("lines")) {
      const auto shown = last_lines(text, invocation.integer("lines", 0, 1, 1'000'000));
      invocation.out << shown;
    } else if (text.size() > told) {
      invocation.out << std::string_view(text).substr(told);
    }
    invocation.out << std::flush;
    told = text.size();
    if (over) return ok;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

Command tasks_logs() {
  return {.noun = "tasks",
          .verb = "logs",
          .summary = "what a task instance wrote",
          .positionals = {{"dag_id", 'd'}, {"run", 'r'}, {"task_id", 't'}},
          .options = {{"map_index", 0, "N", "of a slice", {}},
                      {"try_number", 0, "N", "of this try (default the last)", {}},
                      {"lines", 'n', "N", "only the last lines", {}},
                      {"follow", 'f', "", "go on until it ends", {}}},
          .examples = {"tamis tasks logs iot_sensor_etl latest clean --map-index=0",
                       "tamis tasks logs iot_sensor_etl latest aggregate -f"},
          .notes = "",
          .prints_rows = false,
          .run = run};
}

}  // namespace tamis::cli
