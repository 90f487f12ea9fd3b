#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/error.h"
#include "tasks/windows/codec.h"
#include "tasks/windows/group_table.h"
#include "tasks/windows/state_layout.h"
#include "tasks/windows/window.h"

namespace tamis::windows {
namespace {

using records::Batch;
using records::Column;
using records::Type;

/// Records that are looked up together, so that memory is fetched for all of them at once.
constexpr size_t block_size = 128;

/// Records of a batch and the groups they fall into.
struct Block {
  size_t size = 0;
  std::array<uint32_t, block_size> rows;
  std::array<char*, block_size> groups;
};

/// Calls `add(state, row)` for each record of the block whose value is not null.
template <typename State, typename Add>
void each_value(const Block& block, const Unit& unit, const Column& column, Add add) {
  const uint8_t* valid = column.valid.data();
  for (size_t i = 0; i < block.size; ++i) {
    const uint32_t row = block.rows[i];
    if (valid[row]) add(state_at<State>(block.groups[i], unit), row);
  }
}

bool is_earlier(int64_t time, int64_t offset, const Moment& held) {
  return time < held.time || (time == held.time && offset < held.offset);
}
bool is_later(int64_t time, int64_t offset, const Moment& held) {
  return time > held.time || (time == held.time && offset > held.offset);
}

/// Equal values have equal bits: there is one zero.
uint64_t bits_of(const Column& column, uint32_t row) {
  return column.type == Type::double_ ? std::bit_cast<uint64_t>(column.doubles[row] + 0.0)
                                      : static_cast<uint64_t>(column.longs[row]);
}

template <bool is_first>
void add_moments(const Block& block, const Unit& unit, const Column& column, const Batch& batch, Pool& pool) {
  const auto takes = [&](const Moment& held, uint32_t row) {
    const int64_t time = batch.event_time[row].time_since_epoch().count(),
                  offset = batch.input.records[row].offset;
    return !held.is_set || (is_first ? is_earlier(time, offset, held) : is_later(time, offset, held));
  };
  const auto at = [&](uint32_t row) {
    return Moment{batch.event_time[row].time_since_epoch().count(), batch.input.records[row].offset, 0, 1};
  };
  if (unit.type == Type::keyword)
    each_value<TextAt>(block, unit, column, [&](TextAt& held, uint32_t row) {
      if (!takes(held.at, row)) return;
      held.at = at(row);
      held.text.set(column.texts[row], pool);
    });
  else
    each_value<NumberAt>(block, unit, column, [&](NumberAt& held, uint32_t row) {
      if (takes(held.at, row)) held = {at(row), bits_of(column, row)};
    });
}

void add_unit(const Block& block, const Unit& unit, const Column& column, const Batch& batch, Pool& pool) {
  const int64_t* longs = column.longs.data();
  const double* doubles = column.doubles.data();
  const bool is_double = column.type == Type::double_;
  switch (unit.kind) {
    case UnitKind::records:
      break;
    case UnitKind::count:
      for (size_t i = 0; i < block.size; ++i)
        state_at<uint64_t>(block.groups[i], unit) += column.valid[block.rows[i]] != 0;
      break;
    case UnitKind::sum_long:
      each_value<LongSum>(block, unit, column, [=](LongSum& sum, uint32_t row) { sum.add(longs[row]); });
      break;
    case UnitKind::sum_double:
      each_value<DoubleSum>(block, unit, column,
                            [=](DoubleSum& sum, uint32_t row) { sum.add(doubles[row]); });
      break;
    case UnitKind::min_long:
      each_value<int64_t>(block, unit, column,
                          [=](int64_t& held, uint32_t row) { held = std::min(held, longs[row]); });
      break;
    case UnitKind::max_long:
      each_value<int64_t>(block, unit, column,
                          [=](int64_t& held, uint32_t row) { held = std::max(held, longs[row]); });
      break;
    case UnitKind::min_double:
      each_value<double>(block, unit, column,
                         [=](double& held, uint32_t row) { held = std::min(held, doubles[row]); });
      break;
    case UnitKind::max_double:
      each_value<double>(block, unit, column,
                         [=](double& held, uint32_t row) { held = std::max(held, doubles[row]); });
      break;
    case UnitKind::min_text:
      each_value<TextState>(block, unit, column, [&](TextState& held, uint32_t row) {
        if (held.bytes == nullptr || column.texts[row] < held.view()) held.set(column.texts[row], pool);
      });
      break;
    case UnitKind::max_text:
      each_value<TextState>(block, unit, column, [&](TextState& held, uint32_t row) {
        if (held.bytes == nullptr || held.view() < column.texts[row]) held.set(column.texts[row], pool);
      });
      break;
    case UnitKind::moments:
      each_value<Moments>(block, unit, column, [=](Moments& moments, uint32_t row) {
        moments.add(is_double ? doubles[row] : static_cast<double>(longs[row]));
      });
      break;
    case UnitKind::first:
      add_moments<true>(block, unit, column, batch, pool);
      break;
    case UnitKind::last:
      add_moments<false>(block, unit, column, batch, pool);
      break;
    case UnitKind::distinct:
      each_value<Distinct>(block, unit, column, [&](Distinct& distinct, uint32_t row) {
        if (column.type == Type::keyword) return distinct.add(base::hash64(column.texts[row]), pool);
        const uint64_t bits = bits_of(column, row);
        distinct.add(base::hash64({reinterpret_cast<const char*>(&bits), sizeof bits}), pool);
      });
      break;
    case UnitKind::quantiles:
      each_value<Quantiles>(block, unit, column, [&](Quantiles& quantiles, uint32_t row) {
        quantiles.add(is_double ? doubles[row] : static_cast<double>(longs[row]), pool);
      });
      break;
  }
}

/// The aggregation of one window spec.
class Aggregation {
 public:
  Aggregation(const WindowSpec& spec, const records::Layout& layout)
      : layout_(spec), table_(layout_.empty), size_(spec.size.count()), slide_(spec.slide.count()) {
    const auto column_of = [&](const std::string& field) {
      const auto* found = layout.find(field);
      if (found == nullptr)
        throw base::Error("window \"{}\" needs a field \"{}\", which is not there", spec.name, field);
      return found->column;
    };
    for (const auto& group : spec.group_by) groups_.push_back(column_of(group));
    for (const auto& unit : layout_.units)
      columns_.push_back(unit.kind == UnitKind::records ? 0 : column_of(unit.field));
  }

