#include "cli/output.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::cli {
namespace {

using base::Json;

/// A cell longer than this is cut in tables: JSON has it whole.
constexpr size_t max_cell = 120;

std::string cell_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) return fmt::format("{:.10g}", value.get<double>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What would break a line or drive the terminal is shown as an escape.
std::string shown(const Json& value, size_t max) {
  std::string out;
  for (const char c : cell_text(value)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  if (display_width(out) <= max) return out;
  size_t end = 0, width = 0;
  while (end < out.size() && width < max - 1) {
    ++end;
    while (end < out.size() && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) ++end;
    ++width;
  }
  return out.substr(0, end) + "…";
}

std::string padded(const std::string& text, size_t width, bool right) {
  const size_t have = display_width(text);
  const std::string blanks(width > have ? width - have : 0, ' ');
  return right ? blanks + text : text + blanks;
}

Json pick(const Json& row, const std::vector<std::string>& columns) {
  Json out = Json::object();
  for (const auto& column : columns) out[column] = row.contains(column) ? row[column] : Json();
  return out;
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) words.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

std::vector<std::string> all_members(const Json& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows)
    for (const auto& [key, value] : row.items())
      if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
  return names;
}

std::string plain(const Json& rows, const std::vector<std::string>& columns) {
  std::vector<size_t> widths;
  for (const auto& column : columns) widths.push_back(display_width(column));
  for (const auto& row : rows)
    for (size_t i = 0; i < columns.size(); ++i)
      widths[i] = std::max(widths[i], display_width(shown(row[columns[i]], 10'000)));
  std::string text;
  const auto line = [&](const auto& cell) {
    std::string made;
    for (size_t i = 0; i < columns.size(); ++i) made += (i ? "  " : "") + padded(cell(i), widths[i], false);
    made.erase(made.find_last_not_of(' ') + 1);
    text += made + "\n";
  };
  line([&](size_t i) { return columns[i]; });
  for (const auto& row : rows) line([&](size_t i) { return shown(row[columns[i]], 10'000); });
  return text;
}

bool needs_quotes(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  static const std::vector<std::string> words{"null", "~",   "true", "false", "yes",  "no",
                                              "on",   "off", "Null", "True",  "False"};
  if (std::find(words.begin(), words.end(), text) != words.end()) return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`0123456789+.=<").find(text.front()) != std::string_view::npos)
    return true;
  return text.find(": ") != std::string::npos || text.find(" #") != std::string::npos || text.back() == ':' ||
         std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string scalar(const Json& value) {
  if (value.is_string() && !needs_quotes(value.get_ref<const std::string&>()))
    return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_yaml(const Json& value, const std::string& indent, std::string& out, bool in_list) {
  if (value.is_object() && !value.empty()) {
    bool first = in_list;
    for (const auto& [key, member] : value.items()) {
      out += (first ? "" : indent) + scalar(Json(key)) + ":";
      first = false;
      if (member.is_structured() && !member.empty()) {
        out += "\n";
        write_yaml(member, indent + "  ", out, false);
      } else {
        out += " " + scalar(member) + "\n";
      }
    }
  } else if (value.is_array() && !value.empty()) {
    for (const auto& item : value) {
      out += indent + "- ";
      if (item.is_object() && !item.empty()) {
        write_yaml(item, indent + "  ", out, true);
      } else if (item.is_array() && !item.empty()) {
        out += "\n";
        write_yaml(item, indent + "  ", out, false);
      } else {
        out += scalar(item) + "\n";
      }
    }
  } else {
    out += indent + scalar(value) + "\n";
  }
}

}  // namespace

const std::vector<Option>& row_options() {
  static const std::vector<Option> options{{"output",
                                            'o',
                                            "FORMAT",
                                            "table, json, jsonl, yaml or plain (default table)",
                                            {"table", "json", "jsonl", "yaml", "plain"}},
                                           {"columns", 0, "A,B", "which columns, in this order", {}}};
  return options;
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string group_digits(int64_t number) {
  std::string digits = std::to_string(number);
  const int start = number < 0 ? 1 : 0;
  for (int i = static_cast<int>(digits.size()) - 3; i > start; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string format_table(const Json& rows, const std::vector<std::string>& columns, bool sum_line) {
  std::vector<std::vector<std::string>> cells;
  std::vector<size_t> widths;
  std::vector<bool> right(columns.size(), !rows.empty());
  for (const auto& column : columns) widths.push_back(display_width(column));
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto it = row.find(columns[i]);
      const Json value = it == row.end() ? Json() : *it;
      line.push_back(shown(value, max_cell));
      widths[i] = std::max(widths[i], display_width(line.back()));
      if (!value.is_number() && !value.is_null()) right[i] = false;
    }
  }
  std::string text;
  const auto rule = [&](char sign) {
    for (size_t i = 0; i < columns.size(); ++i)
      text += (i ? std::string(1, sign) + "+" + sign : "") + std::string(widths[i], sign);
    text += "\n";
  };
  const auto put = [&](const std::vector<std::string>& line) {
    std::string made;
    for (size_t i = 0; i < columns.size(); ++i)
      made += (i ? " | " : "") + padded(line[i], widths[i], right[i]);
    made.erase(made.find_last_not_of(' ') + 1);
    text += made + "\n";
  };
  put(columns);
  rule('=');
  for (size_t i = 0; i < cells.size(); ++i) {
    if (sum_line && i + 1 == cells.size()) rule('-');
    put(cells[i]);
  }
  return text;
}

std::string format_yaml(const Json& value) {
  std::string out;
  write_yaml(value, "", out, false);
  return out;
}

void print_rows(Invocation& invocation, const Json& rows, std::vector<std::string> columns) {
  const auto format = invocation.text("output", "table");
  if (invocation.has("columns")) {
    columns = split_words(invocation.text("columns"));
    const auto known = all_members(rows);
    for (const auto& column : columns)
      if (!rows.empty() && std::find(known.begin(), known.end(), column) == known.end())
        throw base::UserError("there is no column \"{}\"{}", column, base::did_you_mean(column, known));
  } else if (columns.empty()) {
    columns = all_members(rows);
  }
  Json picked = Json::array();
  for (const auto& row : rows) picked.push_back(pick(row, columns));
  if (format == "json") {
    invocation.out << picked.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else if (format == "jsonl") {
    for (const auto& row : picked)
      invocation.out << row.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  } else if (format == "yaml") {
    invocation.out << format_yaml(picked);
  } else if (picked.empty()) {
    invocation.out << "No data found\n";
  } else {
    invocation.out << (format == "plain" ? plain(picked, columns) : format_table(picked, columns));
  }
}

void print_object(Invocation& invocation, const Json& object) {
  const auto format = invocation.text("output", "table");
  if (format == "json" || format == "jsonl") {
    invocation.out << object.dump(format == "json" ? 2 : -1, ' ', false, Json::error_handler_t::replace)
                   << "\n";
  } else if (format == "yaml") {
    invocation.out << format_yaml(object);
  } else {
    Json rows = Json::array();
    for (const auto& [key, value] : object.items())
      rows.push_back({{"property_name", key}, {"property_value", cell_text(value)}});
    print_rows(invocation, rows, {"property_name", "property_value"});
  }
}

}  // namespace tamis::cli
