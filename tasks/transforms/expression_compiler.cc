#include "tasks/transforms/expression_compiler.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/base/suggest.h"
#include "core/base/time.h"
#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

using records::Type;
using Kind = Syntax::Kind;

/// What a subtree became.  Without a type it is the literal null, or wrong (then a fault was told).
struct Value {
  const Syntax* syntax = nullptr;
  std::optional<Type> type;
  bool failed = false;
  Operand operand;
  bool is_null() const { return !type && !failed; }
  bool is_constant() const { return operand.kind == Operand::Kind::constant; }
};

struct FunctionRule {
  std::string_view name;
  size_t min, max;  ///< operands
  std::string_view usage;
};

constexpr size_t many = 1000;
constexpr FunctionRule functions[] = {{"abs", 1, 1, "abs(x)"},
                                      {"round", 1, 2, "round(x) or round(x, n)"},
                                      {"floor", 1, 1, "floor(x)"},
                                      {"ceil", 1, 1, "ceil(x)"},
                                      {"min", 2, many, "min(a, b, …)"},
                                      {"max", 2, many, "max(a, b, …)"},
                                      {"coalesce", 1, many, "coalesce(a, b, …)"},
                                      {"if", 3, 3, "if(condition, then, else)"},
                                      {"lower", 1, 1, "lower(text)"},
                                      {"upper", 1, 1, "upper(text)"},
                                      {"trim", 1, 1, "trim(text)"},
                                      {"length", 1, 1, "length(text)"},
                                      {"starts_with", 2, 2, "starts_with(text, start)"},
                                      {"contains", 2, 2, "contains(text, part)"}};

bool is_number(Type type) {
  return type == Type::long_ || type == Type::double_;
}

std::string shown(const Value& value) {
  if (value.is_null()) return "null";
  return "a " + std::string(records::type_name(*value.type));
}

class Compiler {
 public:
  Compiler(const records::Layout& layout, const OnFault& on_fault) : layout_(layout), on_fault_(on_fault) {}

  std::shared_ptr<const Program> whole(const Syntax& syntax, std::optional<Type>& guess) {
    Value value = visit(syntax);
    if (value.is_null())
      fail(syntax, "type_mismatch", "null alone has no type", "null stands in if, coalesce, and, or, not");
    guess = value.type;
    if (faults_ > 0) return nullptr;
    program_->result = value.operand;
    program_->type = *value.type;
    return std::move(program_);
  }

 private:
  Value fail(const Syntax& at, std::string code, std::string message, std::string hint = "",
             std::optional<Type> type = std::nullopt) {
    return fail(at.begin, at.end, std::move(code), std::move(message), std::move(hint), type);
  }
  Value fail(size_t begin, size_t end, std::string code, std::string message, std::string hint = "",
             std::optional<Type> type = std::nullopt) {
    ++faults_;
    on_fault_(begin, end, std::move(code), std::move(message), std::move(hint));
    return {nullptr, type, true, {}};
  }
  static Value wrong(std::optional<Type> type) { return {nullptr, type, true, {}}; }

  // Constants.

  Value constant(const Syntax& syntax, Type type, auto value, bool is_valid = true) {
    records::Column column;
    column.resize(type, 1);
    column.valid[0] = is_valid;
    if constexpr (std::is_same_v<decltype(value), double>) {
      column.doubles[0] = value + 0.0;
    } else if constexpr (std::is_same_v<decltype(value), std::string>) {
      column.texts[0] = program_->texts.emplace_back(std::move(value));
    } else {
      column.longs[0] = value;
    }
    program_->constants.push_back(std::move(column));
    return {&syntax,
            type,
            false,
            {Operand::Kind::constant, static_cast<uint32_t>(program_->constants.size() - 1)}};
  }
  Value null_of(const Syntax& syntax, Type type) {
    if (type == Type::double_) return constant(syntax, type, 0.0, false);
    if (type == Type::keyword) return constant(syntax, type, std::string(), false);
    return constant(syntax, type, int64_t{0}, false);
  }
  records::Column& constant_of(const Value& value) { return program_->constants[value.operand.index]; }

  // Instructions.