  void add(const Batch& batch, const std::vector<uint32_t>& rows) {
    keys_end_ = 0;
    for (const uint32_t row : rows) {
      size_t key = make_key(batch, row);
      uint64_t hash = GroupTable::hash_key(std::string_view(keys_.data() + key, keys_end_ - key));
      const int64_t time = batch.event_time[row].time_since_epoch().count();
      // The last window that holds the time, then those before it.
      if (time < newest_ || time - newest_ >= slide_) newest_ = floor_to_slide(time);
      for (int64_t start = newest_; time - start < size_; start -= slide_) {
        if (block_.size == block_size) {
          flush(batch);
          key = make_key(batch, row);
        }
        enlist(row, key, keys_end_ - key, hash, start);
      }
    }
    flush(batch);
  }

  size_t groups() const { return table_.size(); }
  size_t memory() const { return table_.memory() + pool_.memory(); }

  std::vector<Partial> finish() const {
    struct Row {
      int64_t start;
      const char* row;
    };
    std::vector<Row> rows;
    rows.reserve(table_.size());
    table_.each([&](const char* row) { rows.push_back({table_.start_of(row), row}); });
    const auto by_start = [](const Row& a, const Row& b) { return a.start < b.start; };
    if (!std::is_sorted(rows.begin(), rows.end(), by_start))
      std::stable_sort(rows.begin(), rows.end(), by_start);
    std::vector<Partial> partials;
    for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
      while (end < rows.size() && rows[end].start == rows[begin].start) ++end;
      Partial partial;
      partial.start = base::Instant(base::Duration(rows[begin].start));
      partial.groups = end - begin;
      encode_header(layout_, {}, partial.groups, partial.bytes);
      for (size_t i = begin; i < end; ++i)
        encode_group(layout_, table_.key_of(rows[i].row), rows[i].row, false, partial.bytes);
      partials.push_back(std::move(partial));
    }
    return partials;
  }

