#include <fmt/core.h>

#include "core/base/json.h"
#include "tasks/transforms/expression.h"
#include "tasks/transforms/kinds.h"

namespace tamis::transforms {
namespace {

class Filter : public Transform {
 public:
  explicit Filter(Expression keeps) : keeps_(std::move(keeps)) {}
  void run(records::Batch& batch, State*) const override { keeps_.filter(batch); }

 private:
  Expression keeps_;
};

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  auto keeps = Expression::compile(parameters, context.layout, findings);
  if (!keeps) return nullptr;
  if (keeps->type() != records::Type::boolean) {
    findings.error(parameters.span, "type_mismatch",
                   fmt::format("filter needs a boolean, this is a {}", records::type_name(keeps->type())),
                   "compare it with something");
    return nullptr;
  }
  return std::make_unique<Filter>(*std::move(keeps));
}

}  // namespace

TransformKind filter_kind() {
  return {"filter",
          "keeps the records for which an expression is true",
          compile,
          {{"type", {"string", "boolean"}},
           {"description", "an expression that is true for the records to keep; null counts as false"}}};
}

}  // namespace tamis::transforms
