#include "cli/commands/all.h"

namespace tamis::cli {
namespace {

int set_paused(Invocation& invocation, bool paused) {
  const auto dag =
      invocation.api().patch(api_path("dags", invocation.text("dag_id")), {{"is_paused", paused}});
  invocation.out << fmt::format("Dag: {}, paused: {}\n", dag.value("dag_id", ""),
                                dag.value("is_paused", false) ? "True" : "False");
  return ok;
}

Command make(const std::string& verb, const std::string& summary, bool paused) {
  return {.noun = "dags",
          .verb = verb,
          .summary = summary,
          .positionals = {{"dag_id", 'd'}},
          .options = {},
          .examples = {"tamis dags " + verb + " iot_sensor_etl"},
          .notes = "",
          .prints_rows = false,
          .run = [paused](Invocation& invocation) { return set_paused(invocation, paused); }};
}

}  // namespace

Command dags_pause() {
  return make("pause", "start no more runs of a DAG", true);
}
Command dags_unpause() {
  return make("unpause", "start runs of a DAG again", false);
}

}  // namespace tamis::cli