  Value emit(const Syntax& syntax, Code code, Type type, Value a, Value b = {}, Value c = {},
             Instruction instruction = {}) {
    if (a.failed || b.failed || c.failed) return wrong(type);
    instruction.code = code;
    instruction.type = type;
    instruction.a = a.operand;
    instruction.b = b.operand;
    instruction.c = c.operand;
    const auto is_fixed = [](const Operand& o) {
      return o.kind == Operand::Kind::none || o.kind == Operand::Kind::constant;
    };
    if (is_fixed(instruction.a) && is_fixed(instruction.b) && is_fixed(instruction.c))
      return fold(syntax, instruction);
    instruction.out = take_register();
    for (const Operand& operand : {instruction.a, instruction.b, instruction.c})
      if (operand.kind == Operand::Kind::scratch) free_.push_back(operand.index);
    const uint32_t out = instruction.out;
    program_->instructions.push_back(std::move(instruction));
    return {&syntax, type, false, {Operand::Kind::scratch, out}};
  }

  /// Runs an instruction whose operands are all known, once.
  Value fold(const Syntax& syntax, const Instruction& instruction) {
    records::Arena arena;
    Inputs inputs;
    const auto input = [&](const Operand& operand) {
      return operand.kind == Operand::Kind::none ? Input{} : Input{&program_->constants[operand.index], true};
    };
    inputs.a = input(instruction.a);
    inputs.b = input(instruction.b);
    inputs.c = input(instruction.c);
    inputs.rows = 1;
    inputs.arena = &arena;
    records::Column out;
    execute(instruction, inputs, out);
    if (out.valid[0] == 0) return null_of(syntax, instruction.type);
    if (instruction.type == Type::double_) return constant(syntax, instruction.type, out.doubles[0]);
    if (instruction.type == Type::keyword)
      return constant(syntax, instruction.type, std::string(out.texts[0]));
    return constant(syntax, instruction.type, out.longs[0]);
  }

  uint32_t take_register() {
    if (free_.empty()) return program_->registers++;
    const uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }

  Value to_double(Value value) {
    if (value.failed || value.type == Type::double_) return value;
    return emit(*value.syntax, Code::to_double, Type::double_, value);
  }

  // Types.

  /// A text literal beside a timestamp is one.
  void read_timestamps(std::vector<Value>& values) {
    if (std::none_of(values.begin(), values.end(), [](const Value& v) { return v.type == Type::timestamp; }))
      return;
    for (Value& value : values) {
      if (value.failed || value.type != Type::keyword || value.syntax->kind != Kind::text) continue;
      const Syntax& syntax = *value.syntax;
      if (const auto instant = base::parse_rfc3339(syntax.name))
        value = constant(syntax, Type::timestamp, int64_t{instant->time_since_epoch().count()});
      else
        value = fail(syntax, "bad_timestamp",
                     fmt::format("\"{}\" stands beside a timestamp and is none", syntax.name),
                     "write it as 2026-03-01T09:00:00Z", Type::timestamp);
    }
  }

  /// Brings values to one type: longs beside doubles become doubles, null takes the others' type.  Empty
  /// after a fault.
  std::optional<Type> unify(const Syntax& syntax, std::vector<Value>& values, std::string_view what) {
    read_timestamps(values);
    std::optional<Type> type;
    const Value* first = nullptr;
    bool failed = false;
    for (const Value& value : values) {
      failed |= value.failed;
      if (!value.type) continue;
      if (!type || (is_number(*type) && value.type == Type::double_)) {
        if (!type) first = &value;
        type = value.type;
      } else if (*type != *value.type && !(is_number(*type) && is_number(*value.type))) {
        if (value.failed || first->failed) return std::nullopt;
        fail(*value.syntax, "type_mismatch",
             fmt::format("{} can't mix {} and {}", what, shown(*first), shown(value)));
        return std::nullopt;
      }
    }
    if (!type && !failed)
      fail(syntax, "type_mismatch", fmt::format("{} of nothing but null has no type", what));
    if (!type) return std::nullopt;
    for (Value& value : values) {
      if (value.is_null())
        value = null_of(*value.syntax, *type);
      else if (type == Type::double_)
        value = to_double(value);
    }
    return type;
  }

  Value boolean(const Syntax& syntax, std::string_view where) {
    Value value = visit(syntax);
    if (value.is_null()) return null_of(syntax, Type::boolean);
    if (!value.failed && value.type != Type::boolean)
      return fail(syntax, "type_mismatch", fmt::format("{} needs a boolean, not {}", where, shown(value)),
                  "compare it with something");
    return value;
  }

  // Nodes.

