#include "core/workflow/cron.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "core/base/error.h"

namespace tamis::workflow {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::string_view month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int horizon_days = 12 * 366;  // February 29 may be eight years away

struct Field {
  std::string_view name;
  int min, max;
  std::span<const std::string_view> words;  ///< names of min, min + 1, …
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

int number(std::string_view text, const Field& field, std::string_view whole) {
  for (size_t i = 0; i < field.words.size(); ++i)
    if (field.words[i] == text) return field.min + static_cast<int>(i);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    throw base::UserError("the {} field \"{}\" of the cron expression is not understood", field.name, whole);
  if (value < field.min || value > field.max)
    throw base::UserError("the {} field \"{}\" of the cron expression must be between {} and {}", field.name,
                          whole, field.min, field.max);
  return value;
}

/// Calls `set` with each value that `text` names.
template <typename Set>
void read_field(std::string_view text, const Field& field, Set set) {
  for (const auto part : split(text, ",")) {
    const size_t slash = part.find('/');
    const std::string_view range = part.substr(0, slash);
    int step = 1, first = field.min, last = field.max;
    if (slash != std::string_view::npos) {
      const std::string_view digits = part.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || step < 1)
        throw base::UserError(
            "the step of \"{}\" in the {} field of the cron expression must be a positive number", text,
            field.name);
    }
    if (range != "*" && range != "?") {
      const size_t dash = range.find('-');
      first = number(range.substr(0, dash), field, text);
      if (dash != std::string_view::npos)
        last = number(range.substr(dash + 1), field, text);
      else if (slash == std::string_view::npos)
        last = first;
    }
    if (last < first) {
      // croniter takes `22-2` as the range over the end; the step counts on.
      const int size = field.max - field.min + 1;
      for (int value = first; value <= last + size; value += step)
        set((value - field.min) % size + field.min);
    } else {
      for (int value = first; value <= last; value += step) set(value);
    }
  }
}

template <size_t N>
std::optional<int> next_bit(const std::bitset<N>& bits, int from) {
  for (int i = std::max(0, from); i < static_cast<int>(N); ++i)
    if (bits[static_cast<size_t>(i)]) return i;
  return std::nullopt;
}

template <size_t N>
std::optional<int> previous_bit(const std::bitset<N>& bits, int from) {
  for (int i = std::min(from, static_cast<int>(N) - 1); i >= 0; --i)
    if (bits[static_cast<size_t>(i)]) return i;
  return std::nullopt;
}

WallTime at(sys_days day, int hour, int minute, int second) {
  return WallTime(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

std::string_view preset_cron(std::string_view text) {
  if (text == "@hourly") return "0 * * * *";
  if (text == "@daily" || text == "@midnight") return "0 0 * * *";
  if (text == "@weekly") return "0 0 * * 0";
  if (text == "@monthly") return "0 0 1 * *";
  if (text == "@quarterly") return "0 0 1 */3 *";
  if (text == "@yearly" || text == "@annually") return "0 0 1 1 *";
  return "";
}

Cron Cron::parse(std::string_view text) {
  if (const auto preset = preset_cron(text); !preset.empty()) return parse(preset);
  std::vector<std::string> fields;
  for (const auto field : split(text, " \t"))
    if (!field.empty()) fields.push_back(lower(field));
  if (fields.size() != 5 && fields.size() != 6)
    throw base::UserError("a cron expression has 5 fields (minute hour day month weekday), \"{}\" has {}",
                          text, fields.size());

  Cron cron;
  read_field(fields[0], {"minute", 0, 59, {}}, [&](int v) { cron.minutes_.set(static_cast<size_t>(v)); });
  read_field(fields[1], {"hour", 0, 23, {}}, [&](int v) { cron.hours_.set(static_cast<size_t>(v)); });
  std::string day_list;
  for (const auto part : split(fields[2], ",")) {
    if (part == "l")
      cron.last_day_ = true;
    else
      day_list += (day_list.empty() ? "" : ",") + std::string(part);
  }
  if (!day_list.empty() || !cron.last_day_)
    read_field(day_list, {"day", 1, 31, {}}, [&](int v) { cron.days_.set(static_cast<size_t>(v)); });
  read_field(fields[3], {"month", 1, 12, month_names},
             [&](int v) { cron.months_.set(static_cast<size_t>(v)); });
  // 7 is Sunday too; a `*` must not count it twice when it steps.
  const int last_weekday = fields[4].find('7') != std::string::npos ? 7 : 6;
  read_field(fields[4], {"weekday", 0, last_weekday, weekday_names},
             [&](int v) { cron.weekdays_.set(static_cast<size_t>(v % 7)); });
  // As croniter has it, a field is restricted unless it covers everything.
  cron.any_day_ = cron.days_.count() == 31;
  cron.any_weekday_ = cron.weekdays_.all();
  if (fields.size() == 6)
    read_field(fields[5], {"second", 0, 59, {}}, [&](int v) { cron.seconds_.set(static_cast<size_t>(v)); });
  else
    cron.seconds_.set(0);
  return cron;
}

bool Cron::has_day(sys_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool is_last = date == std::chrono::year_month_day(date.year() / date.month() / std::chrono::last);
  const bool by_day = days_[static_cast<unsigned>(date.day())] || (last_day_ && is_last);
  const bool by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
  // Vixie's rule: when both are restricted, either suffices.
  if (!any_day_ && !any_weekday_) return by_day || by_weekday;
  return by_day && by_weekday;
}

std::optional<WallTime> Cron::next(WallTime after) const {
  const auto first_day = std::chrono::floor<days>(after);
  const auto rest = std::chrono::floor<std::chrono::seconds>(after - first_day).count() + 1;
  sys_days day = first_day;
  int from = static_cast<int>(rest);  // the first second of the day that counts
  for (int i = 0; i < horizon_days; ++i, day += days(1), from = 0) {
    if (from >= 86400 || !has_day(day)) continue;
    for (auto h = next_bit(hours_, from / 3600); h; h = next_bit(hours_, *h + 1)) {
      const int in_hour = std::max(0, from - *h * 3600);
      for (auto m = next_bit(minutes_, in_hour / 60); m; m = next_bit(minutes_, *m + 1)) {
        const auto s = next_bit(seconds_, std::max(0, in_hour - *m * 60));
        if (s) return at(day, *h, *m, *s);
      }
    }
  }
  return std::nullopt;
}

std::optional<WallTime> Cron::previous(WallTime before) const {
  const auto first_day = std::chrono::floor<days>(before);
  // The last second of the day that is before `before`.
  int to = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(before - first_day).count()) - 1;
  sys_days day = first_day;
  for (int i = 0; i < horizon_days; ++i, day -= days(1), to = 86399) {
    if (to < 0 || !has_day(day)) continue;
    for (auto h = previous_bit(hours_, to / 3600); h; h = previous_bit(hours_, *h - 1)) {
      const int in_hour = std::min(3599, to - *h * 3600);
      for (auto m = previous_bit(minutes_, in_hour / 60); m; m = previous_bit(minutes_, *m - 1)) {
        const auto s = previous_bit(seconds_, std::min(59, in_hour - *m * 60));
        if (s) return at(day, *h, *m, *s);
      }
    }
  }
  return std::nullopt;
}

}  // namespace tamis::workflow
