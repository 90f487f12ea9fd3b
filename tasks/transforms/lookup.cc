#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/base/suggest.h"
#include "tasks/transforms/kinds.h"
#include "tasks/transforms/lookup_table.h"
#include "tasks/transforms/names.h"

namespace tamis::transforms {
namespace {

using records::Column;
using records::RowState;
using records::Type;

class Lookup : public Transform {
 public:
  Lookup(std::unique_ptr<const LookupTable> table, records::Layout::Field key, uint32_t first_column,
         size_t columns)
      : table_(std::move(table)), key_(std::move(key)), first_column_(first_column), columns_(columns) {}

  void run(records::Batch& batch, State*) const override {
    if (columns_ > 0) column_at(batch, first_column_ + static_cast<uint32_t>(columns_) - 1);
    const size_t rows = batch.size();
    for (size_t k = 0; k < columns_; ++k) batch.columns[first_column_ + k].resize(Type::keyword, rows);
    const Column& keys = batch.columns[key_.column];
    for (size_t i = 0; i < rows; ++i) {
      uint32_t found = LookupTable::none;
      if (batch.state[i] == RowState::live && keys.valid[i] != 0) found = find(keys, i);
      for (size_t k = 0; k < columns_; ++k) {
        Column& out = batch.columns[first_column_ + k];
        const auto cell = found == LookupTable::none ? std::string_view() : table_->cell(found, k);
        out.valid[i] = !cell.empty();
        out.texts[i] = cell;
      }
    }
  }

 private:
  uint32_t find(const Column& keys, size_t i) const {
    if (key_.type == Type::keyword) return table_->find(keys.texts[i]);
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, keys.longs[i]).ptr;
    return table_->find({digits, static_cast<size_t>(end - digits)});
  }

  std::unique_ptr<const LookupTable> table_;
  records::Layout::Field key_;
  uint32_t first_column_;
  size_t columns_;
};

const base::Keys& lookup_keys() {
  using base::ValueType;
  static const base::Keys keys = {"lookup",
                                  {{.name = "file",
                                    .type = ValueType::text,
                                    .summary = "a CSV file with a header, relative to the DAG file",
                                    .required = true},
                                   {.name = "key",
                                    .type = ValueType::text,
                                    .summary = "the field, and the column of the file, to match by",
                                    .required = true},
                                   {.name = "take",
                                    .type = ValueType::texts,
                                    .summary = "the columns to take, as new keyword fields",
                                    .required = true}}};
  return keys;
}

std::unique_ptr<Transform> compile(const base::Node& parameters, CompileContext& context,
                                   base::Findings& findings) {
  if (!base::check(parameters, lookup_keys(), findings)) return nullptr;
  const size_t errors = findings.error_count();
  const base::Node &file = *parameters.find("file"), &key = *parameters.find("key"),
                   &take = *parameters.find("take");
  const auto* field = context.layout.find(key.text);
  if (field == nullptr)
    findings.error(key.span, "unknown_field",
                   fmt::format("there is no field \"{}\" here{}", key.text,
                               base::did_you_mean(key.text, field_names(context.layout))));
  else if (field->type != Type::keyword && field->type != Type::long_)
    findings.error(key.span, "type_mismatch",
                   fmt::format("a lookup's key must be a keyword or a long, \"{}\" is a {}", key.text,
                               records::type_name(field->type)));
  if (take.items.empty()) findings.error(take.span, "missing_key", "lookup takes no column");
  std::set<std::string> seen;
  std::vector<std::string> names;
  for (const auto& item : take.items) {
    if (const auto fault = name_fault(item.text); !fault.empty()) {
      findings.error(item.span, "bad_name", fault);
    } else if (!seen.insert(item.text).second) {
      findings.error(item.span, "duplicate_field", fmt::format("\"{}\" is taken twice", item.text));
    } else {
      if (context.layout.find(item.text) != nullptr)
        findings.error(item.span, "duplicate_field",
                       fmt::format("there is a field \"{}\" already", item.text),
                       "drop or rename it first, or name the file's column otherwise");
      names.push_back(item.text);
    }
  }
  const auto path = (std::filesystem::path(context.folder) / file.text).lexically_normal().string();
  context.files.push_back(path);
  std::unique_ptr<Transform> lookup;
  const uint32_t first_column = context.next_column;
  try {
    auto table = std::make_unique<const LookupTable>(path, key.text, names);
    if (findings.error_count() == errors)
      lookup = std::make_unique<Lookup>(std::move(table), *field, first_column, names.size());
  } catch (const base::UserError& error) {
    findings.error(file.span, "bad_lookup", error.what());
  }
  for (const auto& name : names)
    if (context.layout.find(name) == nullptr)
      context.layout.fields.push_back({name, Type::keyword, context.next_column++});
  return lookup;
}

}  // namespace

TransformKind lookup_kind() {
  return {"lookup", "adds columns of a CSV file to the records with the same key", compile,
          base::json_schema(lookup_keys())};
}

}  // namespace tamis::transforms
