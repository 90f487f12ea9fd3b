#include "tasks/pipeline/target.h"

#include <fmt/format.h>

namespace tamis::pipeline {
namespace {
constexpr std::string_view time_begin = "{event_time:";
constexpr std::string_view directives = "YmdHjGV";
}  // namespace

std::optional<Target> Target::parse(std::string_view text, std::string& error) {
  Target target;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) target.parts_.push_back({0, literal});
    literal.clear();
  };
  size_t i = 0;
  while (i < text.size()) {
    if (text[i] == '}') {
      error = "\"}\" without \"{\"";
      return std::nullopt;
    }
    if (text[i] != '{') {
      literal += text[i++];
      continue;
    }
    const size_t close = text.find('}', i);
    if (close == std::string_view::npos) {
      error = "\"{\" without \"}\"";
      return std::nullopt;
    }
    const std::string_view inside = text.substr(i, close - i + 1);
    if (!inside.starts_with(time_begin)) {
      error = fmt::format(
          "\"{}\" can't be put in: a name takes only the event time, as \"{{event_time:%Y.%m.%d}}\"", inside);
      return std::nullopt;
    }
    const std::string_view format = inside.substr(time_begin.size(), inside.size() - time_begin.size() - 1);
    if (format.empty()) {
      error = "\"{event_time:}\" needs a format, as \"{event_time:%Y.%m.%d}\"";
      return std::nullopt;
    }
    for (size_t k = 0; k < format.size(); ++k) {
      if (format[k] != '%') {
        literal += format[k];
        continue;
      }
      const char directive = ++k < format.size() ? format[k] : ' ';
      if (directive == '%') {
        literal += '%';
        continue;
      }
      if (directives.find(directive) == std::string_view::npos) {
        error = fmt::format("\"%{}\" is not known here: an event time gives %Y %m %d %H %j %G %V %%",
                            k < format.size() ? std::string(1, directive) : "");
        return std::nullopt;
      }
      end_literal();
      target.parts_.push_back({directive, ""});
      target.takes_time_ = true;
      if (directive == 'H') target.by_hour_ = true;
    }
    i = close + 1;
  }
  end_literal();
  if (target.parts_.empty()) {
    error = "the name is empty";
    return std::nullopt;
  }
  return target;
}

std::string Target::at(base::Instant time) const {
  base::CivilTime civil{};
  if (takes_time_) civil = base::civil(time);
  std::string name;
  for (const auto& part : parts_) {
    switch (part.directive) {
      case 0:
        name += part.text;
        break;
      case 'Y':
        name += fmt::format("{:04}", civil.year);
        break;
      case 'm':
        name += fmt::format("{:02}", civil.month);
        break;
      case 'd':
        name += fmt::format("{:02}", civil.day);
        break;
      case 'H':
        name += fmt::format("{:02}", civil.hour);
        break;
      case 'j':
        name += fmt::format("{:03}", civil.day_of_year);
        break;
      case 'G':
        name += fmt::format("{:04}", civil.iso_year);
        break;
      default:
        name += fmt::format("{:02}", civil.iso_week);
    }
  }
  return name;
}

int64_t Target::granule(base::Instant time) const {
  if (!takes_time_) return 0;
  if (by_hour_) return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

}  // namespace tamis::pipeline
