// Batches written by hand, for tests of transforms: one record a row, values by field.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/finding.h"
#include "core/base/json.h"
#include "core/base/node.h"
#include "core/base/time.h"
#include "core/base/yaml.h"
#include "tasks/transforms/transform.h"

namespace tamis::transforms {

using base::Json;

/// Fields by name, as `{"a", "long"}`, in columns 0, 1, …
inline records::Layout layout_of(const std::vector<std::pair<std::string, std::string>>& fields) {
  records::Layout layout;
  for (const auto& [name, type] : fields)
    for (int t = 0; t < 5; ++t)
      if (records::type_name(static_cast<records::Type>(t)) == type)
        layout.fields.push_back(
            {name, static_cast<records::Type>(t), static_cast<uint32_t>(layout.fields.size())});
  return layout;
}

/// A batch with a row for each of `rows`, which are objects; members that are missing or null are null. Texts
/// live in the arena.
inline records::Batch batch_of(const records::Layout& layout, const std::vector<Json>& rows) {
  records::Batch batch;
  batch.input.records.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) batch.input.records[i].offset = static_cast<int64_t>(i);
  batch.state.assign(rows.size(), records::RowState::live);
  batch.event_time.resize(rows.size());
  batch.columns.resize(layout.fields.size());
  for (const auto& field : layout.fields) {
    auto& column = batch.columns[field.column];
    column.resize(field.type, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool is_there = rows[i].contains(field.name) && !rows[i][field.name].is_null();
      column.valid[i] = is_there;
      if (!is_there) {
        // Nulls hold anything: a view at which nobody may look, here.
        if (field.type == records::Type::keyword)
          column.texts[i] = std::string_view(reinterpret_cast<const char*>(1), 1000);
        continue;
      }
      const Json& value = rows[i][field.name];
      switch (field.type) {
        case records::Type::keyword:
          column.texts[i] = batch.arena.copy(value.get<std::string>());
          break;
        case records::Type::double_:
          column.doubles[i] = value.get<double>();
          break;
        case records::Type::boolean:
          column.longs[i] = value.get<bool>();
          break;
        case records::Type::long_:
          column.longs[i] = value.get<int64_t>();
          break;
        case records::Type::timestamp:
          column.longs[i] = base::parse_rfc3339(value.get<std::string>())->time_since_epoch().count();
      }
    }
  }
  return batch;
}

/// A value as JSON; timestamps as texts.
inline Json value_of(const records::Column& column, size_t row) {
  if (column.valid[row] == 0) return nullptr;
  switch (column.type) {
    case records::Type::keyword:
      return std::string(column.texts[row]);
    case records::Type::double_:
      return column.doubles[row];
    case records::Type::boolean:
      return column.longs[row] != 0;
    case records::Type::long_:
      return column.longs[row];
    case records::Type::timestamp:
      return base::format_rfc3339(base::Instant(base::Duration(column.longs[row])));
  }
  return nullptr;
}

/// The fields of a row as an object without nulls.
inline Json row_of(const records::Batch& batch, const records::Layout& layout, size_t row) {
  Json out = Json::object();
  for (const auto& field : layout.fields)
    if (auto value = value_of(batch.columns[field.column], row); !value.is_null()) out[field.name] = value;
  return out;
}

/// The first node of a YAML text.
inline base::Node node_of(const std::string& yaml) {
  base::Findings findings;
  auto nodes = base::parse_yaml(yaml, findings);
  EXPECT_TRUE(findings.empty()) << findings.text("test.yaml", yaml);
  return nodes.empty() ? base::Node() : nodes[0];
}

/// A transform compiled from `kind: parameters`; what it leaves is in `context`.
inline std::unique_ptr<Transform> compile(const std::string& yaml, CompileContext& context,
                                          base::Findings& findings) {
  const base::Node node = node_of(yaml);
  const TransformKind* kind = find_transform(node.entries.at(0).key);
  EXPECT_NE(kind, nullptr);
  return kind->compile(node.entries[0].value, context, findings);
}

/// Compiles, which must succeed, and runs.
inline void apply(const std::string& yaml, CompileContext& context, records::Batch& batch) {
  base::Findings findings;
  // Texts of literals and lookups belong to the transform, which outlives its batches in a task.
  static std::vector<std::unique_ptr<Transform>> kept;
  const auto& transform = kept.emplace_back(compile(yaml, context, findings));
  ASSERT_NE(transform, nullptr) << findings.text("test.yaml", yaml);
  const auto state = transform->make_state();
  transform->prepare(batch);
  transform->run(batch, state.get());
}

/// The first finding as `line:column code`, or what else happened.
inline std::string fault_of(const std::string& yaml, CompileContext context) {
  base::Findings findings;
  const auto transform = compile(yaml, context, findings);
  if (findings.empty()) return transform ? "compiled" : "null without a finding";
  const auto& first = findings.all()[0];
  return std::to_string(first.span.line) + ":" + std::to_string(first.span.column) + " " + first.code;
}

}  // namespace tamis::transforms
