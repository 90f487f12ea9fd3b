// `/dags`: what there is, and pausing it.
#include <algorithm>
#include <array>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::api {
namespace {

using base::Json;
using workflow::DagEntry;

Json time_delta(base::Duration duration) {
  const int64_t total = duration.count(), day = 86'400'000'000;
  return {{"__type", "TimeDelta"},
          {"days", total / day},
          {"seconds", total % day / 1'000'000},
          {"microseconds", total % 1'000'000}};
}

Json schedule_json(const workflow::Schedule& schedule) {
  using Kind = workflow::Schedule::Kind;
  if (schedule.kind == Kind::none) return nullptr;
  if (schedule.kind == Kind::interval) return time_delta(schedule.every);
  return {{"__type", "CronExpression"}, {"value", schedule.text}};
}

std::string timetable_description(const workflow::Schedule& schedule) {
  using Kind = workflow::Schedule::Kind;
  switch (schedule.kind) {
    case Kind::none:
      return "Never, external triggers only";
    case Kind::once:
      return "Once, as soon as possible";
    case Kind::continuous:
      return "As frequently as possible, but only one run at a time.";
    case Kind::interval:
      return "Every " + base::format_duration(schedule.every);
    case Kind::cron:
      return schedule.text;
  }
  return "";
}

Json dag_json(const DagEntry& entry) {
  const auto& dag = entry.dag;
  Json tags = Json::array();
  for (const auto& tag : dag.tags) tags.push_back({{"name", tag}});
  const bool limited = std::any_of(dag.tasks.begin(), dag.tasks.end(), [](const auto& task) {
    return task.max_active_tis_per_dag || task.max_active_tis_per_dagrun;
  });
  return {{"dag_id", dag.dag_id},
          {"root_dag_id", nullptr},
          {"is_paused", entry.is_paused},
          {"is_active", true},
          {"is_subdag", false},
          {"last_parsed_time", nullptr},
          {"last_pickled", nullptr},
          {"last_expired", nullptr},
          {"scheduler_lock", nullptr},
          {"pickle_id", nullptr},
          {"default_view", "grid"},
          {"fileloc", dag.file},
          {"file_token", dag.dag_id},
          {"owners", Json::array({dag.owner})},
          {"description", dag.description.empty() ? Json() : Json(dag.description)},
          {"schedule_interval", schedule_json(dag.schedule)},
          {"timetable_description", timetable_description(dag.schedule)},
          {"tags", tags},
          {"max_active_tasks", dag.max_active_tasks},
          {"max_active_runs", dag.max_active_runs},
          {"has_task_concurrency_limits", limited},
          {"has_import_errors", entry.has_import_errors},
          {"next_dagrun", nullptr},
          {"next_dagrun_data_interval_start", nullptr},
          {"next_dagrun_data_interval_end", nullptr},
          {"next_dagrun_create_after", write_instant(entry.next_run)},
          {"version", dag.version}};
}

Json details_json(const DagEntry& entry) {
  const auto& dag = entry.dag;
  Json json = dag_json(entry);
  json["timezone"] = dag.timezone;
  json["catchup"] = dag.catchup == workflow::Catchup::all;
  json["orientation"] = "LR";
  json["concurrency"] = dag.max_active_tasks;
  json["start_date"] = write_instant(dag.start_date);
  // Clients fail on a null here, so it is left out when there is none.
  if (dag.dagrun_timeout) json["dag_run_timeout"] = time_delta(*dag.dagrun_timeout);
  json["doc_md"] = nullptr;
  json["params"] = dag.params;
  json["end_date"] = write_instant(dag.end_date);
  json["is_paused_upon_creation"] = dag.is_paused_upon_creation;
  json["last_parsed"] = nullptr;
  json["template_search_path"] = Json::array();
  json["render_template_as_native_obj"] = false;
  return json;
}

bool has_text(std::string text, std::string part) {
  for (auto* word : {&text, &part})
    std::transform(word->begin(), word->end(), word->begin(),
                   [](unsigned char c) { return std::tolower(c); });
  return text.find(part) != std::string::npos;
}

std::vector<DagEntry> select(Backend& backend, const Request& request) {
  auto dags = backend.store->dags();
  const auto pattern = request.text("dag_id_pattern");
  const auto tags = request.all("tags");
  const auto paused = request.boolean("paused");
  std::erase_if(dags, [&](const DagEntry& entry) {
    if (pattern && *pattern != "~" && !has_text(entry.dag.dag_id, *pattern)) return true;
    if (paused && entry.is_paused != *paused) return true;
    return !tags.empty() && std::none_of(tags.begin(), tags.end(), [&](const auto& tag) {
      return std::find(entry.dag.tags.begin(), entry.dag.tags.end(), tag) != entry.dag.tags.end();
    });
  });
  static const std::array<std::string, 1> fields{"dag_id"};
  const bool descending = request.order(fields, "dag_id").second;
  std::sort(dags.begin(), dags.end(), [&](const DagEntry& a, const DagEntry& b) {
    return descending ? b.dag.dag_id < a.dag.dag_id : a.dag.dag_id < b.dag.dag_id;
  });
  return dags;
}

Json dags_json(const std::vector<DagEntry>& dags, const Page& page) {
  Json list = Json::array();
  for (size_t i = page.offset; i < dags.size() && list.size() < page.limit; ++i)
    list.push_back(dag_json(dags[i]));
  return {{"dags", list}, {"total_entries", dags.size()}};
}

bool wanted_pause(const Request& request) {
  if (const auto mask = request.text("update_mask"); mask && *mask != "is_paused")
    bad_request("Only `is_paused` field can be updated through the REST API");
  static const std::array<std::string, 1> keys{"is_paused"};
  const Json body = request.object(keys);
  if (!body.contains("is_paused")) bad_request("'is_paused' is a required property");
  if (!body["is_paused"].is_boolean())
    bad_request(fmt::format("{} is not of type 'boolean' - 'is_paused'", body["is_paused"].dump()));
  return body["is_paused"].get<bool>();
}

http::Answer list(Backend& backend, const Request& request) {
  request.boolean("only_active");
  const auto page = request.page();
  return request.json(dags_json(select(backend, request), page));
}

http::Answer patch_many(Backend& backend, const Request& request) {
  if (!request.text("dag_id_pattern")) bad_request("Missing query parameter 'dag_id_pattern'");
  const bool pause = wanted_pause(request);
  const auto page = request.page();
  auto dags = select(backend, request);
  for (auto& entry : dags)
    if (backend.store->set_paused(entry.dag.dag_id, pause)) entry.is_paused = pause;
  return request.json(dags_json(dags, page));
}

http::Answer patch(Backend& backend, const Request& request) {
  const bool pause = wanted_pause(request);
  auto entry = find_dag(backend, request.at("dag_id"));
  if (!backend.store->set_paused(entry.dag.dag_id, pause))
    not_found("DAG not found", "it was removed meanwhile");
  entry.is_paused = pause;
  return request.json(dag_json(entry));
}

}  // namespace

