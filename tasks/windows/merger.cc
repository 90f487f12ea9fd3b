#include "tasks/windows/merger.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "core/base/hash.h"
#include "tasks/windows/codec.h"
#include "tasks/windows/group_table.h"
#include "tasks/windows/json_text.h"
#include "tasks/windows/slice_order.h"
#include "tasks/windows/state_layout.h"

namespace tamis::windows {
namespace {

using records::Type;

/// Whether a key is made of the groups' types: what is looked up and written must be readable.
bool is_key(std::string_view key, const std::vector<Type>& types) {
  ByteReader in(key);
  for (const Type type : types) read_group(in, type);
  return in.done();
}

}  // namespace

struct Merger::State {
  State(const WindowKey& window_key, const WindowSpec& window_spec)
      : key(window_key), spec(window_spec), layout(window_spec), table(layout.empty) {
    for (const auto& group : spec.group_by) group_names.push_back(member_name(group));
    for (const auto& aggregate : spec.aggregates) aggregate_names.push_back(member_name(aggregate.name));
  }

  WindowKey key;
  WindowSpec spec;
  StateLayout layout;
  GroupTable table;
  Pool pool;
  base::Instant start{};
  int64_t span = 0;
  std::vector<std::string> origins;
  std::vector<std::string> group_names, aggregate_names;  ///< `"name":`

  // The last signature that was not ours: its units, and where they go (null: nowhere).
  std::string other_signature;
  std::vector<Unit> other_units;
  std::vector<const Unit*> targets;
  bool other_fits = false;
  std::vector<uint8_t> missing;  ///< by unit: a partial of this window doesn't have it

  uint32_t origin(std::string_view name) {
    for (size_t i = origins.size(); i > 0; --i)
      if (origins[i - 1] == name) return static_cast<uint32_t>(i - 1);
    origins.emplace_back(name);
    return static_cast<uint32_t>(origins.size() - 1);
  }

  void read_signature(std::string_view signature) {
    if (signature == other_signature) return;
    other_signature = signature;
    other_units.clear();
    targets.clear();
    const size_t bar = signature.find('|');
    other_fits = signature.substr(0, bar) == layout.groups;
    if (!other_fits || bar == signature.npos) return;
    for (size_t at = bar + 1; at < signature.size();) {
      const size_t comma = std::min(signature.find(',', at), signature.size());
      other_units.push_back(parse_unit(signature.substr(at, comma - at)));
      at = comma + 1;
    }
    for (const auto& unit : other_units) {
      const auto ours = std::find_if(layout.units.begin(), layout.units.end(), [&](const Unit& u) {
        return u.kind == unit.kind && u.field == unit.field && u.type == unit.type;
      });
      targets.push_back(ours == layout.units.end() ? nullptr : &*ours);
    }
  }

  void merge_groups(ByteReader& in, const PartialHeader& header, const Origins& from) {
    const bool is_ours = header.signature == layout.signature;
    if (!is_ours && header.groups != 0)
      for (size_t u = 0; u < layout.units.size(); ++u)
        if (std::find(targets.begin(), targets.end(), &layout.units[u]) == targets.end()) missing[u] = 1;
    Pool unused;
    for (uint64_t i = 0; i < header.groups; ++i) {
      const auto group = in.text();
      if (!is_key(group, spec.group_types)) ByteReader::corrupt();
      const int64_t at = start.time_since_epoch().count();
      char* row = table.find_or_add(GroupTable::mix(GroupTable::hash_key(group), at), at, group);
      if (is_ours) {
        for (const auto& unit : layout.units) merge_unit(unit, in, row, pool, from);
        continue;
      }
      for (size_t u = 0; u < other_units.size(); ++u) {
        if (targets[u] != nullptr) {
          merge_unit(*targets[u], in, row, pool, from);
          continue;
        }
        alignas(8) char scratch[64];
        Unit skipped = other_units[u];
        skipped.offset = 0;
        clear_unit(skipped, scratch);
        merge_unit(skipped, in, scratch, unused, from);
        unused.clear();
      }
    }
    if (!in.done()) ByteReader::corrupt();
  }

