// `/dags/{dag_id}/dagRuns`: listing, triggering, and the report that adds a run's accounts up.
#include <algorithm>
#include <array>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/workflow/report.h"
#include "core/workflow/timetable.h"

namespace tamis::api {
namespace {

using base::Instant;
using base::Json;
using workflow::DagRun;

/// How many runs are looked through when a filter or order needs it: the newest ones.
constexpr size_t max_searched = 10'000;
constexpr size_t max_conf = 64 << 10;

const std::array<std::string, 9> order_fields{
    "id",         "state",    "dag_id",     "execution_date",  "logical_date",
    "dag_run_id", "end_date", "start_date", "external_trigger"};

struct DateFilter {
  std::optional<Instant> not_before, not_after;
  DateFilter(const Request& request, const std::string& name)
      : not_before(request.instant(name + "_gte")), not_after(request.instant(name + "_lte")) {}
  bool is_set() const { return not_before || not_after; }
  bool takes(const std::optional<Instant>& at) const {
    if (!is_set()) return true;
    return at && (!not_before || *at >= *not_before) && (!not_after || *at <= *not_after);
  }
};

std::vector<workflow::RunState> states(const Request& request) {
  std::vector<workflow::RunState> wanted;
  for (const auto& word : request.all("state")) {
    const auto state = workflow::parse_run_state(word);
    if (!state)
      bad_request(fmt::format("'{}' is not one of ['queued', 'running', 'success', 'failed']", word));
    wanted.push_back(*state);
  }
  return wanted;
}

bool before(const DagRun& a, const DagRun& b, const std::string& field) {
  if (field == "state") return workflow::state_name(a.state) < workflow::state_name(b.state);
  if (field == "dag_id") return a.dag_id < b.dag_id;
  if (field == "dag_run_id") return a.run_id < b.run_id;
  if (field == "start_date") return a.start_date < b.start_date;
  if (field == "end_date") return a.end_date < b.end_date;
  if (field == "external_trigger") return (a.run_type == "manual") < (b.run_type == "manual");
  if (field == "id") return a.queued_at < b.queued_at;
  return a.logical_date < b.logical_date;
}

http::Answer list(Backend& backend, const Request& request) {
  const auto page = request.page();
  const auto wanted = states(request);
  const auto [field, descending] = request.order(order_fields, "id");
  const DateFilter logical(request, "execution_date"), start(request, "start_date"), end(request, "end_date");
  workflow::RunQuery query;
  if (request.at("dag_id") != "~") query.dag_id = find_dag(backend, request.at("dag_id")).dag.dag_id;
  if (wanted.size() == 1) query.state = wanted[0];

  std::vector<DagRun> runs;
  size_t total = 0;
  const bool filtered = wanted.size() > 1 || logical.is_set() || start.is_set() || end.is_set();
  // The usual questions are answered by the store's own order, newest first, without reading more than the
  // page.
  if (!filtered && field == "id" && descending) {
    total = backend.store->count_runs(query);
    query.limit = page.limit;
    query.offset = page.offset;
    runs = backend.store->runs(query);
  } else {
    query.limit = max_searched;
    auto all = backend.store->runs(query);
    std::erase_if(all, [&](const DagRun& run) {
      return (!wanted.empty() && std::find(wanted.begin(), wanted.end(), run.state) == wanted.end()) ||
             !logical.takes(run.logical_date) || !start.takes(run.start_date) || !end.takes(run.end_date);
    });
    std::reverse(all.begin(), all.end());
    std::stable_sort(all.begin(), all.end(),
                     [&, name = field](const DagRun& a, const DagRun& b) { return before(a, b, name); });
    if (descending) std::reverse(all.begin(), all.end());
    total = all.size();
    for (size_t i = page.offset; i < all.size() && runs.size() < page.limit; ++i)
      runs.push_back(std::move(all[i]));
  }
  Json rows = Json::array();
  for (const auto& run : runs) rows.push_back(dag_run_json(run));
  return request.json({{"dag_runs", rows}, {"total_entries", total}});
}

bool is_run_id(std::string_view id) {
  return !id.empty() && id.size() <= 250 && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_.~:+-").find(c) != std::string_view::npos;
  });
}

std::string text_of(const Json& body, const std::string& key) {
  if (!body[key].is_string())
    bad_request(fmt::format("{} is not of type 'string' - '{}'", body[key].dump(), key));
  return body[key].get<std::string>();
}

std::optional<Instant> wanted_date(const Json& body) {
  std::optional<Instant> wanted;
  for (const std::string key : {"logical_date", "execution_date"}) {
    if (!body.contains(key) || body[key].is_null()) continue;
    const auto date = read_instant(text_of(body, key), key);
    if (wanted && *wanted != date) bad_request("logical_date conflicts with execution_date");
    wanted = date;
  }
  return wanted;
}

