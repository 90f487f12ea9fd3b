#include "tasks/windows/codec.h"

#include <algorithm>

#include "core/base/short_bytes.h"
#include "tasks/windows/slice_order.h"

namespace tamis::windows {
namespace {

using records::Type;

enum : char { absent = 0, present = 1, present_true = 2 };

void encode_text(const TextState& text, std::string& out) {
  put_varint(out, text.bytes == nullptr ? 0 : uint64_t{text.size} + 1);
  out.append(text.view());
}

/// Empty (without data) for none.
std::string_view decode_text(ByteReader& in) {
  const uint64_t size = in.varint();
  if (size == 0) return {};
  const auto text = in.bytes(size - 1);
  // A Block's sizes are 32 bits.
  if (text.size() > std::numeric_limits<uint32_t>::max() / 2) ByteReader::corrupt();
  return text.data() == nullptr ? std::string_view("") : text;
}

void encode_moment(const Moment& at, bool with_origins, std::string& out) {
  put_signed(out, at.time);
  put_signed(out, at.offset);
  if (with_origins) put_varint(out, at.origin);
}

Moment decode_moment(ByteReader& in, const Origins& origins) {
  Moment at{};
  at.time = in.signed_number();
  at.offset = in.signed_number();
  at.origin = origins.slice;
  if (!origins.numbers.empty()) {
    const uint64_t origin = in.varint();
    if (origin >= origins.numbers.size()) ByteReader::corrupt();
    at.origin = origins.numbers[origin];
  }
  at.is_set = 1;
  return at;
}

bool is_before(const Moment& a, const Moment& b, const Origins& origins) {
  if (a.time != b.time) return a.time < b.time;
  if (a.offset != b.offset) return a.offset < b.offset;
  return a.origin != b.origin && origin_before((*origins.names)[a.origin], (*origins.names)[b.origin]);
}

/// Whether a decoded value takes the place of what is held.
bool takes_over(const Unit& unit, const Moment& held, const Moment& read, const Origins& origins) {
  if (!held.is_set) return true;
  return unit.kind == UnitKind::first ? is_before(read, held, origins) : is_before(held, read, origins);
}

void encode_unit(const Unit& unit, const char* group, bool with_origins, std::string& out) {
  switch (unit.kind) {
    case UnitKind::records:
    case UnitKind::count:
      put_varint(out, state_at<uint64_t>(group, unit));
      break;
    case UnitKind::sum_long: {
      const Int128 sum = state_at<LongSum>(group, unit).value();
      put_varint(out, (static_cast<Uint128>(sum) << 1) ^ static_cast<Uint128>(sum >> 127));
      break;
    }
    case UnitKind::sum_double: {
      const auto& sum = state_at<DoubleSum>(group, unit);
      out.push_back(sum.low == 0 ? absent : present);
      put_fixed(out, sum.high);
      if (sum.low != 0) put_fixed(out, sum.low);
      break;
    }
    case UnitKind::min_long:
    case UnitKind::max_long:
      put_signed(out, state_at<int64_t>(group, unit));
      break;
    case UnitKind::min_double:
    case UnitKind::max_double:
      put_fixed(out, state_at<double>(group, unit));
      break;
    case UnitKind::min_text:
    case UnitKind::max_text:
      encode_text(state_at<TextState>(group, unit), out);
      break;
    case UnitKind::moments: {
      const auto& moments = state_at<Moments>(group, unit);
      put_varint(out, moments.count);
      if (moments.count == 0) break;
      put_fixed(out, moments.mean);
      put_fixed(out, moments.squares);
      break;
    }
    case UnitKind::first:
    case UnitKind::last: {
      const auto& at = state_at<Moment>(group, unit);
      out.push_back(at.is_set ? present : absent);
      if (!at.is_set) break;
      encode_moment(at, with_origins, out);
      if (unit.type == Type::keyword)
        encode_text(state_at<TextAt>(group, unit).text, out);
      else
        put_fixed(out, state_at<NumberAt>(group, unit).bits);
      break;
    }
    case UnitKind::distinct:
      state_at<Distinct>(group, unit).encode(out);
      break;
    case UnitKind::quantiles:
      state_at<Quantiles>(group, unit).encode(out);
      break;
  }
}

}  // namespace

void encode_header(const StateLayout& layout, const std::vector<std::string>& origins, uint64_t groups,
                   std::string& out) {
  out.push_back(static_cast<char>(partial_version));
  put_text(out, layout.signature);
  put_varint(out, origins.size());
  for (const auto& origin : origins) put_text(out, origin);
  put_varint(out, groups);
}

void encode_group(const StateLayout& layout, std::string_view key, const char* state, bool with_origins,
                  std::string& out) {
  put_text(out, key);
  for (const auto& unit : layout.units) encode_unit(unit, state, with_origins, out);
}

PartialHeader decode_header(ByteReader& in) {
  const auto version = in.fixed<uint8_t>();
  if (version != partial_version)
    throw base::Error(
        "a stored partial of a window has version {}, this program reads version {}: use the newer program",
        version, partial_version);
  PartialHeader header;
  header.signature = in.text();
  const uint64_t origins = in.varint();
  if (origins > in.left()) ByteReader::corrupt();
  for (uint64_t i = 0; i < origins; ++i) header.origins.emplace_back(in.text());
  header.groups = in.varint();
  return header;
}

void merge_unit(const Unit& unit, ByteReader& in, char* group, Pool& pool, const Origins& origins) {
  switch (unit.kind) {
    case UnitKind::records:
    case UnitKind::count:
      state_at<uint64_t>(group, unit) += in.varint();
      break;
    case UnitKind::sum_long: {
      const auto value = in.varint<Uint128>();
      state_at<LongSum>(group, unit).add(static_cast<Int128>((value >> 1) ^ (~(value & 1) + 1)));
      break;
    }
    case UnitKind::sum_double: {
      DoubleSum sum;
      const auto has_low = in.fixed<char>();
      sum.high = in.fixed<double>();
      if (has_low != absent) sum.low = in.fixed<double>();
      state_at<DoubleSum>(group, unit).merge(sum);
      break;
    }
    case UnitKind::min_long: {
      auto& least = state_at<int64_t>(group, unit);
      least = std::min(least, in.signed_number());
      break;
    }
    case UnitKind::max_long: {
      auto& greatest = state_at<int64_t>(group, unit);
      greatest = std::max(greatest, in.signed_number());
      break;
    }
    case UnitKind::min_double: {
      auto& least = state_at<double>(group, unit);
      least = std::min(least, in.fixed<double>());
      break;
    }
    case UnitKind::max_double: {
      auto& greatest = state_at<double>(group, unit);
      greatest = std::max(greatest, in.fixed<double>());
      break;
    }
    case UnitKind::min_text:
    case UnitKind::max_text: {
      const auto text = decode_text(in);
      if (text.data() == nullptr) break;
      auto& held = state_at<TextState>(group, unit);
      const bool better = unit.kind == UnitKind::min_text ? text < held.view() : held.view() < text;
      if (held.bytes == nullptr || better) held.set(text, pool);
      break;
    }
    case UnitKind::moments: {
      Moments moments;
      moments.count = in.varint();
      if (moments.count == 0) break;
      moments.mean = in.fixed<double>();
      moments.squares = in.fixed<double>();
      state_at<Moments>(group, unit).merge(moments);
      break;
    }
    case UnitKind::first:
    case UnitKind::last: {
      if (in.fixed<char>() == absent) break;
      const Moment at = decode_moment(in, origins);
      if (unit.type == Type::keyword) {
        const auto text = decode_text(in);
        if (text.data() == nullptr) ByteReader::corrupt();
        auto& held = state_at<TextAt>(group, unit);
        if (!takes_over(unit, held.at, at, origins)) break;
        held.at = at;
        held.text.set(text, pool);
      } else {
        const auto bits = in.fixed<uint64_t>();
        auto& held = state_at<NumberAt>(group, unit);
        if (takes_over(unit, held.at, at, origins)) held = {at, bits};
      }
      break;
    }
    case UnitKind::distinct:
      state_at<Distinct>(group, unit).merge(in, pool);
      break;
    case UnitKind::quantiles:
      state_at<Quantiles>(group, unit).merge(in, pool);
      break;
  }
}

char* put_group(char* out, std::string_view text) {
  *out++ = present;
  uint64_t size = text.size();
  for (; size >= 128; size >>= 7) *out++ = static_cast<char>(size | 128);
  *out++ = static_cast<char>(size);
  base::copy_short(out, text.data(), text.size());
  return out + text.size();
}

char* put_group(char* out, int64_t number) {
  *out++ = present;
  std::memcpy(out, &number, sizeof number);
  return out + sizeof number;
}

char* put_group_boolean(char* out, bool value) {
  *out = value ? present_true : present;
  return out + 1;
}

char* put_group_null(char* out) {
  *out = absent;
  return out + 1;
}

GroupValue read_group(ByteReader& key, Type type) {
  GroupValue value;
  const auto mark = key.fixed<char>();
  if (mark == absent) return value;
  if (mark != present && (type != Type::boolean || mark != present_true)) ByteReader::corrupt();
  value.is_null = false;
  if (type == Type::boolean)
    value.number = mark == present_true;
  else if (type == Type::keyword)
    value.text = key.text();
  else
    value.number = key.fixed<int64_t>();
  return value;
}

}  // namespace tamis::windows
