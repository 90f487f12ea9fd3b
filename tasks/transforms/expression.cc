#include "tasks/transforms/expression.h"

#include <fmt/core.h>

#include <algorithm>

#include "tasks/transforms/expression_compiler.h"

namespace tamis::transforms {
namespace {

using records::Column;
using records::RowState;
using records::Type;

/// The place of bytes of a scalar in its file.  Exact for scalars in one line without escapes; in others as
/// near as can be told from the value alone.
base::Span place(const base::Node& node, size_t begin, size_t end) {
  const base::Span& scalar = node.span;
  if (scalar.line == 0) return scalar;
  const std::string& text = node.text;
  if (text.find('\n') != std::string::npos) return scalar;
  const int first = scalar.column + (node.quoted ? 1 : 0);
  const int from = first + static_cast<int>(begin);
  return {scalar.line, from, scalar.line, std::max(from + 1, first + static_cast<int>(end))};
}

/// Registers of the expression that this thread runs; kept, so that batches find their memory again.
std::vector<Column>& registers(size_t count) {
  thread_local std::vector<Column> columns;
  if (columns.size() < count) columns.resize(count);
  return columns;
}

void fill(const Column& constant, Type type, size_t rows, Column& out) {
  out.resize(type, rows);
  std::fill_n(out.valid.begin(), rows, constant.valid[0]);
  if (type == Type::keyword)
    std::fill_n(out.texts.begin(), rows, constant.texts[0]);
  else if (type == Type::double_)
    std::fill_n(out.doubles.begin(), rows, constant.doubles[0]);
  else
    std::fill_n(out.longs.begin(), rows, constant.longs[0]);
}

}  // namespace

std::optional<Expression> Expression::compile(const base::Node& node, const records::Layout& layout,
                                              base::Findings& findings, std::optional<Type>* guess) {
  if (guess != nullptr) guess->reset();
  if (node.is_map() || node.is_list() || node.is_null()) {
    findings.error(node.span, "wrong_type",
                   fmt::format("an expression must be a text, not {}", node.kind_name()),
                   node.is_map() ? "write an expression that holds \": \" or \"{\" in quotes" : "");
    return std::nullopt;
  }
  std::optional<Type> type;
  std::shared_ptr<const Program> program;
  try {
    const Syntax syntax = parse_expression(node.text);
    program = compile_program(
        syntax, layout,
        [&](size_t begin, size_t end, std::string code, std::string message, std::string hint) {
          findings.error(place(node, begin, end), std::move(code), std::move(message), std::move(hint));
        },
        type);
  } catch (const SyntaxError& error) {
    findings.error(place(node, error.begin, error.end), "bad_expression", error.message, error.hint);
  }
  if (guess != nullptr) *guess = type;
  if (program == nullptr) return std::nullopt;
  return Expression(std::move(program));
}

Type Expression::type() const {
  return program_->type;
}

std::optional<uint32_t> Expression::column() const {
  if (program_->result.kind != Operand::Kind::column) return std::nullopt;
  return program_->result.index;
}

/// The column with the result: `out` when it is given and an instruction or constant makes the result.
const Column& Expression::evaluate(records::Batch& batch, Column* out) const {
  const Program& program = *program_;
  auto& scratch = registers(program.registers + 1);
  Column& last = out != nullptr ? *out : scratch[program.registers];
  if (program.result.kind == Operand::Kind::constant) {
    fill(program.constants[program.result.index], program.type, batch.size(), last);
    return last;
  }
  if (program.result.kind == Operand::Kind::column) return batch.columns[program.result.index];
  const auto input = [&](const Operand& operand) -> Input {
    switch (operand.kind) {
      case Operand::Kind::none:
        return {};
      case Operand::Kind::column:
        return {&batch.columns[operand.index], false};
      case Operand::Kind::scratch:
        return {&scratch[operand.index], false};
      case Operand::Kind::constant:
        return {&program.constants[operand.index], true};
    }
    return {};
  };
  Inputs inputs;
  inputs.rows = batch.size();
  inputs.state = batch.state.data();
  inputs.arena = &batch.arena;
  for (const Instruction& instruction : program.instructions) {
    inputs.a = input(instruction.a);
    inputs.b = input(instruction.b);
    inputs.c = input(instruction.c);
    execute(instruction, inputs,
            &instruction == &program.instructions.back() ? last : scratch[instruction.out]);
  }
  return last;
}

void Expression::run(records::Batch& batch, Column& out) const {
  const Column& result = evaluate(batch, &out);
  if (&result != &out) out = result;
}

void Expression::filter(records::Batch& batch) const {
  const Column& result = evaluate(batch, nullptr);
  const uint8_t* valid = result.valid.data();
  const int64_t* value = result.longs.data();
  RowState* state = batch.state.data();
  const size_t rows = batch.size();
  for (size_t i = 0; i < rows; ++i) {
    const bool keep = (valid[i] != 0) & (value[i] != 0);
    state[i] = state[i] == RowState::live && !keep ? RowState::filtered : state[i];
  }
}

}  // namespace tamis::transforms
