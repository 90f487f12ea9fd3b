// Runs Clean over texts, for tests.
#pragma once
#include <fmt/core.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/yaml.h"
#include "core/records/batch.h"
#include "tasks/transforms/clean.h"
#include "tasks/transforms/fields.h"

namespace tamis::transforms {

/// Cleans records by the fields of a piece of YAML and keeps what came out.
class Cleaned {
 public:
  Cleaned(const std::string& yaml, std::vector<std::string> records, std::vector<std::string> csv_header = {},
          Lateness lateness = {})
      : texts_(std::move(records)) {
    base::Findings findings;
    const auto nodes = base::parse_yaml(yaml, findings);
    spec_ = read_fields(nodes.at(0), findings);
    if (findings.has_errors()) throw std::runtime_error(findings.text("test", yaml));
    layout_ = spec_.layout();
    clean_ = std::make_unique<Clean>(spec_, std::move(csv_header));
    for (const auto& text : texts_) {
      records::Record record;
      record.bytes = text;
      record.time = base::from_civil(2026, 3, 1, 12);
      batch.input.records.push_back(record);
    }
    clean_->run(batch, *clean_->make_scratch(), lateness);
  }

  /// `reason field`, or `a=1 b="x"` with the fields that are not null, `+` and the unknown members.
  std::string operator[](size_t row) const {
    std::string out;
    if (batch.state[row] == records::RowState::rejected) {
      for (const auto& r : batch.rejections)
        if (r.row == row)
          out += std::string(records::reason_name(r.reason)) + (r.field.empty() ? "" : " " + r.field);
      return out;
    }
    for (const auto& field : layout_.fields) {
      const auto& column = batch.columns[field.column];
      if (!column.valid[row]) continue;
      out += (out.empty() ? "" : " ") + field.name + "=";
      switch (field.type) {
        case records::Type::keyword:
          out += "\"" + std::string(column.texts[row]) + "\"";
          break;
        case records::Type::double_:
          out += fmt::format("{}", column.doubles[row]);
          break;
        case records::Type::timestamp:
          out += base::format_rfc3339(base::Instant(base::Duration(column.longs[row])));
          break;
        default:
          out += std::to_string(column.longs[row]);
      }
    }
    if (spec_.keep_unknown) out += "+" + std::string(batch.unknown[row]);
    return out;
  }

  records::Batch batch;

 private:
  std::vector<std::string> texts_;
  FieldSpec spec_;
  records::Layout layout_;
  std::unique_ptr<Clean> clean_;
};

}  // namespace tamis::transforms