  void append_value(std::string& out, const std::string& name, Type type, int64_t bits) const;
  void append_aggregate(std::string& out, size_t i, const char* row) const;
};

Merger::Merger(const WindowKey& key, const WindowSpec& spec) : state_(std::make_unique<State>(key, spec)) {}
Merger::~Merger() = default;

void Merger::begin(base::Instant start) {
  state_->table.clear();
  state_->pool.clear();
  state_->origins.clear();
  state_->missing.assign(state_->layout.units.size(), 0);
  state_->start = start;
  state_->span = 0;
}

bool Merger::add(const StoredPartial& partial) {
  State& s = *state_;
  // Corrupt spans must not overflow; real ones are far from it.
  if (__builtin_add_overflow(s.span, partial.span, &s.span)) ByteReader::corrupt();
  ByteReader in(partial.bytes);
  const PartialHeader header = decode_header(in);
  if (header.signature != s.layout.signature) {
    s.read_signature(header.signature);
    if (!s.other_fits) return false;
  }
  Origins from;
  for (const auto& name : header.origins) from.numbers.push_back(s.origin(name));
  if (from.numbers.empty()) from.slice = s.origin(parse_slice_name(partial.slice).origin);
  from.names = &s.origins;
  s.merge_groups(in, header, from);
  return true;
}

size_t Merger::groups() const {
  return state_->table.size();
}
int64_t Merger::span() const {
  return state_->span;
}
bool Merger::is_complete() const {
  return std::none_of(state_->missing.begin(), state_->missing.end(), [](uint8_t m) { return m != 0; });
}

std::string Merger::encode() const {
  std::string out;
  encode_header(state_->layout, state_->origins, state_->table.size(), out);
  state_->table.each([&](const char* row) {
    encode_group(state_->layout, state_->table.key_of(row), row, !state_->origins.empty(), out);
  });
  return out;
}

void Merger::State::append_value(std::string& out, const std::string& name, Type type, int64_t bits) const {
  const size_t before = out.size();
  out += name;
  bool written = true;
  switch (type) {
    case Type::double_:
      written = append_double(out, std::bit_cast<double>(bits));
      break;
    case Type::timestamp:
      written = append_timestamp(out, base::Instant(base::Duration(bits)));
      break;
    case Type::boolean:
      out += bits != 0 ? "true" : "false";
      break;
    default:
      append_long(out, bits);
  }
  if (!written) out.resize(before);
}

void Merger::State::append_aggregate(std::string& out, size_t i, const char* row) const {
  if (missing[layout.outputs[i].unit] || missing[layout.outputs[i].count]) return;
  const Aggregate& aggregate = spec.aggregates[i];
  const Unit& unit = layout.units[layout.outputs[i].unit];
  const Unit& counting = layout.units[layout.outputs[i].count];
  const std::string& name = aggregate_names[i];
  const auto number = [&](double value) {
    append_value(out, name, Type::double_, std::bit_cast<int64_t>(value));
  };
  const auto text = [&](const TextState& value) {
    if (value.bytes == nullptr) return;
    out += name;
    append_text(out, value.view());
  };
  const uint64_t count = counting.kind == UnitKind::count ? state_at<uint64_t>(row, counting) : 1;
  if (count == 0 && unit.kind != UnitKind::count) return;
  switch (unit.kind) {
    case UnitKind::records:
    case UnitKind::count:
      append_value(out, name, Type::long_, static_cast<int64_t>(state_at<uint64_t>(row, unit)));
      break;
    case UnitKind::sum_long: {
      const Int128 sum = state_at<LongSum>(row, unit).value();
      if (aggregate.function == Function::avg)
        return number(static_cast<double>(sum) / static_cast<double>(count));
      if (sum == static_cast<int64_t>(sum)) append_value(out, name, Type::long_, static_cast<int64_t>(sum));
      break;
    }
    case UnitKind::sum_double: {
      const double sum = state_at<DoubleSum>(row, unit).value();
      number(aggregate.function == Function::avg ? sum / static_cast<double>(count) : sum);
      break;
    }
    case UnitKind::min_long:
    case UnitKind::max_long:
      append_value(out, name, unit.type, state_at<int64_t>(row, unit));
      break;
    case UnitKind::min_double:
    case UnitKind::max_double:
      number(state_at<double>(row, unit));
      break;
    case UnitKind::min_text:
    case UnitKind::max_text:
      text(state_at<TextState>(row, unit));
      break;
    case UnitKind::moments: {
      const auto& moments = state_at<Moments>(row, unit);
      if (moments.count != 0) number(std::sqrt(moments.squares / static_cast<double>(moments.count)));
      break;
    }
    case UnitKind::first:
    case UnitKind::last:
      if (!state_at<Moment>(row, unit).is_set) return;
      if (unit.type == Type::keyword)
        text(state_at<TextAt>(row, unit).text);
      else
        append_value(out, name, unit.type, static_cast<int64_t>(state_at<NumberAt>(row, unit).bits));
      break;
    case UnitKind::distinct:
      append_value(out, name, Type::long_, static_cast<int64_t>(state_at<Distinct>(row, unit).count()));
      break;
    case UnitKind::quantiles: {
      const auto& quantiles = state_at<Quantiles>(row, unit);
      if (quantiles.count() == 0) return;
      const uint32_t percent = aggregate.function == Function::p50   ? 50
                               : aggregate.function == Function::p90 ? 90
                               : aggregate.function == Function::p95 ? 95
                                                                     : 99;
      number(quantiles.at(percent));
      break;
    }
  }
}

void Merger::documents(uint32_t index, int64_t version, records::DocumentBatch& batch,
                       const std::function<uint32_t()>& added) const {
  const State& s = *state_;
  std::string head = "{\"@timestamp\":";
  append_bound(head, s.start);
  head += ",\"window_start\":";
  append_bound(head, s.start);
  head += ",\"window_end\":";
  append_bound(head, s.start + s.spec.size);
  std::string identity;
  for (const auto* part : {&s.key.dag_id, &s.key.task_id, &s.key.window}) put_text(identity, *part);
  put_fixed(identity, s.start.time_since_epoch().count());
  const size_t identity_size = identity.size();

  s.table.each([&](const char* row) {
    const auto key = s.table.key_of(row);
    records::DocumentBatch::Entry entry;
    entry.index = index;
    entry.row = index;
    entry.version = version;
    entry.id = batch.bytes.size();
    identity.resize(identity_size);
    identity += key;
    batch.bytes += base::hash128_hex(identity);
    entry.id_size = static_cast<uint32_t>(batch.bytes.size() - entry.id);
    batch.bytes += head;
    ByteReader in(key);
    for (size_t i = 0; i < s.spec.group_by.size(); ++i) {
      const GroupValue value = read_group(in, s.spec.group_types[i]);
      if (value.is_null) continue;
      if (s.spec.group_types[i] == Type::keyword) {
        batch.bytes += s.group_names[i];
        append_text(batch.bytes, value.text);
      } else {
        s.append_value(batch.bytes, s.group_names[i], s.spec.group_types[i], value.number);
      }
    }
    for (size_t i = 0; i < s.spec.aggregates.size(); ++i) s.append_aggregate(batch.bytes, i, row);
    batch.bytes += '}';
    entry.body_size = static_cast<uint32_t>(batch.bytes.size() - entry.id - entry.id_size);
    batch.entries.push_back(entry);
    index = added();
  });
}

}  // namespace tamis::windows
