#include <fmt/core.h>

#include <algorithm>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "tasks/transforms/kinds.h"

namespace tamis::transforms {
namespace {

/// What is left out is the layout's business; the rows stay as they are.
class Drop : public Transform {
 public:
  void run(records::Batch&, State*) const override {}
};

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  if (!parameters.is_list() || parameters.items.empty()) {
    findings.error(parameters.span, "wrong_type", "drop must be a list of fields' names",
                   "as: drop: [status]");
    return nullptr;
  }
  const size_t errors = findings.error_count();
  const auto names = field_names(context.layout);
  for (const auto& item : parameters.items) {
    if (!item.is_text()) {
      findings.error(item.span, "wrong_type",
                     fmt::format("a field's name must be a text, not {}", item.kind_name()));
      continue;
    }
    if (std::erase_if(context.layout.fields, [&](const auto& f) { return f.name == item.text; }) > 0)
      continue;
    const bool is_twice = std::find(names.begin(), names.end(), item.text) != names.end();
    findings.error(item.span, is_twice ? "duplicate_field" : "unknown_field",
                   is_twice ? fmt::format("\"{}\" is dropped twice", item.text)
                            : fmt::format("there is no field \"{}\" here{}", item.text,
                                          base::did_you_mean(item.text, names)));
  }
  if (findings.error_count() > errors) return nullptr;
  return std::make_unique<Drop>();
}

}  // namespace

TransformKind drop_kind() {
  return {"drop",
          "leaves fields out",
          compile,
          {{"type", "array"},
           {"description", "names of fields"},
           {"minItems", 1},
           {"items", {{"type", "string"}}}}};
}

}  // namespace tamis::transforms
