#include <fmt/core.h>

#include <charconv>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "core/base/error.h"
#include "tasks/sinks/body.h"
#include "tasks/sinks/kinds.h"
#include "tasks/sinks/sqlite_database.h"

namespace tamis::sinks {
namespace {

using records::DocumentBatch;

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return text;
}

/// Affinities under which values stay what they are; the reader tells booleans and objects from their
/// declared types.
std::string_view declared_type(records::Type type) {
  switch (type) {
    case records::Type::long_:
      return "INTEGER";
    case records::Type::double_:
      return "REAL";
    case records::Type::boolean:
      return "BOOLEAN";
    default:
      return "TEXT";
  }
}

/// What tables are to hold, in the order of the columns; `_id` and `_version` come first, `_extra` takes what
/// has no column.
std::vector<SqliteColumn> wanted_columns(const SinkContext& context) {
  std::vector<SqliteColumn> columns = {{"_id", "TEXT PRIMARY KEY"}, {"_version", "INTEGER"}};
  if (context.purpose != Purpose::rejects) columns.push_back({"@timestamp", "TEXT"});
  for (const auto& field : context.layout.fields)
    columns.push_back({field.name, std::string(declared_type(field.type))});
  if (context.purpose != Purpose::windows && context.layout.find("source") == nullptr)
    columns.push_back({"source", "JSON TEXT"});
  if (context.unknown_fields) columns.push_back({"_extra", "JSON TEXT"});
  std::map<std::string, std::string> seen;
  for (const auto& column : columns)
    if (const auto [former, is_new] = seen.emplace(lower(column.name), column.name); !is_new)
      throw base::UserError(
          "sqlite can't hold the field \"{}\" beside \"{}\": it compares columns without their case; rename "
          "it",
          column.name, former->second);
  return columns;
}

class Table {
 public:
  /// Makes the table or gives it the columns that it lacks; to be called within a transaction.
  Table(SqliteDatabase& database, const std::string& name, const std::vector<SqliteColumn>& wanted) {
    const auto quoted = sqlite_name(name);
    auto columns = sqlite_columns(database, name);
    if (columns.empty()) {
      std::string list;
      for (const auto& column : wanted)
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", sqlite_name(column.name), column.type);
      database.run(fmt::format("CREATE TABLE {} ({}) WITHOUT ROWID", quoted, list));
      columns = wanted;
    } else {
      std::set<std::string> there;
      for (const auto& column : columns) there.insert(lower(column.name));
      if (!there.contains("_id"))
        throw base::UserError("the table \"{}\" in \"{}\" was not made by this sink: it has no column _id",
                              name, database.path());
      for (const auto& column : wanted)
        if (!there.contains(lower(column.name)))
          database.run(
              fmt::format("ALTER TABLE {} ADD COLUMN {} {}", quoted, sqlite_name(column.name), column.type));
    }
    std::string names, values, updates;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto column = sqlite_name(wanted[i].name);
      names += (i == 0 ? "" : ", ") + column;
      values += fmt::format("{}?{}", i == 0 ? "" : ", ", i + 1);
      if (i > 0) updates += fmt::format("{}{} = excluded.{}", i == 1 ? "" : ", ", column, column);
      if (wanted[i].name == "@timestamp")
        database.run(
            fmt::format("CREATE INDEX IF NOT EXISTS {} ON {} (coalesce(rtrim(\"@timestamp\", 'Z'), ''))",
                        sqlite_name(name + "_time"), quoted));
      if (wanted[i].name == "_extra")
        extra_ = static_cast<int>(i + 1);
      else if (i > 1)
        parameters_.emplace(wanted[i].name, static_cast<int>(i + 1));
    }
    // An older version never replaces a newer one; the same or no version may.
    upsert_.emplace(database.prepare(
        fmt::format("INSERT INTO {} AS former ({}) VALUES ({}) ON CONFLICT (\"_id\") DO UPDATE SET {} WHERE "
                    "former.\"_version\" IS "
                    "NULL OR excluded.\"_version\" IS NULL OR excluded.\"_version\" >= former.\"_version\"",
                    quoted, names, values, updates)));
  }

  /// Empty, or why the table refuses it for good.
  std::string write(std::string_view id, int64_t version, std::string_view body) {
    SqliteStatement& statement = *upsert_;
    statement.reset();
    statement.bind(1, id);
    if (version >= 0) statement.bind(2, version);
    extra_text_.clear();
    texts_.clear();
    for (BodyMembers members(body); members.next();) {
      const auto found = find(members.name());
      if (found != parameters_.end()) {
        bind(found->second, members.value());
      } else {
        extra_text_ += extra_text_.empty() ? "{\"" : ",\"";
        extra_text_ += members.name();
        extra_text_ += "\":";
        extra_text_ += members.value();
      }
    }
    if (!extra_text_.empty()) {
      if (extra_ == 0)
        return "the document holds members for which the table has no column: " + extra_text_ + "}";
      extra_text_ += '}';
      statement.bind(extra_, extra_text_);
    }
    std::string message;
    const bool is_refused = statement.step(&message) == SqliteStatement::Result::refused;
    statement.reset();
    return is_refused ? message : "";
  }

