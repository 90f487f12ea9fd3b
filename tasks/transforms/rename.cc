#include <fmt/core.h>

#include <map>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "tasks/transforms/kinds.h"
#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

/// Names are the layout's business; the rows stay as they are.
class Rename : public Transform {
 public:
  void run(records::Batch&, State*) const override {}
};

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  if (!parameters.is_map()) {
    findings.error(
        parameters.span, "wrong_type",
        fmt::format("rename must be a mapping of old names to new ones, not {}", parameters.kind_name()),
        "as: rename: {old: new}");
    return nullptr;
  }
  if (parameters.entries.empty()) {
    findings.error(parameters.span, "missing_key", "rename names no field");
    return nullptr;
  }
  const size_t errors = findings.error_count();
  records::Layout after = context.layout;
  std::map<std::string, base::Span> renamed;  // by new name
  const auto names = field_names(context.layout);
  for (const auto& [name, key_span, node] : parameters.entries) {
    const auto* field = context.layout.find(name);
    if (field == nullptr)
      findings.error(key_span, "unknown_field",
                     fmt::format("there is no field \"{}\" here{}", name, base::did_you_mean(name, names)));
    if (!node.is_text()) {
      findings.error(node.span, "wrong_type",
                     fmt::format("a field's new name must be a text, not {}", node.kind_name()));
      continue;
    }
    if (const auto fault = name_fault(node.text); !fault.empty()) {
      findings.error(node.span, "bad_name", fault);
      continue;
    }
    if (!renamed.emplace(node.text, node.span).second)
      findings.error(node.span, "duplicate_field",
                     fmt::format("two fields are renamed to \"{}\"", node.text));
    if (field != nullptr)
      after.fields[static_cast<size_t>(field - context.layout.fields.data())].name = node.text;
  }
  // A name that was there is free only when its field is renamed too.
  for (const auto& [name, span] : renamed)
    if (context.layout.find(name) != nullptr && parameters.find(name) == nullptr)
      findings.error(span, "duplicate_field", fmt::format("there is a field \"{}\" already", name),
                     "drop or rename it first");
  if (findings.error_count() > errors) {
    // The best guess is what the author meant; of two fields with one name the first stays.
    records::Layout guess;
    for (auto& field : after.fields)
      if (guess.find(field.name) == nullptr) guess.fields.push_back(field);
    context.layout = std::move(guess);
    return nullptr;
  }
  context.layout = std::move(after);
  return std::make_unique<Rename>();
}

}  // namespace

TransformKind rename_kind() {
  return {"rename",
          "gives fields other names, all at once",
          compile,
          {{"type", "object"},
           {"description", "old names with the new ones"},
           {"minProperties", 1},
           {"additionalProperties", {{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}}}}};
}

}  // namespace tamis::transforms
