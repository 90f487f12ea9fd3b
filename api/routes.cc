#include "api/routes.h"

namespace tamis::api {

const std::vector<Route>& routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> table;
    for (auto make :
         {dag_routes, dag_run_routes, dag_source_routes, task_routes, task_instance_routes, clear_routes,
          log_routes, import_error_routes, health_routes, worker_routes, data_routes})
      for (auto& route : make()) table.push_back(std::move(route));
    return table;
  }();
  return all;
}

}  // namespace tamis::api