 private:
  using Parameters = std::unordered_map<std::string, int>;
  Parameters::const_iterator find(std::string_view written) {
    name_ = unescape(written);
    return parameters_.find(name_);
  }

  void bind(int parameter, std::string_view value) {
    SqliteStatement& statement = *upsert_;
    if (value == "null") return;
    if (value == "true" || value == "false") return statement.bind(parameter, int64_t{value == "true"});
    if (value.front() == '"') {
      value = value.substr(1, value.size() - 2);
      // Kept in a list: the statement looks at them until it has run.
      if (value.find('\\') != std::string_view::npos) value = texts_.emplace_back(unescape(value));
      return statement.bind(parameter, value);
    }
    int64_t integer = 0;
    const char* end = value.data() + value.size();
    if (const auto result = std::from_chars(value.data(), end, integer);
        result.ec == std::errc() && result.ptr == end)
      return statement.bind(parameter, integer);
    double number = 0;
    if (const auto result = std::from_chars(value.data(), end, number);
        result.ec == std::errc() && result.ptr == end)
      return statement.bind(parameter, number);
    statement.bind(parameter, value);
  }

  Parameters parameters_;
  int extra_ = 0;
  std::optional<SqliteStatement> upsert_;
  std::string extra_text_, name_;
  std::deque<std::string> texts_;
};

class SqliteSink : public Sink {
 public:
  SqliteSink(std::string path, const SinkContext& context)
      : wanted_(wanted_columns(context)),
        on_refused_(context.on_refused),
        database_(std::move(path), SqliteDatabase::Mode::write, context.stop) {}

  void write(std::shared_ptr<const DocumentBatch> batch) override {
    if (batch->entries.empty()) return;
    std::vector<std::pair<const DocumentBatch::Entry*, std::string>> refused;
    try {
      // With the lock from the start: turning a reader into a writer fails when another process wrote
      // meanwhile.
      database_.run("BEGIN IMMEDIATE");
      forget_changed_tables();
      for (const auto& entry : batch->entries) {
        auto message = table(batch->index(entry)).write(batch->id(entry), entry.version, batch->body(entry));
        if (!message.empty()) refused.emplace_back(&entry, std::move(message));
      }
      database_.run("COMMIT");
    } catch (...) {
      tables_.clear();
      database_.roll_back();
      throw;
    }
    for (auto& [entry, message] : refused)
      if (on_refused_) on_refused_(*batch, *entry, std::move(message));
  }

  void finish() override {}

 private:
  static constexpr size_t tables_max = 64;

  /// Others may have dropped or made tables since.
  void forget_changed_tables() {
    auto statement = database_.prepare("PRAGMA schema_version");
    statement.step();
    if (const int64_t version = statement.integer(0); version != schema_version_) {
      tables_.clear();
      schema_version_ = version;
    }
  }

  Table& table(const std::string& name) {
    if (const auto found = tables_.find(name); found != tables_.end()) return found->second;
    if (name.empty() || lower(name).starts_with("sqlite_"))
      throw base::UserError("a table can't be called \"{}\"", name);
    if (tables_.size() >= tables_max) tables_.clear();
    return tables_.try_emplace(name, database_, name, wanted_).first->second;
  }

  std::vector<SqliteColumn> wanted_;
  records::OnRefused on_refused_;
  SqliteDatabase database_;
  std::unordered_map<std::string, Table> tables_;
  int64_t schema_version_ = -1;
};

const base::Keys& keys() {
  using base::ValueType;
  static const base::Keys keys = {"sqlite",
                                  {{.name = "table",
                                    .type = ValueType::text,
                                    .summary = "the table; may hold {event_time:%Y%m%d}",
                                    .required = true},
                                   {.name = "path",
                                    .type = ValueType::text,
                                    .summary = "the database file, relative to the data directory",
                                    .default_text = "tamis.db"}}};
  return keys;
}

void check(const base::Node& parameters, base::Findings& findings) {
  if (const auto* table = parameters.find("table");
      table != nullptr && table->is_text() &&
      (table->text.empty() || lower(table->text).starts_with("sqlite_")))
    findings.error(table->span, "wrong_value", fmt::format("a table can't be called \"{}\"", table->text));
  if (const auto* path = parameters.find("path"); path != nullptr && path->is_text() && path->text.empty())
    findings.error(path->span, "wrong_value", "\"path\" is empty");
}

}  // namespace

SinkKind sqlite_sink() {
  return {.name = "sqlite",
          .summary = "rows of a table in an SQLite file",
          .keys = keys(),
          .target_key = "table",
          .takes_id = true,
          .check = check,
          .make = [](const base::Node& parameters, const SinkContext& context) -> std::unique_ptr<Sink> {
            const auto path = std::filesystem::path(context.connections.data_dir) /
                              base::text_at(parameters, "path", "tamis.db");
            return std::make_unique<SqliteSink>(path.lexically_normal().string(), context);
          }};
}

}  // namespace tamis::sinks
