// Every address that the api answers, as data: the server dispatches by this table, the OpenAPI document is
// tested against it.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"
#include "api/request.h"

namespace tamis::api {

struct Route {
  std::string method;
  std::string pattern;             ///< `/api/v1/dags/{dag_id}`
  std::vector<std::string> query;  ///< the parameters it knows; `*`: any
  std::function<http::Answer(Backend&, const Request&)> run;
};

/// All of them, one file a noun.
const std::vector<Route>& routes();

std::vector<Route> dag_routes();
std::vector<Route> dag_run_routes();
std::vector<Route> dag_source_routes();
std::vector<Route> task_routes();
std::vector<Route> task_instance_routes();
std::vector<Route> clear_routes();
std::vector<Route> log_routes();
std::vector<Route> import_error_routes();
std::vector<Route> health_routes();
std::vector<Route> worker_routes();
std::vector<Route> data_routes();

/// The DAG, or 404 as Airflow words it.
workflow::DagEntry find_dag(Backend& backend, const std::string& dag_id);
/// The run with its task instances, or 404.
workflow::DagRun find_run(Backend& backend, const Request& request);
base::Json dag_run_json(const workflow::DagRun& run);

}  // namespace tamis::api
