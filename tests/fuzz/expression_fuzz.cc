// Expressions of DAG files that anybody may have written: compiled, and run when they are right.
#include <cstdint>
#include <string_view>

#include "core/base/json.h"
#include "tasks/transforms/expression.h"

using namespace tamis;

namespace {

constexpr size_t rows = 5;

records::Layout layout() {
  using records::Type;
  return {{{"s", Type::keyword, 0},
           {"a", Type::long_, 1},
           {"x", Type::double_, 2},
           {"p", Type::boolean, 3},
           {"t", Type::timestamp, 4}}};
}

void fill(records::Batch& batch) {
  batch.clear();
  batch.input.records.resize(rows);
  batch.state.assign(rows, records::RowState::live);
  batch.state[4] = records::RowState::rejected;
  batch.columns.resize(5);
  for (const auto& field : layout().fields) batch.columns[field.column].resize(field.type, rows);
  const std::string_view texts[] = {
      "", "A\xC3\xAFn \t", "x", "2026-03-01T09:00:00Z", {reinterpret_cast<const char*>(1), 99}};
  const int64_t longs[] = {0, INT64_MIN, INT64_MAX, -1, 7};
  const double doubles[] = {0, -1e308, 1e308, 0.5, -2.5};
  for (size_t i = 0; i < rows; ++i) {
    for (auto& column : batch.columns) column.valid[i] = i != 2;
    batch.columns[0].texts[i] = i == 2 ? texts[4] : texts[i];
    batch.columns[1].longs[i] = longs[i];
    batch.columns[2].doubles[i] = doubles[i];
    batch.columns[3].longs[i] = static_cast<int64_t>(i % 2);
    batch.columns[4].longs[i] = longs[i];
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  base::Node node;
  node.kind = base::Node::Kind::text;
  node.text.assign(reinterpret_cast<const char*>(data), size);
  node.span = {1, 1, 1, 2};
  base::Findings findings;
  const auto expression = transforms::Expression::compile(node, layout(), findings);
  if (expression.has_value() == findings.has_errors()) __builtin_trap();
  if (!expression) return 0;
  static records::Batch batch;
  fill(batch);
  records::Column out;
  expression->run(batch, out);
  if (out.valid.size() < rows || out.type != expression->type()) __builtin_trap();
  // What is there must be readable, finite and 0 or 1 where it is a truth.
  size_t sum = 0;
  for (size_t i = 0; i < 4; ++i) {
    if (out.valid[i] == 0) continue;
    if (out.type == records::Type::keyword)
      for (const char c : out.texts[i]) sum += static_cast<unsigned char>(c);
    if (out.type == records::Type::double_ && !(out.doubles[i] - out.doubles[i] == 0)) __builtin_trap();
    if (out.type == records::Type::boolean && out.longs[i] != 0 && out.longs[i] != 1) __builtin_trap();
  }
  if (out.type == records::Type::boolean) expression->filter(batch);
  volatile size_t read = sum;
  (void)read;
  return 0;
}
