#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/commands/all.h"
#include "cli/files.h"

namespace tamis::cli {
namespace {

int run(Invocation& invocation) {
  const auto path = invocation.text("file");
  Query query{{"filename", path == "-" ? "stdin.yaml" : std::filesystem::path(path).filename().string()}};
  if (invocation.has("dry_run")) query.emplace_back("dry_run", "true");
  const auto answer = invocation.api().post_text(api_path("dagSources"), read_file(path), query);
  for (const auto& finding : answer["findings"])
    invocation.err << fmt::format("{}:{}:{}: {} {}\n", path, finding.value("line", 0),
                                  finding.value("column", 0), finding.value("severity", ""),
                                  finding.value("message", ""));
  const std::string dag_id = answer.value("dag_id", "");
  if (answer.value("dry_run", false)) {
    invocation.out << fmt::format("{}: no errors, nothing was changed\n", dag_id);
  } else {
    invocation.out << fmt::format("{} is {} in {}; the scheduler takes it within a second\n", dag_id,
                                  answer.value("is_new", false) ? "stored" : "replaced",
                                  answer.value("fileloc", ""));
  }
  return ok;
}

}  // namespace

Command dags_submit() {
  return {.noun = "dags",
          .verb = "submit",
          .summary = "check a DAG file and put it into the scheduler's folder",
          .positionals = {{"file"}},
          .options = {{"dry_run", 0, "", "only check it, as the server would", {}}},
          .examples = {"tamis dags submit my.yaml", "tamis dags submit - < my.yaml"},
          .notes = "",
          .prints_rows = false,
          .run = run};
}

}  // namespace tamis::cli
