#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/suggest.h"
#include "tasks/sinks/data_reader.h"
#include "tasks/sinks/sqlite_database.h"

namespace tamis::sinks {
namespace {

using base::Json;

constexpr size_t limit_max = 10000;

/// Instants as texts that sort as instants do; the sink indexes the same.
constexpr std::string_view time_of_row = "coalesce(rtrim(\"@timestamp\", 'Z'), '')";

std::string time_text(base::Instant instant) {
  auto text = base::format_rfc3339(instant);
  text.pop_back();
  return text;
}

/// A condition's parameter, bound when the statement is made.
struct Parameter {
  enum class Kind { text, integer, number } kind = Kind::text;
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

void bind_all(SqliteStatement& statement, const std::vector<Parameter>& parameters) {
  int n = 0;
  for (const auto& parameter : parameters) {
    ++n;
    if (parameter.kind == Parameter::Kind::text)
      statement.bind(n, parameter.text);
    else if (parameter.kind == Parameter::Kind::integer)
      statement.bind(n, parameter.integer);
    else
      statement.bind(n, parameter.number);
  }
}

/// What a filter's text is in a column of this type.
Parameter filter_value(const SqliteColumn& column, const std::string& text) {
  Parameter parameter;
  parameter.text = text;
  const char *begin = text.data(), *end = begin + text.size();
  if (column.type == "INTEGER") {
    parameter.kind = Parameter::Kind::integer;
    if (const auto r = std::from_chars(begin, end, parameter.integer);
        r.ec != std::errc() || r.ptr != end || text.empty())
      throw base::UserError("\"{}\" is a long, \"{}\" is none", column.name, text);
  } else if (column.type == "REAL") {
    parameter.kind = Parameter::Kind::number;
    if (const auto r = std::from_chars(begin, end, parameter.number);
        r.ec != std::errc() || r.ptr != end || text.empty())
      throw base::UserError("\"{}\" is a double, \"{}\" is none", column.name, text);
  } else if (column.type == "BOOLEAN") {
    parameter.kind = Parameter::Kind::integer;
    parameter.integer = text == "true";
    if (text != "true" && text != "false")
      throw base::UserError("\"{}\" is true or false, not \"{}\"", column.name, text);
  }
  return parameter;
}

Json value_of(const SqliteStatement& statement, int i, const SqliteColumn& column) {
  if (statement.is_integer(i)) {
    if (column.type == "BOOLEAN") return statement.integer(i) != 0;
    return statement.integer(i);
  }
  if (statement.is_double(i)) return statement.number(i);
  if (column.type == "JSON TEXT")
    if (auto json = Json::parse(statement.text(i), nullptr, false); !json.is_discarded()) return json;
  return std::string(statement.text(i));
}

class SqliteReader : public DataReader {
 public:
  explicit SqliteReader(std::string path) : path_(std::move(path)) {}

  std::vector<std::string> targets() override {
    if (!std::filesystem::exists(path_)) return {};
    SqliteDatabase database(path_, SqliteDatabase::Mode::read);
    return tables(database);
  }

