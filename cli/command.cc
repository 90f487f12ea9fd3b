#include "cli/command.h"

#include <gflags/gflags.h>

#include <charconv>

#include "core/base/error.h"

DEFINE_string(server, "http://127.0.0.1:8080", "where tamis-api answers");

namespace tamis::cli {
namespace {

template <typename Number>
Number read(std::string_view name, const std::string& text, Number min, Number max) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw base::UserError("--{}: \"{}\" is no number", name, text);
  if (number < min || number > max)
    throw base::UserError("--{} must be between {} and {}, not {}", name, min, max, text);
  return number;
}

}  // namespace

std::string Invocation::text(std::string_view name, std::string fallback) const {
  const auto it = values.find(std::string(name));
  return it == values.end() || it->second.empty() ? std::move(fallback) : it->second.back();
}

const std::vector<std::string>& Invocation::all(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto it = values.find(std::string(name));
  return it == values.end() ? none : it->second;
}

int64_t Invocation::integer(std::string_view name, int64_t fallback, int64_t min, int64_t max) const {
  return has(name) ? read<int64_t>(name, text(name), min, max) : fallback;
}

double Invocation::number(std::string_view name, double fallback, double min, double max) const {
  return has(name) ? read<double>(name, text(name), min, max) : fallback;
}

base::Duration Invocation::duration(std::string_view name, base::Duration fallback) const {
  if (!has(name)) return fallback;
  if (const auto value = base::parse_duration(text(name))) return *value;
  throw base::UserError("--{}: \"{}\" is no duration; write 90s, 5m or 1h", name, text(name));
}

std::optional<base::Instant> Invocation::instant(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  if (const auto value = base::parse_instant(text(name))) return value;
  throw base::UserError("--{}: \"{}\" is no time; write 2026-03-01 or 2026-03-01T09:00:00Z", name,
                        text(name));
}

Client& Invocation::api() {
  if (!api_) api_ = std::make_unique<Client>(FLAGS_server);
  return *api_;
}

}  // namespace tamis::cli
