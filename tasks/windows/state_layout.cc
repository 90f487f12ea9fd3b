#include "tasks/windows/state_layout.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <new>

namespace tamis::windows {
namespace {

using records::Type;

constexpr std::array<std::string_view, 15> kind_names = {
    "records",  "count",    "sum_long", "sum_double", "min_long", "max_long", "min_double", "max_double",
    "min_text", "max_text", "moments",  "first",      "last",     "distinct", "quantiles"};

UnitKind minimum_of(Type type) {
  return type == Type::keyword   ? UnitKind::min_text
         : type == Type::double_ ? UnitKind::min_double
                                 : UnitKind::min_long;
}
UnitKind maximum_of(Type type) {
  return type == Type::keyword   ? UnitKind::max_text
         : type == Type::double_ ? UnitKind::max_double
                                 : UnitKind::max_long;
}
UnitKind sum_of(Type type) {
  return type == Type::double_ ? UnitKind::sum_double : UnitKind::sum_long;
}

UnitKind kind_of(const Aggregate& aggregate) {
  switch (aggregate.function) {
    case Function::count:
      return aggregate.field.empty() ? UnitKind::records : UnitKind::count;
    case Function::sum:
    case Function::avg:
      return sum_of(aggregate.input);
    case Function::min:
      return minimum_of(aggregate.input);
    case Function::max:
      return maximum_of(aggregate.input);
    case Function::stddev:
      return UnitKind::moments;
    case Function::first:
      return UnitKind::first;
    case Function::last:
      return UnitKind::last;
    case Function::distinct:
      return UnitKind::distinct;
    default:
      return UnitKind::quantiles;
  }
}

/// Which know by themselves that they saw nothing.
bool needs_count(UnitKind kind) {
  switch (kind) {
    case UnitKind::sum_long:
    case UnitKind::sum_double:
    case UnitKind::min_long:
    case UnitKind::max_long:
    case UnitKind::min_double:
    case UnitKind::max_double:
      return true;
    default:
      return false;
  }
}

}  // namespace

uint32_t unit_size(const Unit& unit) {
  switch (unit.kind) {
    case UnitKind::sum_long:
      return sizeof(LongSum);
    case UnitKind::sum_double:
      return sizeof(DoubleSum);
    case UnitKind::min_text:
    case UnitKind::max_text:
      return sizeof(TextState);
    case UnitKind::moments:
      return sizeof(Moments);
    case UnitKind::first:
    case UnitKind::last:
      return unit.type == Type::keyword ? sizeof(TextAt) : sizeof(NumberAt);
    default:
      return 8;
  }
}

void clear_unit(const Unit& unit, char* state) {
  switch (unit.kind) {
    case UnitKind::records:
    case UnitKind::count:
      new (state) uint64_t(0);
      break;
    case UnitKind::sum_long:
      new (state) LongSum();
      break;
    case UnitKind::sum_double:
      new (state) DoubleSum();
      break;
    case UnitKind::min_long:
      new (state) int64_t(std::numeric_limits<int64_t>::max());
      break;
    case UnitKind::max_long:
      new (state) int64_t(std::numeric_limits<int64_t>::min());
      break;
    case UnitKind::min_double:
      new (state) double(std::numeric_limits<double>::infinity());
      break;
    case UnitKind::max_double:
      new (state) double(-std::numeric_limits<double>::infinity());
      break;
    case UnitKind::min_text:
    case UnitKind::max_text:
      new (state) TextState();
      break;
    case UnitKind::moments:
      new (state) Moments();
      break;
    case UnitKind::first:
    case UnitKind::last:
      if (unit.type == Type::keyword)
        new (state) TextAt{};
      else
        new (state) NumberAt{};
      break;
    case UnitKind::distinct:
      new (state) Distinct();
      break;
    case UnitKind::quantiles:
      new (state) Quantiles();
      break;
  }
}

std::string unit_word(const Unit& unit) {
  const auto name = kind_names[static_cast<size_t>(unit.kind)];
  if (unit.kind == UnitKind::records) return std::string(name);
  return fmt::format("{}({}:{})", name, unit.field, records::type_name(unit.type));
}

Unit parse_unit(std::string_view word) {
  Unit unit;
  const size_t open = word.find('('), colon = word.find(':');
  const auto name = word.substr(0, open);
  const auto found = std::find(kind_names.begin(), kind_names.end(), name);
  if (found == kind_names.end()) ByteReader::corrupt();
  unit.kind = static_cast<UnitKind>(found - kind_names.begin());
  if (unit.kind == UnitKind::records) return unit;
  if (open == word.npos || colon == word.npos || colon < open || !word.ends_with(')')) ByteReader::corrupt();
  unit.field = word.substr(open + 1, colon - open - 1);
  const auto type = word.substr(colon + 1, word.size() - colon - 2);
  for (const Type t : {Type::keyword, Type::long_, Type::double_, Type::boolean, Type::timestamp}) {
    if (records::type_name(t) == type) {
      unit.type = t;
      return unit;
    }
  }
  ByteReader::corrupt();
}

StateLayout::StateLayout(const WindowSpec& spec) {
  const auto place = [&](UnitKind kind, const std::string& field, Type type) {
    for (size_t i = 0; i < units.size(); ++i)
      if (units[i].kind == kind && units[i].field == field) return static_cast<uint32_t>(i);
    units.push_back({kind, field, type, size});
    size += unit_size(units.back());
    return static_cast<uint32_t>(units.size() - 1);
  };
  for (const auto& aggregate : spec.aggregates) {
    const UnitKind kind = kind_of(aggregate);
    const Type type = kind == UnitKind::records ? Type::long_ : aggregate.input;
    Output output;
    output.unit = place(kind, aggregate.field, type);
    output.count = needs_count(kind) ? place(UnitKind::count, aggregate.field, type) : output.unit;
    outputs.push_back(output);
  }
  empty.resize(size);
  for (const auto& unit : units) clear_unit(unit, empty.data() + unit.offset);

  groups = std::to_string(spec.size.count());
  for (size_t i = 0; i < spec.group_by.size(); ++i)
    groups += fmt::format(" {}:{}", spec.group_by[i], records::type_name(spec.group_types[i]));
  signature = groups + "|";
  for (const auto& unit : units) signature += unit_word(unit) + ",";
}

}  // namespace tamis::windows