  DataPage read(const DataQuery& query) override {
    if (!std::filesystem::exists(path_))
      throw base::NotFound("there is no table \"{}\": nothing was written to \"{}\" yet", query.target,
                           path_);
    SqliteDatabase database(path_, SqliteDatabase::Mode::read);
    const auto names = tables(database);
    if (std::find(names.begin(), names.end(), query.target) == names.end())
      throw base::NotFound("there is no table \"{}\"{}", query.target,
                           base::did_you_mean(query.target, names));
    const auto columns = sqlite_columns(database, query.target);
    const bool has_time =
        std::any_of(columns.begin(), columns.end(), [](const auto& c) { return c.name == "@timestamp"; });
    if (!has_time && (query.from || query.to))
      throw base::UserError("the rows of \"{}\" have no @timestamp to select by", query.target);
    const std::string time = has_time ? std::string(time_of_row) : "''";

    std::string where;
    std::vector<Parameter> parameters;
    const auto add = [&](const std::string& condition, Parameter parameter) {
      parameters.push_back(std::move(parameter));
      where += fmt::format("{}{} ?{}", where.empty() ? " WHERE " : " AND ", condition, parameters.size());
    };
    if (query.from) add(time + " >=", {.text = time_text(*query.from)});
    if (query.to) add(time + " <", {.text = time_text(*query.to)});
    for (const auto& [name, value] : query.filters) {
      const SqliteColumn& column = find(columns, query.target, name);
      add(sqlite_name(column.name) + " =", filter_value(column, value));
    }
    DataPage page;
    if (query.cursor.empty()) {
      auto count =
          database.prepare(fmt::format("SELECT count(*) FROM {}{}", sqlite_name(query.target), where));
      bind_all(count, parameters);
      count.step();
      page.total = count.integer(0);
    } else {
      const auto [after_time, after_id] = read_cursor(query.cursor);
      parameters.push_back({.text = after_time});
      parameters.push_back({.text = after_id});
      where += fmt::format("{}({}, \"_id\") {} (?{}, ?{})", where.empty() ? " WHERE " : " AND ", time,
                           query.descending ? "<" : ">", parameters.size() - 1, parameters.size());
    }

    std::string selected;
    for (const auto& column : columns) selected += sqlite_name(column.name) + ", ";
    const size_t limit = std::clamp<size_t>(query.limit, 1, limit_max);
    const char* direction = query.descending ? "DESC" : "ASC";
    auto statement = database.prepare(fmt::format("SELECT {}{} FROM {}{} ORDER BY {} {}, \"_id\" {} LIMIT {}",
                                                  selected, time, sqlite_name(query.target), where, time,
                                                  direction, direction, limit + 1));
    bind_all(statement, parameters);
    std::string last_time, last_id;
    while (statement.step() == SqliteStatement::Result::row) {
      if (page.rows.size() == limit) {
        page.next_cursor = Json{last_time, last_id}.dump(-1, ' ', false, Json::error_handler_t::replace);
        break;
      }
      page.rows.push_back(row(statement, columns));
      last_time = statement.text(static_cast<int>(columns.size()));
      last_id = page.rows.back().value("_id", "");
    }
    return page;
  }

 private:
  /// Those that the sink made: they have an `_id`.
  static std::vector<std::string> tables(SqliteDatabase& database) {
    auto statement = database.prepare(
        "SELECT m.name FROM sqlite_master AS m WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM "
        "pragma_table_info(m.name) AS c "
        "WHERE c.name = '_id') ORDER BY m.name");
    std::vector<std::string> names;
    while (statement.step() == SqliteStatement::Result::row) names.emplace_back(statement.text(0));
    return names;
  }

  static const SqliteColumn& find(const std::vector<SqliteColumn>& columns, const std::string& table,
                                  const std::string& name) {
    std::vector<std::string> names;
    for (const auto& column : columns) {
      if (column.name == name) return column;
      names.push_back(column.name);
    }
    throw base::UserError("the table \"{}\" has no column \"{}\"{}", table, name,
                          base::did_you_mean(name, names));
  }

  static std::pair<std::string, std::string> read_cursor(const std::string& cursor) {
    const auto json = Json::parse(cursor, nullptr, false);
    if (!json.is_array() || json.size() != 2 || !json[0].is_string() || !json[1].is_string())
      throw base::UserError("\"{}\" is no cursor of this table: take it from the page before", cursor);
    return {json[0].get<std::string>(), json[1].get<std::string>()};
  }

  static Json row(const SqliteStatement& statement, const std::vector<SqliteColumn>& columns) {
    Json out = Json::object();
    for (size_t i = 0; i < columns.size(); ++i) {
      const int at = static_cast<int>(i);
      if (statement.is_null(at) || columns[i].name == "_version") continue;
      Json value = value_of(statement, at, columns[i]);
      if (columns[i].name != "_extra" || !value.is_object()) {
        out[columns[i].name] = std::move(value);
        continue;
      }
      for (auto& [name, member] : value.items())
        if (!out.contains(name)) out[name] = member;
    }
    return out;
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<DataReader> make_sqlite_reader(std::string path) {
  return std::make_unique<SqliteReader>(std::move(path));
}

}  // namespace tamis::sinks
