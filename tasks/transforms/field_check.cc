#include "tasks/transforms/field_check.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "tasks/transforms/json_text.h"

namespace tamis::transforms {
namespace {

using records::Column;
using records::Reason;
using records::Type;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool has_more_code_points(std::string_view text, size_t limit) {
  if (text.size() <= limit) return false;
  return static_cast<size_t>(
             std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; })) > limit;
}

/// A text without its escapes.
std::string_view plain(const Slot& slot, records::Arena& arena) {
  if (!slot.escaped) return slot.text();
  char* out = arena.allocate(slot.text().size());
  return {out, unescape(slot.text(), out)};
}

/// At most 80 bytes of a text, cut between characters.
std::string shortened(std::string_view text) {
  if (text.size() <= 80) return std::string(text);
  size_t end = 77;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string described(const Slot& slot) {
  switch (slot.kind) {
    case Slot::Kind::missing:
      return "nothing";
    case Slot::Kind::null:
      return "null";
    case Slot::Kind::true_:
      return "true";
    case Slot::Kind::false_:
      return "false";
    case Slot::Kind::number:
      return "the number " + shortened(slot.text());
    case Slot::Kind::text:
      return "the text \"" + shortened(slot.text()) + "\"";
    case Slot::Kind::object:
      return "an object";
    case Slot::Kind::array:
      return "a list";
  }
  return "";
}

}  // namespace

FieldCheck::FieldCheck(const Field& field, int slot, bool always_coerce)
    : field_(field),
      slot_(slot),
      coerce_(field.coerce || always_coerce),
      has_default_(field.default_value.index() != 0),
      has_text_checks_(!field.enum_texts.empty() || field.max_length || !field.pattern.empty()),
      low_(field.min.value_or(-std::numeric_limits<double>::infinity())),
      high_(field.max.value_or(std::numeric_limits<double>::infinity())),
      bytes_max_(field.max_length ? static_cast<size_t>(*field.max_length) : SIZE_MAX) {
  if (field.type == Type::timestamp) {
    std::string error;
    format_ = TimestampFormat::compile(field.format, error);
    if (!format_) throw base::UserError("field \"{}\": {}", field.name, error);
  }
  if (!field.pattern.empty()) {
    pattern_ = std::make_unique<re2::RE2>(field.pattern, re2::RE2::Quiet);
    if (!pattern_->ok()) throw base::UserError("field \"{}\": {}", field.name, pattern_->error());
  }
  std::sort(field_.enum_texts.begin(), field_.enum_texts.end());
  std::sort(field_.enum_longs.begin(), field_.enum_longs.end());
  if (field.type == Type::double_)
    usual_ = Usual::number;
  else if (field.type == Type::keyword && pattern_ == nullptr && field.enum_texts.size() <= 8)
    usual_ = Usual::text;
  else if (field.type == Type::timestamp && !format_->is_number() && !coerce_)
    usual_ = Usual::instant;
}

FieldCheck::~FieldCheck() = default;
FieldCheck::FieldCheck(FieldCheck&&) noexcept = default;

void FieldCheck::put_default(Column& column, size_t row) const {
  switch (field_.type) {
    case Type::keyword:
      column.texts[row] = std::get<std::string>(field_.default_value);
      break;
    case Type::long_:
      column.longs[row] = std::get<int64_t>(field_.default_value);
      break;
    case Type::double_:
      column.doubles[row] = std::get<double>(field_.default_value);
      break;
    case Type::boolean:
      column.longs[row] = std::get<bool>(field_.default_value) ? 1 : 0;
      break;
    case Type::timestamp:
      column.longs[row] = std::get<base::Instant>(field_.default_value).time_since_epoch().count();
  }
}

FieldCheck::Verdict FieldCheck::run_any(const Slot& slot, Column& column, size_t row, records::Arena& arena,
                                        Reason& reason) const {
  if (slot.kind <= Slot::Kind::null) {
    if (has_default_) {
      put_default(column, row);
      column.valid[row] = 1;
      return Verdict::value;
    }
    column.valid[row] = 0;
    if (!field_.required) return Verdict::null;
    reason = slot.kind == Slot::Kind::null ? Reason::null_field : Reason::missing_field;
    return Verdict::failed;
  }
  if (const auto failed = convert(slot, column, row, arena)) {
    column.valid[row] = 0;
    reason = *failed;
    return Verdict::failed;
  }
  column.valid[row] = 1;
  return Verdict::value;
}

std::optional<Reason> FieldCheck::keyword(std::string_view text, Column& column, size_t row) const {
  column.texts[row] = text;
  if (!has_text_checks_) return std::nullopt;
  const auto& allowed = field_.enum_texts;
  if (!allowed.empty() &&
      (allowed.size() <= 8 ? std::find(allowed.begin(), allowed.end(), text) == allowed.end()
                           : !std::binary_search(allowed.begin(), allowed.end(), text)))
    return Reason::not_in_enum;
  if (field_.max_length && has_more_code_points(text, static_cast<size_t>(*field_.max_length)))
    return Reason::too_long;
  if (pattern_ != nullptr && !re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *pattern_))
    return Reason::pattern_mismatch;
  return std::nullopt;
}

