#include "cli/commands/all.h"
#include "cli/output.h"

namespace tamis::cli {

Command data_list() {
  return {.noun = "data",
          .verb = "list",
          .summary = "the indices and tables that hold results",
          .positionals = {},
          .options = {},
          .examples = {"tamis data list"},
          .notes = "",
          .prints_rows = true,
          .run = [](Invocation& invocation) {
            const auto answer = invocation.api().get("/data");
            print_rows(invocation, answer.at("data"), {"name", "store"});
            if (answer.contains("unavailable") && answer["data"].empty())
              for (const auto& store : answer["unavailable"])
                invocation.err << fmt::format("{}: {}\n", store.value("store", ""), store.value("error", ""));
            return static_cast<int>(ok);
          }};
}

}  // namespace tamis::cli
