// `tamis config`: settings in force, and their page in the docs.
#include <algorithm>
#include <map>

#include "cli/commands/all.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/settings_page.h"
#include "core/base/connections.h"
#include "core/base/settings.h"
#include "core/base/suggest.h"

namespace tamis::cli {
namespace {

using base::Json;

int list(Invocation& invocation) {
  const auto in_force = base::settings_in_force();
  Json rows = Json::array();
  for (const auto& flag : base::describe_flags())
    rows.push_back({{"name", flag.name},
                    {"value", in_force[flag.name]},
                    {"environment", flag.environment},
                    {"summary", flag.summary}});
  print_rows(invocation, rows, {"name", "value", "environment", "summary"});
  return ok;
}

int get_value(Invocation& invocation) {
  auto name = invocation.text("name");
  std::replace(name.begin(), name.end(), '-', '_');
  const auto in_force = base::settings_in_force();
  if (!in_force.contains(name)) {
    std::vector<std::string> names;
    for (const auto& flag : base::describe_flags()) names.push_back(flag.name);
    throw base::NotFound("there is no setting \"{}\"{}", name, base::did_you_mean(name, names));
  }
  invocation.out << in_force[name].get<std::string>() << "\n";
  return ok;
}

int docs(Invocation& invocation) {
  const auto page = settings_page();
  if (!invocation.has("check")) {
    invocation.out << page;
    return ok;
  }
  if (read_file(invocation.text("check")) == page) return ok;
  invocation.err << fmt::format("{} is not what the programs say now: tamis config docs > {}\n",
                                invocation.text("check"), invocation.text("check"));
  return failed;
}

}  // namespace

Command config_list() {
  return {.noun = "config",
          .verb = "list",
          .summary = "the settings in force, secrets as ***",
          .positionals = {},
          .options = {},
          .examples = {"tamis config list"},
          .notes = "Later wins: default, --config file, environment, command line.",
          .prints_rows = true,
          .run = list};
}

Command config_get_value() {
  return {.noun = "config",
          .verb = "get-value",
          .summary = "one setting",
          .positionals = {{"name"}},
          .options = {},
          .examples = {"tamis config get-value server"},
          .notes = "",
          .prints_rows = false,
          .run = get_value};
}

Command config_docs() {
  return {.noun = "config",
          .verb = "docs",
          .summary = "the page of all settings of all programs",
          .positionals = {},
          .options = {{"check", 0, "FILE", "compare with a file; exit code 1 when it is stale", {}}},
          .examples = {"tamis config docs > docs/settings.md", "tamis config docs --check=docs/settings.md"},
          .notes = "",
          .prints_rows = false,
          .run = docs};
}

}  // namespace tamis::cli
