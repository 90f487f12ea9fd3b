#include "tasks/sinks/sqlite_database.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "core/base/error.h"

namespace tamis::sinks {
namespace {

constexpr auto lock_wait = std::chrono::seconds(60);

}  // namespace

SqliteDatabase::SqliteDatabase(std::string path, Mode mode, std::stop_token stop)
    : path_(std::move(path)), stop_(std::move(stop)) {
  if (mode == Mode::write) {
    const auto folder = std::filesystem::path(path_).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) throw base::UserError("can't make the folder of \"{}\": {}", path_, error.message());
  }
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int code = sqlite3_open_v2(path_.c_str(), &database_,
                             flags | (mode == Mode::write ? SQLITE_OPEN_CREATE : 0), nullptr);
  try {
    if (code != SQLITE_OK) fail(code, "open");
    sqlite3_busy_handler(database_, wait_for_lock, this);
    if (mode == Mode::read) {
      run("PRAGMA query_only = 1");
      return;
    }
    // Turning to write-ahead logging needs the file alone, and is refused at once instead of waiting.
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; (code = sqlite3_exec(database_, "PRAGMA journal_mode = WAL", nullptr, nullptr,
                                         nullptr)) != SQLITE_OK;
         ++i) {
      if ((code & 0xff) != SQLITE_BUSY || stop_.stop_requested() ||
          std::chrono::steady_clock::now() - begin > lock_wait)
        fail(code, "open");
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(25, 1 + i)));
    }
    // What finish() promised survives a power cut only when every commit waits for the disk.
    run("PRAGMA synchronous = FULL");
  } catch (...) {
    sqlite3_close_v2(database_);
    throw;
  }
}

SqliteDatabase::~SqliteDatabase() {
  sqlite3_close_v2(database_);
}

int SqliteDatabase::wait_for_lock(void* self, int count) {
  auto& database = *static_cast<SqliteDatabase*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (count == 0) database.waiting_since_ = now;
  if (database.stop_.stop_requested() || now - database.waiting_since_ > lock_wait) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(25, 1 + count)));
  return 1;
}

void SqliteDatabase::fail(int code, std::string_view doing) const {
  const std::string reason = database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw base::TransientError("can't {} \"{}\": the disk is full; nothing of this batch was written",
                                 doing, path_);
    case SQLITE_IOERR:
      throw base::TransientError("can't {} \"{}\": {} (is the disk full?); nothing of this batch was written",
                                 doing, path_, reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw base::TransientError("can't {} \"{}\": another process holds its lock", doing, path_);
    case SQLITE_NOMEM:
      throw base::TransientError("can't {} \"{}\": out of memory", doing, path_);
    case SQLITE_INTERRUPT:
      throw base::TransientError("stopped while to {} \"{}\"", doing, path_);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      throw base::UserError("can't {} \"{}\": {}", doing, path_, reason);
    default:
      throw base::Error("can't {} \"{}\": {}", doing, path_, reason);
  }
}

void SqliteDatabase::run(const std::string& sql) {
  if (const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr); code != SQLITE_OK)
    fail(code, "write");
}

SqliteStatement SqliteDatabase::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(database_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) fail(code, "use");
  return {*this, statement};
}

void SqliteDatabase::roll_back() noexcept {
  if (sqlite3_get_autocommit(database_) == 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::string sqlite_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += c;
    out += c;
  }
  return out + "\"";
}

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement::SqliteStatement(SqliteDatabase& database, sqlite3_stmt* statement)
    : database_(&database), statement_(statement) {}

void SqliteStatement::bind(int parameter, std::string_view text) {
  // Without an address SQLite takes a text for null.
  sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(), text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}
void SqliteStatement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}
void SqliteStatement::bind(int parameter, double value) {
  sqlite3_bind_double(statement_.get(), parameter, value);
}
void SqliteStatement::bind_null(int parameter) {
  sqlite3_bind_null(statement_.get(), parameter);
}

SqliteStatement::Result SqliteStatement::step(std::string* message) {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return Result::row;
  if (code == SQLITE_DONE) return Result::done;
  const int kind = code & 0xff;
  if (message != nullptr && (kind == SQLITE_CONSTRAINT || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH)) {
    *message = sqlite3_errmsg(sqlite3_db_handle(statement_.get()));
    return Result::refused;
  }
  database_->fail(code, sqlite3_stmt_readonly(statement_.get()) != 0 ? "read" : "write");
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
bool SqliteStatement::is_integer(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_INTEGER;
}
bool SqliteStatement::is_double(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_FLOAT;
}
int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
double SqliteStatement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}
std::string_view SqliteStatement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::vector<SqliteColumn> sqlite_columns(SqliteDatabase& database, const std::string& table) {
  auto statement = database.prepare("SELECT name, type FROM pragma_table_info(?1)");
  statement.bind(1, table);
  std::vector<SqliteColumn> columns;
  while (statement.step() == SqliteStatement::Result::row)
    columns.push_back({std::string(statement.text(0)), std::string(statement.text(1))});
  return columns;
}

}  // namespace tamis::sinks