DagEntry find_dag(Backend& backend, const std::string& dag_id) {
  if (auto entry = backend.store->dag(dag_id)) return *entry;
  std::vector<std::string> names;
  for (const auto& entry : backend.store->dags()) names.push_back(entry.dag.dag_id);
  not_found("DAG not found", fmt::format("The DAG with dag_id: {} was not found{}", dag_id,
                                         base::did_you_mean(dag_id, names)));
}

std::vector<Route> dag_routes() {
  const auto get = [](Backend& backend, const Request& request) {
    return request.json(dag_json(find_dag(backend, request.at("dag_id"))));
  };
  const auto details = [](Backend& backend, const Request& request) {
    return request.json(details_json(find_dag(backend, request.at("dag_id"))));
  };
  return {{"GET",
           "/api/v1/dags",
           {"limit", "offset", "order_by", "tags", "only_active", "paused", "dag_id_pattern"},
           list},
          {"PATCH",
           "/api/v1/dags",
           {"limit", "offset", "tags", "only_active", "paused", "dag_id_pattern", "update_mask"},
           patch_many},
          {"GET", "/api/v1/dags/{dag_id}", {}, get},
          {"PATCH", "/api/v1/dags/{dag_id}", {"update_mask"}, patch},
          {"GET", "/api/v1/dags/{dag_id}/details", {}, details}};
}

}  // namespace tamis::api
