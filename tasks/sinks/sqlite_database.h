// A connection to an SQLite file and its prepared statements, with errors as the project knows them.  Called
// by the sqlite sink and reader.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace tamis::sinks {

class SqliteStatement;

/// Used by one thread at a time.  Other processes may write the same file: a lock is waited for up to a
/// minute, then it is a TransientError.  A full disk and failing input or output are TransientErrors, no
/// permission and no database UserErrors.
class SqliteDatabase {
 public:
  enum class Mode { write, read };
  /// `write` makes the file and its folder when they are missing.  Asking `stop` to stop ends the waiting for
  /// locks.
  SqliteDatabase(std::string path, Mode mode, std::stop_token stop = {});
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  void run(const std::string& sql);
  SqliteStatement prepare(const std::string& sql);
  /// Ends a transaction that failed; harmless when there is none.
  void roll_back() noexcept;
  const std::string& path() const { return path_; }
  /// Throws what `code` means.
  [[noreturn]] void fail(int code, std::string_view doing) const;

 private:
  static int wait_for_lock(void* self, int count);
  std::string path_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point waiting_since_{};
  sqlite3* database_ = nullptr;
};

/// `"name"`, with quotes in it doubled.
std::string sqlite_name(std::string_view name);

class SqliteStatement {
 public:
  enum class Result { row, done, refused };

  SqliteStatement(SqliteDatabase& database, sqlite3_stmt* statement);
  // Parameters are numbered from 1.  Texts must stay until reset().
  void bind(int parameter, std::string_view text);
  void bind(int parameter, int64_t value);
  void bind(int parameter, double value);
  void bind_null(int parameter);
  /// `refused`: a constraint of the table, or a value that is too large; see `message`.
  Result step(std::string* message = nullptr);
  void reset();

  bool is_null(int column) const;
  std::string_view text(int column) const;
  int64_t integer(int column) const;
  double number(int column) const;
  /// How SQLite holds the value: an integer, a double, or else a text.
  bool is_integer(int column) const;
  bool is_double(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  SqliteDatabase* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

struct SqliteColumn {
  std::string name;
  std::string type;  ///< as declared
};
/// Columns of a table in their order; none when there is no such table.
std::vector<SqliteColumn> sqlite_columns(SqliteDatabase& database, const std::string& table);

}  // namespace tamis::sinks
