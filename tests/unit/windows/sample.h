// Records for the tests of windows: rows as plain values, made into batches, partials and documents.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/windows/merger.h"
#include "tasks/windows/window.h"

namespace tamis::windows::sample {

struct Row {
  int64_t time = 0;  ///< microseconds
  int64_t offset = 0;
  std::optional<std::string> g, s;
  std::optional<double> v;
  std::optional<int64_t> n;
  std::optional<bool> b;
  std::optional<int64_t> t;
  records::RowState state = records::RowState::live;
  bool is_lookback = false;
};

inline records::Layout layout() {
  using records::Type;
  return {{{"g", Type::keyword, 0},
           {"s", Type::keyword, 1},
           {"v", Type::double_, 2},
           {"n", Type::long_, 3},
           {"b", Type::boolean, 4},
           {"t", Type::timestamp, 5}}};
}

/// The batch's texts are those of `rows`, which must outlive it.
inline records::Batch batch(const std::vector<Row>& rows) {
  records::Batch batch;
  for (const auto& field : layout().fields) batch.columns.emplace_back().resize(field.type, rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    records::Record record;
    record.offset = row.offset;
    record.is_lookback = row.is_lookback;
    batch.input.records.push_back(record);
    batch.state.push_back(row.state);
    batch.event_time.emplace_back(base::Duration(row.time));
    auto& columns = batch.columns;
    if ((columns[0].valid[i] = row.g.has_value())) columns[0].texts[i] = *row.g;
    if ((columns[1].valid[i] = row.s.has_value())) columns[1].texts[i] = *row.s;
    if ((columns[2].valid[i] = row.v.has_value())) columns[2].doubles[i] = *row.v;
    if ((columns[3].valid[i] = row.n.has_value())) columns[3].longs[i] = *row.n;
    if ((columns[4].valid[i] = row.b.has_value())) columns[4].longs[i] = *row.b ? 1 : 0;
    if ((columns[5].valid[i] = row.t.has_value())) columns[5].longs[i] = *row.t;
  }
  return batch;
}

inline Aggregate aggregate(const std::string& name, Function function, const std::string& field = "") {
  Aggregate a{name, function, field};
  if (!field.empty()) a.input = layout().find(field)->type;
  return a;
}

inline WindowSpec spec(base::Duration size, base::Duration slide, std::vector<std::string> groups,
                       std::vector<Aggregate> aggregates) {
  WindowSpec spec{"w", size, slide, std::move(groups), {}, std::move(aggregates)};
  for (const auto& group : spec.group_by) spec.group_types.push_back(layout().find(group)->type);
  return spec;
}

inline std::vector<Partial> partials(const WindowSpec& spec, const std::vector<Row>& rows,
                                     size_t batch_rows = 1000) {
  WindowSet set({spec}, layout());
  for (size_t at = 0; at < rows.size(); at += batch_rows) {
    const std::vector<Row> part(rows.begin() + static_cast<long>(at),
                                rows.begin() + static_cast<long>(std::min(at + batch_rows, rows.size())));
    set.add(batch(part));
  }
  return set.finish(0);
}

struct Slice {
  std::string name;
  std::vector<Row> rows;
};

inline WindowKey key() {
  return {"dag", "clean", "w"};
}

inline std::vector<base::Json> documents_of(const Merger& merger, int64_t version = 0) {
  records::DocumentBatch batch;
  merger.documents(0, version, batch, [] { return 0u; });
  std::vector<base::Json> documents;
  for (const auto& entry : batch.entries) documents.push_back(base::Json::parse(batch.body(entry)));
  return documents;
}

/// All documents of all windows that the slices' rows fall into, by window start, in order.
inline std::vector<base::Json> documents(const WindowSpec& spec, const std::vector<Slice>& slices) {
  std::map<base::Instant, std::vector<StoredPartial>> windows;
  for (const auto& slice : slices)
    for (auto& partial : partials(spec, slice.rows))
      windows[partial.start].push_back(
          {slice.name, static_cast<int64_t>(slice.rows.size()), std::move(partial.bytes), false});
  std::vector<base::Json> all;
  Merger merger(key(), spec);
  for (auto& [start, stored] : windows) {
    merger.begin(start);
    for (const auto& partial : stored) merger.add(partial);
    for (auto& document : documents_of(merger)) all.push_back(std::move(document));
  }
  return all;
}

}  // namespace tamis::windows::sample
