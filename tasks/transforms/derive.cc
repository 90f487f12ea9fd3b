#include <fmt/core.h>

#include <algorithm>

#include "core/base/json.h"
#include "tasks/transforms/expression.h"
#include "tasks/transforms/kinds.h"
#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

struct Entry {
  Expression expression;
  uint32_t column = 0;
};

class Derive : public Transform {
 public:
  explicit Derive(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  void run(records::Batch& batch, State*) const override {
    for (const Entry& entry : entries_) entry.expression.run(batch, column_at(batch, entry.column));
  }

 private:
  std::vector<Entry> entries_;
};

void put(records::Layout& layout, const std::string& name, records::Type type, uint32_t column) {
  const auto found =
      std::find_if(layout.fields.begin(), layout.fields.end(), [&](const auto& f) { return f.name == name; });
  if (found == layout.fields.end())
    layout.fields.push_back({name, type, column});
  else
    *found = {name, type, column};
}

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  if (!parameters.is_map()) {
    findings.error(
        parameters.span, "wrong_type",
        fmt::format("derive must be a mapping of names to expressions, not {}", parameters.kind_name()));
    return nullptr;
  }
  if (parameters.entries.empty()) {
    findings.error(parameters.span, "missing_key", "derive names no field");
    return nullptr;
  }
  const size_t errors = findings.error_count();
  std::vector<Entry> entries;
  for (const auto& [name, key_span, node] : parameters.entries) {
    if (const auto fault = name_fault(name); !fault.empty()) findings.error(key_span, "bad_name", fault);
    std::optional<records::Type> guess;
    auto expression = Expression::compile(node, context.layout, findings, &guess);
    if (!expression) {
      // A wrong entry still makes its field, so that those who use it are not blamed too.
      const auto* former = context.layout.find(name);
      put(context.layout, name, guess.value_or(former != nullptr ? former->type : records::Type::double_),
          context.next_column++);
    } else if (const auto column = expression->column()) {
      // Columns are never written again, so a field of another name may stand for the same one.
      put(context.layout, name, expression->type(), *column);
    } else {
      const uint32_t number = context.next_column++;
      put(context.layout, name, expression->type(), number);
      entries.push_back({*std::move(expression), number});
    }
  }
  if (findings.error_count() > errors) return nullptr;
  return std::make_unique<Derive>(std::move(entries));
}

}  // namespace

TransformKind derive_kind() {
  return {"derive",
          "makes fields from expressions, one after the other; an existing one is replaced",
          compile,
          {{"type", "object"},
           {"description", "names with the expressions that make them; each sees those before it"},
           {"minProperties", 1},
           {"propertyNames", {{"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}}},
           {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}}};
}

}  // namespace tamis::transforms
