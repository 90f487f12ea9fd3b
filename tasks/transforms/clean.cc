#include "tasks/transforms/clean.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <functional>

#include "core/records/csv.h"
#include "tasks/transforms/field_check.h"
#include "tasks/transforms/fields.h"
#include "tasks/transforms/json_text.h"
#include "tasks/transforms/json_walker.h"

namespace tamis::transforms {

using records::Batch;
using records::Reason;
using records::Record;
using records::RowState;

namespace {

/// What the cell of a CSV column is.
struct CsvColumn {
  std::string quoted_name;
  int slot = -1;             ///< -1: no field's
  bool is_repeated = false;  ///< a later column has the same name, and counts
};

}  // namespace

struct Clean::Plan {
  Plan(const FieldSpec& of, const std::vector<std::string>& csv_header)
      : spec(of), is_csv(!csv_header.empty()) {
    for (size_t i = 0; i < spec.fields.size(); ++i) {
      checks.emplace_back(spec.fields[i], tree.add(spec.fields[i].path), is_csv);
      if (spec.fields[i].name == spec.event_time) event_field = static_cast<int>(i);
    }
    for (size_t c = 0; c < csv_header.size(); ++c) {
      CsvColumn column;
      append_quoted(csv_header[c], column.quoted_name);
      column.is_repeated = std::find(csv_header.begin() + static_cast<std::ptrdiff_t>(c) + 1,
                                     csv_header.end(), csv_header[c]) != csv_header.end();
      for (size_t i = 0; i < spec.fields.size(); ++i) {
        std::string path;
        for (const auto& part : spec.fields[i].path) path += (path.empty() ? "" : ".") + part;
        if (path == csv_header[c]) column.slot = checks[i].slot();
      }
      columns.push_back(std::move(column));
    }
  }

  FieldSpec spec;
  PathTree tree;
  std::vector<FieldCheck> checks;  ///< one a field
  int event_field = -1;
  bool is_csv;
  std::vector<CsvColumn> columns;

