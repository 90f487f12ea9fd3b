#include "cli/commands/all.h"

namespace tamis::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{dags_list(),
                                        dags_details(),
                                        dags_validate(),
                                        dags_test(),
                                        dags_schema(),
                                        dags_submit(),
                                        dags_list_import_errors(),
                                        dags_pause(),
                                        dags_unpause(),
                                        dags_trigger(),
                                        dags_wait(),
                                        dags_state(),
                                        dags_list_runs(),
                                        dags_report(),
                                        tasks_list(),
                                        tasks_state(),
                                        tasks_states_for_dag_run(),
                                        tasks_clear(),
                                        tasks_logs(),
                                        workers_list(),
                                        queues_list(),
                                        data_list(),
                                        data_get(),
                                        config_list(),
                                        config_get_value(),
                                        config_docs(),
                                        generate(),
                                        standalone_run(),
                                        standalone_status(),
                                        standalone_stop(),
                                        worker(),
                                        scheduler(),
                                        api(),
                                        version(),
                                        completion()};
  return all;
}

}  // namespace tamis::cli
