// The commands, one file each, in the order of the help.  A new one is its file, its line here and its line
// in all.cc.
#pragma once
#include "cli/command.h"

namespace tamis::cli {

Command dags_list();
Command dags_details();
Command dags_validate();
Command dags_test();
Command dags_schema();
Command dags_submit();
Command dags_list_import_errors();
Command dags_pause();
Command dags_unpause();
Command dags_trigger();
Command dags_wait();
Command dags_state();
Command dags_list_runs();
Command dags_report();
Command tasks_list();
Command tasks_state();
Command tasks_states_for_dag_run();
Command tasks_clear();
Command tasks_logs();
Command workers_list();
Command queues_list();
Command data_list();
Command data_get();
Command config_list();
Command config_get_value();
Command config_docs();
Command generate();
Command standalone_run();
Command standalone_status();
Command standalone_stop();
Command worker();
Command scheduler();
Command api();
Command version();
Command completion();

}  // namespace tamis::cli
