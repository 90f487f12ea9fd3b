// One event, one line, to standard error: logfmt for people, JSON with --log_format=json.  The text is a
// fixed noun and verb in the past tense; all that varies is a field.  Nothing is logged per record.
// Thread-safe.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace tamis::base {

enum class LogLevel { debug, info, warn, error };

/// A field of a log line: `{"run", run_id}`, `{"records", 12}`.
struct LogField {
  LogField(std::string_view key, std::string_view value) : name(key), text(value) {}
  LogField(std::string_view key, const char* value) : name(key), text(value) {}
  LogField(std::string_view key, const std::string& value) : name(key), text(value) {}
  template <typename Number>
  LogField(std::string_view key, const Number& value) : name(key), text(fmt::format("{}", value)) {}
  std::string_view name;
  std::string text;
};

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view event, std::initializer_list<LogField> f = {}) {
  log(LogLevel::debug, event, f);
}
inline void log_info(std::string_view event, std::initializer_list<LogField> f = {}) {
  log(LogLevel::info, event, f);
}
inline void log_warn(std::string_view event, std::initializer_list<LogField> f = {}) {
  log(LogLevel::warn, event, f);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> f = {}) {
  log(LogLevel::error, event, f);
}

/// Reads --log_level and --log_format.  Called by main() after load_settings.
void start_logging(std::string_view program);

}  // namespace tamis::base