  Value visit(const Syntax& syntax) {
    switch (syntax.kind) {
      case Kind::null:
        return {&syntax, std::nullopt, false, {}};
      case Kind::boolean:
        return constant(syntax, Type::boolean, int64_t{syntax.boolean});
      case Kind::integer:
        return constant(syntax, Type::long_, syntax.integer);
      case Kind::number:
        return constant(syntax, Type::double_, syntax.number);
      case Kind::text:
        return constant(syntax, Type::keyword, syntax.name);
      case Kind::field:
        return field(syntax);
      case Kind::call:
        return call(syntax);
      case Kind::negate:
        return number_function(syntax, visit(syntax.operands[0]), Code::negate_long, Code::negate_double,
                               "-");
      case Kind::not_:
        return emit(syntax, Code::not_, Type::boolean, boolean(syntax.operands[0], "not"));
      case Kind::and_:
      case Kind::or_: {
        const Value a = boolean(syntax.operands[0], syntax.name),
                    b = boolean(syntax.operands[1], syntax.name);
        return emit(syntax, syntax.kind == Kind::and_ ? Code::and_ : Code::or_, Type::boolean, a, b);
      }
      case Kind::arithmetic:
        return arithmetic(syntax);
      case Kind::comparison:
        return comparison(syntax);
      case Kind::in:
        return membership(syntax);
      case Kind::is_null: {
        Value value = visit(syntax.operands[0]);
        if (value.is_null())
          return fail(syntax, "type_mismatch", "null is null: ask a field", "", Type::boolean);
        return emit(syntax, syntax.negated ? Code::is_not_null : Code::is_null, Type::boolean, value);
      }
    }
    return {};
  }

  Value field(const Syntax& syntax) {
    if (const auto* found = layout_.find(syntax.name))
      return {&syntax, found->type, false, {Operand::Kind::column, found->column}};
    std::vector<std::string> names;
    for (const auto& f : layout_.fields) names.push_back(f.name);
    std::string hint;
    if (std::any_of(std::begin(functions), std::end(functions),
                    [&](const auto& f) { return f.name == syntax.name; }))
      hint = fmt::format("as a function it needs parentheses: {}(…)", syntax.name);
    std::string lower = syntax.name;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (lower != syntax.name && is_expression_word(lower)) hint = fmt::format("write {}", lower);
    return fail(
        syntax, "unknown_field",
        fmt::format("there is no field \"{}\" here{}", syntax.name, base::did_you_mean(syntax.name, names)),
        hint);
  }

  Value arithmetic(const Syntax& syntax) {
    Value a = visit(syntax.operands[0]), b = visit(syntax.operands[1]);
    const char sign = syntax.name[0];
    for (const Value* side : {&a, &b}) {
      if (side->is_null())
        return fail(*side->syntax, "type_mismatch", fmt::format("\"{}\" with null is always null", sign));
      if (!side->failed && !is_number(*side->type))
        return fail(*side->syntax, "type_mismatch",
                    fmt::format("\"{}\" needs numbers, not {}", sign, shown(*side)));
    }
    if (a.failed || b.failed) {
      if (sign == '/') return wrong(Type::double_);
      const bool known = a.type && b.type && is_number(*a.type) && is_number(*b.type);
      return wrong(!known ? std::nullopt : std::optional(a.type == b.type ? *a.type : Type::double_));
    }
    if (a.type == Type::long_ && b.type == Type::long_ && sign != '/') {
      const Code code = sign == '+'   ? Code::add_long
                        : sign == '-' ? Code::subtract_long
                        : sign == '*' ? Code::multiply_long
                                      : Code::modulo_long;
      return emit(syntax, code, Type::long_, a, b);
    }
    const Code code = sign == '+'   ? Code::add_double
                      : sign == '-' ? Code::subtract_double
                      : sign == '*' ? Code::multiply_double
                      : sign == '/' ? Code::divide_double
                                    : Code::modulo_double;
    a = to_double(a);
    b = to_double(b);
    return emit(syntax, code, Type::double_, a, b);
  }

