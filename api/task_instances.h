// Finding one task instance of a run as Airflow's paths name it.  Used by the routes of task instances and of
// logs.
#pragma once
#include "api/routes.h"

namespace tamis::api {

/// The instance, or 404; a mapped task without a `map_index` is told to give one.
const workflow::TaskInstance& find_instance(const workflow::DagRun& run, const std::string& task_id,
                                            std::optional<int64_t> map_index);

}  // namespace tamis::api
