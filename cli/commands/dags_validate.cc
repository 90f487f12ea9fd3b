#include "cli/commands/all.h"
#include "cli/files.h"
#include "cli/output.h"
#include "core/base/json.h"

namespace tamis::cli {
namespace {

using base::Json;

int run(Invocation& invocation) {
  const bool as_json = invocation.text("output", "text") == "json";
  const bool strict = invocation.has("strict");
  Json all = Json::array();
  size_t files = 0, dags = 0, errors = 0, warnings = 0;
  for (const auto& path : invocation.all("path")) {
    for (const auto& file : path == "-" ? std::vector<std::string>{path} : dag_files(path)) {
      const auto loaded = load_dag_file(file);
      const auto& findings = loaded.file.findings;
      ++files;
      dags += loaded.file.dags.size();
      errors += findings.error_count();
      warnings += findings.all().size() - findings.error_count();
      if (as_json) {
        for (auto& finding : findings.json(file)) all.push_back(finding);
      } else {
        invocation.out << findings.text(file, loaded.source);
      }
    }
  }
  const bool good = errors == 0 && !(strict && warnings > 0) && files > 0;
  if (as_json) {
    invocation.out << all.dump(2) << "\n";
  } else if (files == 0) {
    invocation.err << "no *.yaml files there\n";
  } else {
    const auto counted = [](size_t n, const char* what) {
      return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
    };
    invocation.out << fmt::format("{}, {}: {}, {}\n", counted(files, "file"), counted(dags, "DAG"),
                                  counted(errors, "error"), counted(warnings, "warning"));
  }
  return good ? ok : failed;
}

}  // namespace

Command dags_validate() {
  return {.noun = "dags",
          .verb = "validate",
          .summary = "check DAG files: every mistake with its place; needs no server",
          .positionals = {{.name = "path", .many = true}},
          .options = {{"output", 'o', "FORMAT", "text or json", {"text", "json"}},
                      {"strict", 0, "", "warnings count as errors", {}}},
          .examples = {"tamis dags validate dags/", "tamis dags validate my.yaml -o json",
                       "tamis dags validate --strict dags/*.yaml"},
          .notes = "Exit code 1 when there are errors.",
          .prints_rows = false,
          .run = run};
}

}  // namespace tamis::cli
