// Checks the types of an expression's tree and turns it into a program.  Called by Expression::compile.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tasks/transforms/expression_parser.h"
#include "tasks/transforms/expression_program.h"

namespace tamis::transforms {

/// Told of every fault: bytes of the source, a stable code, message and hint.
using OnFault =
    std::function<void(size_t begin, size_t end, std::string code, std::string message, std::string hint)>;

/// Null when there was a fault; `guess` then is the result's type as far as it can be told.
std::shared_ptr<const Program> compile_program(const Syntax& syntax, const records::Layout& layout,
                                               const OnFault& on_fault, std::optional<records::Type>& guess);

}  // namespace tamis::transforms