std::optional<Reason> FieldCheck::convert(const Slot& slot, Column& column, size_t row,
                                          records::Arena& arena) const {
  const bool is_text = slot.kind == Slot::Kind::text;
  switch (field_.type) {
    case Type::keyword:
      if (is_text) return keyword(plain(slot, arena), column, row);
      if (slot.kind == Slot::Kind::number && coerce_) return keyword(slot.text(), column, row);
      return Reason::wrong_type;
    case Type::boolean: {
      if (slot.kind == Slot::Kind::true_ || slot.kind == Slot::Kind::false_) {
        column.longs[row] = slot.kind == Slot::Kind::true_ ? 1 : 0;
        return std::nullopt;
      }
      if (!is_text || !coerce_) return Reason::wrong_type;
      const auto word = trim(plain(slot, arena));
      if (word != "true" && word != "false") return Reason::wrong_type;
      column.longs[row] = word == "true" ? 1 : 0;
      return std::nullopt;
    }
    case Type::timestamp: {
      std::optional<base::Instant> instant;
      if (is_text) {
        if (format_->is_number() && !coerce_) return Reason::wrong_type;
        const auto text = plain(slot, arena);
        instant = format_->read(coerce_ ? trim(text) : text);
      } else if (slot.kind == Slot::Kind::number && format_->is_number()) {
        instant = format_->read(slot.number);
      } else {
        return Reason::wrong_type;
      }
      if (!instant) return Reason::bad_timestamp;
      column.longs[row] = instant->time_since_epoch().count();
      return std::nullopt;
    }
    case Type::long_:
    case Type::double_:
      break;
  }
  Number coerced;
  const Number* number = &slot.number;
  if (is_text && coerce_) {
    const auto parsed = parse_number(trim(plain(slot, arena)));
    if (!parsed) return Reason::wrong_type;
    coerced = *parsed;
    number = &coerced;
  } else if (slot.kind != Slot::Kind::number) {
    return Reason::wrong_type;
  }
  if (field_.type == Type::double_) {
    double value = 0;
    if (!read_double(*number, value)) return Reason::wrong_type;
    column.doubles[row] = value;
    if ((field_.min && value < *field_.min) || (field_.max && value > *field_.max))
      return Reason::out_of_range;
    return std::nullopt;
  }
  const auto value = to_long(*number);
  if (!value) return Reason::wrong_type;
  column.longs[row] = *value;
  if ((field_.min_long && *value < *field_.min_long) || (field_.max_long && *value > *field_.max_long))
    return Reason::out_of_range;
  if (!field_.enum_longs.empty() &&
      !std::binary_search(field_.enum_longs.begin(), field_.enum_longs.end(), *value))
    return Reason::not_in_enum;
  return std::nullopt;
}

std::string FieldCheck::message(const Slot& slot, Reason reason) const {
  const std::string value = described(slot);
  switch (reason) {
    case Reason::missing_field:
      return fmt::format("\"{}\" is missing", field_.name);
    case Reason::null_field:
      return fmt::format("\"{}\" is null", field_.name);
    case Reason::wrong_type: {
      const bool too_large =
          slot.kind == Slot::Kind::number && field_.type != Type::keyword && field_.type != Type::boolean;
      return fmt::format("\"{}\" must be a {}{}, not {}", field_.name, records::type_name(field_.type),
                         too_large && field_.type == Type::long_ ? " of 64 bits without a fraction" : "",
                         value);
    }
    case Reason::bad_timestamp:
      return fmt::format("\"{}\" must be a timestamp written as {}, not {}", field_.name, field_.format,
                         value);
    case Reason::out_of_range: {
      std::string low, high;
      if (field_.min_long) low = fmt::format("{}", *field_.min_long);
      if (field_.min) low = fmt::format("{}", *field_.min);
      if (field_.max_long) high = fmt::format("{}", *field_.max_long);
      if (field_.max) high = fmt::format("{}", *field_.max);
      if (high.empty()) return fmt::format("\"{}\" must be at least {}, not {}", field_.name, low, value);
      if (low.empty()) return fmt::format("\"{}\" must be at most {}, not {}", field_.name, high, value);
      return fmt::format("\"{}\" must be from {} to {}, not {}", field_.name, low, high, value);
    }
    case Reason::not_in_enum:
      return fmt::format("\"{}\" has a list of values, and {} is not in it", field_.name, value);
    case Reason::too_long:
      return fmt::format("\"{}\" may have {} characters: {} has more", field_.name, *field_.max_length,
                         value);
    case Reason::pattern_mismatch:
      return fmt::format("\"{}\" must match {}, not {}", field_.name, field_.pattern, value);
    default:
      return std::string(records::reason_name(reason));
  }
}

}  // namespace tamis::transforms
