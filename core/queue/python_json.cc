#include "core/queue/python_json.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "core/base/error.h"

namespace tamis::queue {
namespace {

using base::Json;

constexpr int max_depth = 200;

void append_hex4(std::string& out, uint32_t unit) {
  static constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

/// Reads one UTF-8 character at `i` and moves on; U+FFFD for what is none.
uint32_t next_character(std::string_view text, size_t& i) {
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  const uint8_t lead = byte(i++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 && lead < 0xF5 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : 0;
  if (more == 0 || lead >= 0xF5) return 0xFFFD;
  uint32_t value = lead & (0x3F >> more);
  for (int n = 0; n < more; ++n) {
    if (i >= text.size() || (byte(i) & 0xC0) != 0x80) return 0xFFFD;
    value = value << 6 | (byte(i++) & 0x3F);
  }
  return value;
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const auto c = text[i];
    if (c >= 0x20 && c != '"' && c != '\\') {
      out += c;
      ++i;
      continue;
    }
    const uint32_t character = next_character(text, i);
    switch (character) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (character >= 0x10000) {
          append_hex4(out, 0xD800 + ((character - 0x10000) >> 10));
          append_hex4(out, 0xDC00 + ((character - 0x10000) & 0x3FF));
        } else {
          append_hex4(out, character);
        }
    }
  }
  out += '"';
}

/// Python's repr of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
void append_float(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char buffer[64];
  const double size = std::fabs(value);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 exponent ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  out += text;
  if (!exponent && text.find('.') == std::string_view::npos) out += ".0";
}

void append(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      append_text(out, value.get_ref<const std::string&>());
      break;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<int64_t>());
      break;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<uint64_t>());
      break;
    case Json::value_t::number_float:
      append_float(out, value.get<double>());
      break;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      break;
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const auto& item : value) {
        if (!first) out += ", ";
        first = false;
        append(out, item);
      }
      out += ']';
      break;
    }
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [name, member] : value.items()) {
        if (!first) out += ", ";
        first = false;
        append_text(out, name);
        out += ": ";
        append(out, member);
      }
      out += '}';
      break;
    }
    default:
      out += "null";
  }
}

void append_repr(std::string& out, const Json& value, size_t max) {
  if (out.size() > max) return;
  const auto members = [&](char open, char close, auto&& each) {
    out += open;
    bool first = true;
    for (const auto& item : value.items()) {
      if (out.size() > max) break;
      if (!first) out += ", ";
      first = false;
      each(item);
    }
    out += close;
  };
  switch (value.type()) {
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      out += '\'';
      for (const char c : text) {
        if (out.size() > max) break;
        if (c == '\'') out += '\\';
        out += c;
      }
      out += '\'';
      break;
    }
    case Json::value_t::boolean:
      out += value.get<bool>() ? "True" : "False";
      break;
    case Json::value_t::null:
      out += "None";
      break;
    case Json::value_t::number_float: {
      const double number = value.get<double>();
      if (std::isnan(number))
        out += "nan";
      else if (std::isinf(number))
        out += number < 0 ? "-inf" : "inf";
      else
        append_float(out, number);
      break;
    }
    case Json::value_t::array:
      members('[', ']', [&](const auto& item) { append_repr(out, item.value(), max); });
      break;
    case Json::value_t::object:
      members('{', '}', [&](const auto& item) {
        append_repr(out, Json(item.key()), max);
        out += ": ";
        append_repr(out, item.value(), max);
      });
      break;
    default:
      append(out, value);
  }
}

/// Cuts at a character's border.
std::string cut(std::string text, size_t max) {
  if (text.size() <= max) return text;
  size_t at = max > 3 ? max - 3 : 0;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return text.substr(0, at) + "...";
}

struct Scan {
  int depth = 0;
  bool has_names = false;  ///< NaN or Infinity outside of texts
};

Scan scan(std::string_view text) {
  Scan found;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
    } else if (c == '[' || c == '{') {
      found.depth = std::max(found.depth, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == 'N' || c == 'I') {
      found.has_names = true;
    }
  }
  return found;
}

constexpr std::string_view marks[] = {"\x01NaN", "\x01Infinity", "\x01-Infinity"};

/// nlohmann knows no NaN: they are put into marked texts, and made numbers again once the rest is parsed.
std::string with_marks(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      const size_t begin = i;
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
      i = std::min(text.size(), i + 1);
      out += text.substr(begin, i - begin);
      continue;
    }
    bool found = false;
    for (const std::string_view name : {"NaN", "Infinity", "-Infinity"})
      if (text.substr(i).starts_with(name)) {
        out += "\"\\u0001" + std::string(name) + '"';
        i += name.size();
        found = true;
        break;
      }
    if (!found) out += text[i++];
  }
  return out;
}

void replace_marks(Json& value) {
  if (value.is_structured())
    for (auto& item : value) replace_marks(item);
  if (!value.is_string()) return;
  const auto& text = value.get_ref<const std::string&>();
  if (text == marks[0])
    value = std::nan("");
  else if (text == marks[1] || text == marks[2])
    value = text == marks[1] ? HUGE_VAL : -HUGE_VAL;
}

}  // namespace

std::string python_dumps(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

Json python_loads(std::string_view text, std::string_view what) {
  const auto found = scan(text);
  if (found.depth > max_depth)
    throw base::UserError("{} nests {} levels deep; at most {} are read", what, found.depth, max_depth);
  try {
    if (!found.has_names) return Json::parse(text);
    auto value = Json::parse(with_marks(text));
    replace_marks(value);
    return value;
  } catch (const Json::exception& error) {
    std::string_view why = error.what();
    if (const auto bracket = why.find("] "); bracket != std::string_view::npos)
      why.remove_prefix(bracket + 2);
    throw base::UserError("{} is no JSON: {}", what, why);
  }
}

std::string python_repr(const Json& value, size_t max) {
  std::string out;
  append_repr(out, value, max);
  return cut(std::move(out), max);
}

std::string python_repr_arguments(const Json& args, size_t max) {
  if (!args.is_array()) return python_repr(args, max);
  std::string out = "(";
  for (size_t i = 0; i < args.size(); ++i) {
    if (out.size() > max) break;
    if (i > 0) out += ", ";
    append_repr(out, args[i], max);
  }
  out += args.size() == 1 ? ",)" : ")";
  return cut(std::move(out), max);
}

Json plain_arguments(Json value) {
  if (value.is_object() && value.size() == 2 && value.contains("__type__") && value.contains("__value__")) {
    const auto& inner = value["__value__"];
    if (inner.is_object() && inner.contains("hex") && inner["hex"].is_string()) {
      std::string hex = inner["hex"];
      if (hex.size() == 32)
        for (const size_t dash : {8u, 13u, 18u, 23u}) hex.insert(dash, 1, '-');
      return hex;
    }
    return inner;
  }
  if (value.is_structured())
    for (auto& item : value) item = plain_arguments(std::move(item));
  return value;
}

}  // namespace tamis::queue