 private:
  int64_t floor_to_slide(int64_t time) const {
    const int64_t rest = time % slide_;
    return time - (rest < 0 ? rest + slide_ : rest);
  }

  /// Appends the group's key of a row (see put_group); returns where it begins.
  size_t make_key(const Batch& batch, uint32_t row) {
    const size_t begin = keys_end_;
    for (const uint32_t number : groups_) {
      const Column& column = batch.columns[number];
      const bool is_text = column.type == Type::keyword && column.valid[row];
      const size_t most = is_text ? column.texts[row].size() + 11 : 9;
      if (keys_end_ + most > keys_.size()) keys_.resize(2 * (keys_end_ + most));
      char* at = keys_.data() + keys_end_;
      if (!column.valid[row])
        at = put_group_null(at);
      else if (is_text)
        at = put_group(at, column.texts[row]);
      else if (column.type == Type::boolean)
        at = put_group_boolean(at, column.longs[row] != 0);
      else
        at = put_group(at, static_cast<int64_t>(bits_of(column, row)));
      keys_end_ = static_cast<size_t>(at - keys_.data());
    }
    return begin;
  }

  void enlist(uint32_t row, size_t key, size_t key_size, uint64_t hash, int64_t start) {
    const size_t i = block_.size++;
    block_.rows[i] = row;
    key_begins_[i] = static_cast<uint32_t>(key);
    key_sizes_[i] = static_cast<uint32_t>(key_size);
    starts_[i] = start;
    hashes_[i] = GroupTable::mix(hash, start);
    table_.prefetch_slot(hashes_[i]);
  }

  void flush(const Batch& batch) {
    const size_t size = block_.size;
    for (size_t i = 0; i < size; ++i) table_.prefetch_row(hashes_[i]);
    for (size_t i = 0; i < size; ++i)
      block_.groups[i] =
          table_.find_or_add(hashes_[i], starts_[i], {keys_.data() + key_begins_[i], key_sizes_[i]});
    for (size_t u = 0; u < layout_.units.size(); ++u) {
      const Unit& unit = layout_.units[u];
      if (unit.kind == UnitKind::records)
        for (size_t i = 0; i < size; ++i) ++state_at<uint64_t>(block_.groups[i], unit);
      else
        add_unit(block_, unit, batch.columns[columns_[u]], batch, pool_);
    }
    block_.size = 0;
    keys_end_ = 0;
  }

  StateLayout layout_;
  GroupTable table_;
  Pool pool_;
  int64_t size_, slide_;
  int64_t newest_ = 0;  ///< start of the last window that the record before fell into
  std::vector<uint32_t> groups_, columns_;
  Block block_;
  std::vector<char> keys_;
  size_t keys_end_ = 0;
  std::array<uint32_t, block_size> hashes_, key_begins_, key_sizes_;
  std::array<int64_t, block_size> starts_;
};

}  // namespace

struct WindowSet::State {
  std::vector<std::unique_ptr<Aggregation>> windows;
  std::vector<uint32_t> rows;
};

WindowSet::WindowSet(const std::vector<WindowSpec>& specs, const records::Layout& layout)
    : state_(std::make_unique<State>()) {
  for (const auto& spec : specs) state_->windows.push_back(std::make_unique<Aggregation>(spec, layout));
}

WindowSet::~WindowSet() = default;

void WindowSet::add(const Batch& batch) {
  auto& rows = state_->rows;
  rows.clear();
  for (uint32_t row = 0; row < batch.size(); ++row)
    if (batch.state[row] == records::RowState::live && !batch.input.records[row].is_lookback)
      rows.push_back(row);
  for (auto& window : state_->windows) window->add(batch, rows);
}

uint64_t WindowSet::groups() const {
  uint64_t groups = 0;
  for (const auto& window : state_->windows) groups += window->groups();
  return groups;
}

size_t WindowSet::memory() const {
  size_t bytes = 0;
  for (const auto& window : state_->windows) bytes += window->memory();
  return bytes;
}

std::vector<Partial> WindowSet::finish(size_t i) {
  return state_->windows.at(i)->finish();
}

}  // namespace tamis::windows