  Value comparison(const Syntax& syntax) {
    std::vector<Value> sides = {visit(syntax.operands[0]), visit(syntax.operands[1])};
    for (const Value& side : sides)
      if (side.is_null())
        return fail(syntax, "null_comparison", fmt::format("\"{}\" with null is never true", syntax.name),
                    syntax.name == "!=" ? "write: is not null" : "write: is null", Type::boolean);
    const auto type = unify(syntax, sides, fmt::format("\"{}\"", syntax.name));
    if (!type) return wrong(Type::boolean);
    static constexpr std::array<std::pair<std::string_view, Comparison>, 6> signs = {
        {{"==", Comparison::equal},
         {"!=", Comparison::not_equal},
         {"<", Comparison::less},
         {"<=", Comparison::less_equal},
         {">", Comparison::greater},
         {">=", Comparison::greater_equal}}};
    Instruction instruction;
    for (const auto& [sign, comparison] : signs)
      if (syntax.name == sign) instruction.comparison = comparison;
    if (type == Type::boolean && syntax.name != "==" && syntax.name != "!=")
      return fail(syntax, "type_mismatch", fmt::format("booleans have no order for \"{}\"", syntax.name), "",
                  Type::boolean);
    const Code code = type == Type::keyword   ? Code::compare_text
                      : type == Type::double_ ? Code::compare_double
                                              : Code::compare_long;
    return emit(syntax, code, Type::boolean, sides[0], sides[1], {}, std::move(instruction));
  }