  bool read_record(Batch& batch, uint32_t row, Scratch& scratch) const;
  bool read_json(Batch& batch, uint32_t row, Scratch& scratch) const;
  bool read_csv(Batch& batch, uint32_t row, Scratch& scratch) const;
  bool check_fields(Batch& batch, uint32_t row, Scratch& scratch) const;
  void check_lateness(Batch& batch, uint32_t row, const Lateness& lateness) const;
  void keep_unknown(Batch& batch, uint32_t row, Scratch& scratch) const;
};

struct Clean::Scratch {
  explicit Scratch(const Plan& plan)
      : walker(plan.tree, plan.spec.keep_unknown), slots(static_cast<size_t>(std::max(1, plan.tree.slots))) {}
  JsonWalker walker;
  std::vector<Slot> slots;
  records::CsvCells cells;
  std::string kept;
};

bool Clean::Plan::read_record(Batch& batch, uint32_t row, Scratch& scratch) const {
  const Record& record = batch.input.records[row];
  if (record.bytes.size() > static_cast<size_t>(spec.max_record_bytes)) {
    batch.reject(row, Reason::too_large, "",
                 fmt::format("the record has {} bytes, and max_record_bytes is {}", record.bytes.size(),
                             spec.max_record_bytes));
    return false;
  }
  return is_csv ? read_csv(batch, row, scratch) : read_json(batch, row, scratch);
}

bool Clean::Plan::read_json(Batch& batch, uint32_t row, Scratch& scratch) const {
  const Record& record = batch.input.records[row];
  if (record.is_null) {
    batch.reject(row, Reason::malformed_json, "", "the record has no value");
    return false;
  }
  switch (scratch.walker.walk(record.bytes, scratch.slots.data(), batch.input.padded)) {
    case JsonWalker::Outcome::object:
      return true;
    case JsonWalker::Outcome::not_an_object:
      batch.reject(row, Reason::not_an_object, "", "the record is JSON, but not an object");
      return false;
    case JsonWalker::Outcome::malformed:
      batch.reject(row, Reason::malformed_json, "",
                   fmt::format("the record is not JSON: {} (at byte {})", scratch.walker.problem(),
                               scratch.walker.problem_at()));
  }
  return false;
}

bool Clean::Plan::read_csv(Batch& batch, uint32_t row, Scratch& scratch) const {
  const std::string_view line = batch.input.records[row].bytes;
  auto& cells = scratch.cells.cells;
  const auto malformed = [&](std::string message) {
    batch.reject(row, Reason::malformed_csv, "", std::move(message));
    return false;
  };
  if (!simdjson::validate_utf8(line.data(), line.size())) return malformed("the line is not UTF-8");
  if (!scratch.cells.split(line)) return malformed("a quote stands where none may, or is not closed");
  if (cells.size() != columns.size())
    return malformed(
        fmt::format("the line has {} cells, and the header has {}", cells.size(), columns.size()));
  if (const std::string& unquoted = scratch.cells.unquoted; !unquoted.empty()) {
    // Cells without their doubled quotes must stay as long as the batch.
    const std::string_view copy = batch.arena.copy(unquoted);
    const std::less<const char*> before;
    for (auto& cell : cells)
      if (!before(cell.data(), unquoted.data()) && before(cell.data(), unquoted.data() + unquoted.size()))
        cell = copy.substr(static_cast<size_t>(cell.data() - unquoted.data()), cell.size());
  }
  for (auto& slot : scratch.slots) slot.kind = Slot::Kind::missing;
  for (size_t c = 0; c < cells.size(); ++c) {
    if (columns[c].slot < 0 || columns[c].is_repeated || cells[c].empty()) continue;
    Slot& slot = scratch.slots[static_cast<size_t>(columns[c].slot)];
    slot.kind = Slot::Kind::text;
    slot.escaped = false;
    slot.number.text = cells[c];
  }
  return true;
}

bool Clean::Plan::check_fields(Batch& batch, uint32_t row, Scratch& scratch) const {
  const Slot* slots = scratch.slots.data();
  for (size_t i = 0; i < checks.size(); ++i) {
    const FieldCheck& check = checks[i];
    const Slot& slot = slots[check.slot()];
    Reason reason{};
    if (check.run(slot, batch.columns[i], row, batch.arena, reason) != FieldCheck::Verdict::failed) continue;
    if (check.field().null_on_invalid) {
      ++batch.nulled[row];
      continue;
    }
    batch.nulled[row] = 0;
    batch.reject(row, reason, check.field().name, check.message(slot, reason));
    return false;
  }
  return true;
}

void Clean::Plan::check_lateness(Batch& batch, uint32_t row, const Lateness& lateness) const {
  const base::Instant event_time = batch.event_time[row];
  const base::Duration allowed = *spec.allowed_lateness;
  if (spec.lateness_by_arrival) {
    const base::Instant arrival = batch.input.records[row].time;
    if (arrival - event_time <= allowed) return;
    batch.reject(row, Reason::late, spec.event_time,
                 fmt::format("{} is more than {} before it arrived at {}", base::format_rfc3339(event_time),
                             base::format_duration(allowed), base::format_rfc3339(arrival)));
    return;
  }
  if (!lateness.watermark || event_time >= *lateness.watermark - allowed) return;
  batch.reject(row, Reason::late, spec.event_time,
               fmt::format("{} is more than {} before the watermark {}", base::format_rfc3339(event_time),
                           base::format_duration(allowed), base::format_rfc3339(*lateness.watermark)));
}

void Clean::Plan::keep_unknown(Batch& batch, uint32_t row, Scratch& scratch) const {
  scratch.kept.clear();
  if (is_csv) {
    for (size_t c = 0; c < columns.size(); ++c) {
      const std::string_view cell = scratch.cells.cells[c];
      if (columns[c].slot >= 0 || columns[c].is_repeated || cell.empty()) continue;
      if (!scratch.kept.empty()) scratch.kept += ',';
      scratch.kept += columns[c].quoted_name;
      scratch.kept += ':';
      append_quoted(cell, scratch.kept);
    }
  } else {
    scratch.walker.write_kept(scratch.kept);
  }
  batch.unknown[row] = batch.arena.copy(scratch.kept);
}

Clean::Clean(const FieldSpec& fields, std::vector<std::string> csv_header)
    : plan_(std::make_unique<Plan>(fields, csv_header)) {}

Clean::~Clean() = default;

std::shared_ptr<Clean::Scratch> Clean::make_scratch() const {
  return std::make_shared<Scratch>(*plan_);
}

void Clean::run(Batch& batch, Scratch& scratch, const Lateness& lateness) const {
  const Plan& plan = *plan_;
  const size_t rows = batch.size();
  if (batch.columns.size() < plan.checks.size()) batch.columns.resize(plan.checks.size());
  for (size_t i = 0; i < plan.checks.size(); ++i) batch.columns[i].resize(plan.spec.fields[i].type, rows);
  batch.state.assign(rows, RowState::live);
  batch.event_time.resize(rows);
  batch.passed.assign(rows, 0);
  batch.nulled.assign(rows, 0);
  if (plan.spec.keep_unknown)
    batch.unknown.assign(rows, {});
  else
    batch.unknown.clear();
  for (uint32_t row = 0; row < rows; ++row) {
    batch.event_time[row] = batch.input.records[row].time;
    if (!plan.read_record(batch, row, scratch) || !plan.check_fields(batch, row, scratch)) continue;
    batch.passed[row] = 1;
    if (plan.event_field >= 0)
      batch.event_time[row] =
          base::Instant(base::Duration(batch.columns[static_cast<size_t>(plan.event_field)].longs[row]));
    if (plan.spec.allowed_lateness) plan.check_lateness(batch, row, lateness);
    if (plan.spec.keep_unknown && batch.state[row] == RowState::live) plan.keep_unknown(batch, row, scratch);
  }
}

}  // namespace tamis::transforms
