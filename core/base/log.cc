#include "core/base/log.h"

#include <gflags/gflags.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/time.h"

DEFINE_string(log_level, "info", "debug, info, warn or error");
DEFINE_string(log_format, "logfmt", "logfmt or json");

namespace tamis::base {
namespace {

std::string& program_name() {
  static std::string name = "tamis";
  return name;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("tamis");
    made->set_pattern("%v");
    made->set_level(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

LogLevel& threshold() {
  static LogLevel level = LogLevel::info;
  return level;
}

constexpr std::string_view words[] = {"debug", "info", "warn", "error"};

std::string logfmt_value(const std::string& text) {
  if (!text.empty() && text.find_first_of(" \"=\n\t") == std::string::npos) return text;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void start_logging(std::string_view program) {
  program_name() = program;
  logger();
  for (size_t i = 0; i < std::size(words); ++i)
    if (words[i] == FLAGS_log_level) {
      threshold() = static_cast<LogLevel>(i);
      if (FLAGS_log_format != "logfmt" && FLAGS_log_format != "json")
        throw UserError("--log_format can't be \"{}\": logfmt or json", FLAGS_log_format);
      return;
    }
  throw UserError("--log_level can't be \"{}\": debug, info, warn or error", FLAGS_log_level);
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < threshold()) return;
  const auto word = words[static_cast<size_t>(level)];
  std::string line;
  if (FLAGS_log_format == "json") {
    Json json = {
        {"time", format_rfc3339(now())}, {"level", word}, {"program", program_name()}, {"event", event}};
    for (const auto& field : fields) json[std::string(field.name)] = field.text;
    line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else {
    line = fmt::format("{} {:<5} {}", format_rfc3339(now()), word, event);
    for (const auto& field : fields) line += fmt::format(" {}={}", field.name, logfmt_value(field.text));
  }
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                         spdlog::level::warn, spdlog::level::err};
  logger().log(levels[static_cast<size_t>(level)], "{}", line);
}

}  // namespace tamis::base