/// The run that a body asks for, not yet stored.
DagRun wanted_run(const Json& body, const workflow::Dag& dag, Instant now) {
  DagRun run;
  run.dag_id = dag.dag_id;
  run.dag_version = dag.version;
  run.queued_at = now;
  run.logical_date = wanted_date(body).value_or(now);
  run.data_interval = workflow::Timetable(dag).manual_interval(run.logical_date);
  if (body.contains("conf") && !body["conf"].is_null()) {
    if (!body["conf"].is_object())
      bad_request(fmt::format("{} is not of type 'object' - 'conf'", body["conf"].dump().substr(0, 100)));
    run.conf = body["conf"];
    if (run.conf.dump().size() > max_conf) bad_request(fmt::format("'conf' may have {} bytes", max_conf));
  }
  if (body.contains("note") && !body["note"].is_null()) {
    run.note = text_of(body, "note");
    if (run.note.size() > 1000) bad_request("'note' may have 1000 characters");
  }
  run.run_id = workflow::make_run_id("manual", run.logical_date);
  if (body.contains("dag_run_id") && !body["dag_run_id"].is_null()) {
    run.run_id = text_of(body, "dag_run_id");
    if (!is_run_id(run.run_id))
      bad_request(
          fmt::format("The run_id '{}' is no id: letters, digits and _.~:+- are, up to 250", run.run_id));
    if (workflow::infer_run_type(run.run_id) != "manual")
      bad_request(fmt::format("The run_id '{}' begins like one of another type of runs", run.run_id));
  }
  return run;
}

http::Answer trigger(Backend& backend, const Request& request) {
  static const std::array<std::string, 5> keys{"dag_run_id", "logical_date", "execution_date", "conf",
                                               "note"};
  const Json body = request.object(keys);
  const auto entry = find_dag(backend, request.at("dag_id"));
  auto run = wanted_run(body, entry.dag, backend.clock());
  const bool own_id = body.contains("dag_run_id") && !body["dag_run_id"].is_null();
  for (int attempt = 1;; ++attempt) {
    try {
      backend.store->create(run);
      break;
    } catch (const base::Conflict& error) {
      // Two people who trigger in one microsecond both get a run.
      if (own_id || attempt == 10)
        throw Problem(409, "Conflict",
                      fmt::format("DAGRun with DAG ID: '{}' and DAGRun ID: '{}' already exists", run.dag_id,
                                  run.run_id));
      run.run_id = fmt::format("{}_{}", workflow::make_run_id("manual", run.logical_date), attempt);
    }
  }
  Json answer = dag_run_json(run);
  Json warnings = Json::array();
  if (entry.is_paused)
    warnings.push_back(
        fmt::format("the DAG \"{}\" is paused: its run waits until it is unpaused", run.dag_id));
  if (entry.has_import_errors)
    warnings.push_back(
        fmt::format("the file of \"{}\" has errors: the run is of its last good version", run.dag_id));
  if (!warnings.empty()) answer["warnings"] = warnings;
  return request.json(answer);
}

}  // namespace

Json dag_run_json(const DagRun& run) {
  return {{"dag_run_id", run.run_id},
          {"dag_id", run.dag_id},
          {"logical_date", write_instant(run.logical_date)},
          {"execution_date", write_instant(run.logical_date)},
          {"start_date", write_instant(run.start_date)},
          {"end_date", write_instant(run.end_date)},
          {"data_interval_start", write_instant(run.data_interval.begin)},
          {"data_interval_end", write_instant(run.data_interval.end)},
          {"last_scheduling_decision", nullptr},
          {"run_type", run.run_type},
          {"state", workflow::state_name(run.state)},
          {"external_trigger", run.run_type == "manual"},
          {"conf", run.conf.is_object() ? run.conf : Json::object()},
          {"note", run.note.empty() ? Json() : Json(run.note)},
          {"dag_version", run.dag_version}};
}

DagRun find_run(Backend& backend, const Request& request) {
  const auto& dag_id = request.at("dag_id");
  const auto& run_id = request.at("dag_run_id");
  if (auto run = backend.store->run(dag_id, run_id)) return std::move(*run);
  find_dag(backend, dag_id);
  not_found("DAGRun not found",
            fmt::format("DAGRun with DAG ID: '{}' and DagRun ID: '{}' not found", dag_id, run_id));
}

std::vector<Route> dag_run_routes() {
  const std::string base = "/api/v1/dags/{dag_id}/dagRuns";
  const auto get = [](Backend& backend, const Request& request) {
    return request.json(dag_run_json(find_run(backend, request)));
  };
  const auto report = [](Backend& backend, const Request& request) {
    return request.json(workflow::run_report(find_run(backend, request)));
  };
  return {{"GET",
           base,
           {"limit", "offset", "order_by", "state", "execution_date_gte", "execution_date_lte",
            "start_date_gte", "start_date_lte", "end_date_gte", "end_date_lte"},
           list},
          {"POST", base, {}, trigger},
          {"GET", base + "/{dag_run_id}", {}, get},
          {"GET", base + "/{dag_run_id}/report", {}, report}};
}

}  // namespace tamis::api