  Value membership(const Syntax& syntax) {
    std::vector<Value> values;
    for (const Syntax& operand : syntax.operands) values.push_back(visit(operand));
    if (values[0].is_null())
      return fail(syntax, "null_comparison", "null is in no list", "write: is null", Type::boolean);
    const auto type = unify(syntax, values, "\"in\"");
    for (const Value& value : values)
      if (value.failed || !type) return wrong(Type::boolean);
    Instruction instruction;
    instruction.negated = syntax.negated;
    const auto fill = [&](auto& list, auto read) {
      for (size_t i = 1; i < values.size(); ++i) list.push_back(read(constant_of(values[i])));
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    Code code = Code::in_long;
    if (type == Type::keyword) {
      code = Code::in_text;
      fill(instruction.texts, [](const records::Column& c) { return c.texts[0]; });
    } else if (type == Type::double_) {
      code = Code::in_double;
      fill(instruction.doubles, [](const records::Column& c) { return c.doubles[0]; });
    } else {
      fill(instruction.longs, [](const records::Column& c) { return c.longs[0]; });
    }
    return emit(syntax, code, Type::boolean, values[0], {}, {}, std::move(instruction));
  }

  Value number_function(const Syntax& syntax, Value value, Code of_long, Code of_double,
                        std::string_view name) {
    if (value.failed) return wrong(value.type && is_number(*value.type) ? value.type : std::nullopt);
    if (value.is_null() || !is_number(*value.type))
      return fail(*value.syntax, "type_mismatch",
                  fmt::format("{} needs a number, not {}", name, shown(value)));
    return emit(syntax, value.type == Type::long_ ? of_long : of_double, *value.type, value);
  }

  Value call(const Syntax& syntax) {
    const auto rule = std::find_if(std::begin(functions), std::end(functions),
                                   [&](const FunctionRule& f) { return f.name == syntax.name; });
    if (rule == std::end(functions)) {
      std::vector<std::string> names;
      for (const auto& f : functions) names.emplace_back(f.name);
      std::string hint = "functions:";
      for (const auto& name : names) hint += " " + name;
      return fail(
          syntax.name_begin, syntax.name_begin + syntax.name.size(), "unknown_function",
          fmt::format("there is no function \"{}\"{}", syntax.name, base::did_you_mean(syntax.name, names)),
          hint);
    }
    const size_t n = syntax.operands.size();
    if (n < rule->min || n > rule->max) {
      const std::string wanted = rule->max == many        ? fmt::format("{} or more", rule->min)
                                 : rule->min == rule->max ? std::to_string(rule->min)
                                                          : fmt::format("{} or {}", rule->min, rule->max);
      return fail(syntax, "wrong_arguments",
                  fmt::format("{} takes {} value{}, not {}", rule->name, wanted, wanted == "1" ? "" : "s", n),
                  fmt::format("{}", rule->usage));
    }
    const std::string_view name = rule->name;
    if (name == "if") return choose(syntax);
    if (name == "coalesce") return coalesce(syntax);
    if (name == "min" || name == "max") return extreme(syntax, name == "min");
    if (name == "abs")
      return number_function(syntax, visit(syntax.operands[0]), Code::abs_long, Code::abs_double, name);
    if (name == "round" || name == "floor" || name == "ceil") return rounded(syntax);
    return text_function(syntax);
  }

  Value rounded(const Syntax& syntax) {
    Value value = visit(syntax.operands[0]);
    Instruction instruction;
    Code code = syntax.name == "floor"  ? Code::floor_double
                : syntax.name == "ceil" ? Code::ceil_double
                                        : Code::round_double;
    if (syntax.operands.size() == 2) {
      const Syntax& digits = syntax.operands[1];
      if (digits.kind != Kind::integer || digits.integer < 0 || digits.integer > 15)
        return fail(digits, "wrong_arguments",
                    "round takes a number from 0 to 15 as its second value, written as it is", "",
                    value.type && is_number(*value.type) ? value.type : std::nullopt);
      code = Code::round_digits;
      for (int64_t i = 0; i < digits.integer; ++i) instruction.factor *= 10;
    }
    if (value.failed) return wrong(value.type && is_number(*value.type) ? value.type : std::nullopt);
    if (value.is_null() || !is_number(*value.type))
      return fail(*value.syntax, "type_mismatch",
                  fmt::format("{} needs a number, not {}", syntax.name, shown(value)));
    if (value.type == Type::long_) {
      value.syntax = &syntax;
      return value;
    }
    return emit(syntax, code, Type::double_, value, {}, {}, std::move(instruction));
  }

  Value extreme(const Syntax& syntax, bool is_min) {
    std::vector<Value> values;
    for (const Syntax& operand : syntax.operands) values.push_back(visit(operand));
    for (const Value& value : values) {
      if (value.is_null())
        return fail(*value.syntax, "type_mismatch", fmt::format("{} with null is always null", syntax.name));
      if (!value.failed && value.type == Type::boolean)
        return fail(*value.syntax, "type_mismatch",
                    fmt::format("{} needs values with an order, not a boolean", syntax.name));
    }
    const auto type = unify(syntax, values, syntax.name);
    if (!type) return wrong(std::nullopt);
    Code code = is_min ? Code::min_long : Code::max_long;
    if (type == Type::double_) code = is_min ? Code::min_double : Code::max_double;
    if (type == Type::keyword) code = is_min ? Code::min_text : Code::max_text;
    Value result = values[0];
    for (size_t i = 1; i < values.size(); ++i) result = emit(syntax, code, *type, result, values[i]);
    return result;
  }

  Value coalesce(const Syntax& syntax) {
    std::vector<Value> values;
    for (const Syntax& operand : syntax.operands) values.push_back(visit(operand));
    const auto type = unify(syntax, values, "coalesce");
    if (!type) return wrong(std::nullopt);
    Value result = values[0];
    for (size_t i = 1; i < values.size(); ++i)
      result = emit(syntax, Code::coalesce, *type, result, values[i]);
    result.syntax = &syntax;
    return result;
  }

  Value choose(const Syntax& syntax) {
    const Value condition = boolean(syntax.operands[0], "if");
    std::vector<Value> branches = {visit(syntax.operands[1]), visit(syntax.operands[2])};
    const auto type = unify(syntax, branches, "if");
    if (!type) return wrong(std::nullopt);
    return emit(syntax, Code::choose, *type, branches[0], branches[1], condition);
  }

  Value text_function(const Syntax& syntax) {
    std::vector<Value> values;
    for (const Syntax& operand : syntax.operands) values.push_back(visit(operand));
    const std::string_view name = syntax.name;
    const Code code = name == "lower"         ? Code::lower
                      : name == "upper"       ? Code::upper
                      : name == "trim"        ? Code::trim
                      : name == "length"      ? Code::length
                      : name == "starts_with" ? Code::starts_with
                                              : Code::contains;
    const Type type = code == Code::length ? Type::long_ : values.size() == 2 ? Type::boolean : Type::keyword;
    for (const Value& value : values)
      if (!value.failed && value.type != Type::keyword)
        return fail(*value.syntax, "type_mismatch",
                    fmt::format("{} needs a keyword, not {}", name, shown(value)), "", type);
    return emit(syntax, code, type, values[0], values.size() == 2 ? values[1] : Value{});
  }

  const records::Layout& layout_;
  const OnFault& on_fault_;
  std::shared_ptr<Program> program_ = std::make_shared<Program>();
  std::vector<uint32_t> free_;
  size_t faults_ = 0;
};

}  // namespace

std::shared_ptr<const Program> compile_program(const Syntax& syntax, const records::Layout& layout,
                                               const OnFault& on_fault, std::optional<records::Type>& guess) {
  return Compiler(layout, on_fault).whole(syntax, guess);
}

}  // namespace tamis::transforms
