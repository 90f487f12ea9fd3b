#include "tasks/sources/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/base/error.h"
#include "core/base/suggest.h"

namespace tamis::sources {
namespace {

struct Site {
  std::string_view name;
  double latitude, longitude;
  double warmer, dirtier;  ///< than the city: the coast is cool, the port and the roads are dirty
};
constexpr Site sites[] = {
    {"Maarif", 33.5792, -7.6327, 0.8, 1.2},      {"Anfa", 33.5943, -7.6646, -0.9, 0.8},
    {"Ain Sebaa", 33.6061, -7.5408, 0.3, 1.8},   {"Sidi Bernoussi", 33.6085, -7.5018, 0.5, 1.7},
    {"Hay Hassani", 33.5551, -7.6813, 0.2, 1.0}, {"Ain Chock", 33.5406, -7.6024, 1.1, 0.9},
    {"Port", 33.6053, -7.6106, -0.4, 1.6},       {"Ben M'Sik", 33.5544, -7.5743, 0.9, 1.3},
    {"Corniche", 33.5989, -7.6802, -1.4, 0.6},   {"Sidi Moumen", 33.5868, -7.5006, 0.9, 1.4}};

/// SplitMix64: a good 64-bit number for every pair of seed and position, without state.
uint64_t mix(uint64_t seed, uint64_t number, uint64_t use) {
  uint64_t z = seed * 0x9E3779B97F4A7C15ull + number * 0xD1B54A32D192ED03ull + use * 0x8CB92BA72F3D8DD7ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

/// Evenly from 0 to 1.
double share(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// About normal, from -3 to 3.
double noise(uint64_t seed, uint64_t number, uint64_t use) {
  double sum = 0;
  for (uint64_t k = 0; k < 4; ++k) sum += share(mix(seed, number, use * 16 + k));
  return (sum - 2) * 1.7;
}

/// The city at a time: a mild coast, warmest at three in the afternoon and in August, dirty air at rush
/// hours.
struct Weather {
  double temperature, humidity, pollution;
};
Weather weather_at(base::Instant time) {
  const auto c = base::civil(time);
  const double hour = c.hour + c.minute / 60.0 + c.second / 3600.0;
  const double turn = 2 * 3.14159265358979323846;
  const double season = std::cos(turn * (c.day_of_year - 220) / 365.25),
               day = std::cos(turn * (hour - 15) / 24);
  const auto rush = [hour](double at) { return std::exp(-(hour - at) * (hour - at) / 3); };
  Weather w{};
  w.temperature = 18 + 5.5 * season + 4.5 * day;
  w.humidity = 74 - 4 * season - 13 * day;
  w.pollution = 18 + 22 * rush(8.5) + 26 * rush(19) - 4 * day;
  return w;
}

constexpr std::string_view names[] = {"none",           "missing_field", "null_field",    "wrong_type",
                                      "number_as_text", "out_of_range",  "bad_timestamp", "unknown_status",
                                      "malformed_json", "not_utf8",      "duplicate",     "late"};
static_assert(std::size(names) == dirt_count);

constexpr std::string_view bad_times[] = {"yesterday", "2026-02-30T10:00:00Z", "01/03/2026 10:00",
                                          "2026-03-01 10:00:00", ""};
constexpr std::string_view bad_words[] = {"n/a", "error", "--", "NaN", ""};
constexpr std::string_view bad_status[] = {"OK", "unknown", "rebooting"};

using Out = std::back_insert_iterator<std::string>;

/// Writes `"name":value` of a number with the dirt that is meant for it.
void number_member(Out out, std::string_view name, double value, int digits, double beyond, Dirt dirt,
                   uint64_t random) {
  if (dirt == Dirt::wrong_type)
    fmt::format_to(out, ",\"{}\":\"{}\"", name, bad_words[random % std::size(bad_words)]);
  else if (dirt == Dirt::number_as_text)
    fmt::format_to(out, ",\"{}\":\" {:.{}f}\"", name, value, digits);
  else
    fmt::format_to(out, ",\"{}\":{:.{}f}", name, dirt == Dirt::out_of_range ? beyond : value, digits);
}

/// Writes `"sensor_id":"casa-0007"` as the dirt has it; the first member of a record.
void id_member(Out out, std::string_view name, std::string_view id, Dirt dirt) {
  if (dirt == Dirt::missing_field)
    fmt::format_to(out, "\"id\":\"{}\"", id);
  else if (dirt == Dirt::null_field)
    fmt::format_to(out, "\"{}\":null", name);
  else
    fmt::format_to(out, "\"{}\":\"{}\"", name, id);
}

/// Breaks the record that begins at `from` so that it is JSON no more, or no UTF-8.
void spoil(std::string& text, size_t from, Dirt dirt, uint64_t random) {
  if (dirt == Dirt::not_utf8) {
    const size_t quote = text.find("\":\"", from);
    text.insert(quote + 3, random % 2 == 0 ? "\xe9" : "\xc3\x28");
  } else if (dirt == Dirt::malformed_json) {
    switch (random % 4) {
      case 0:
        text.resize(from + (text.size() - from) * 2 / 3);
        break;
      case 1:
        text.back() = ',';
        break;
      case 2:
        text.replace(text.find("\":", from), 2, "\" ");
        break;
      default:
        text += text.substr(from, 8);
    }
  }
}

}  // namespace

std::string_view dirt_name(Dirt dirt) {
  return names[static_cast<size_t>(dirt)];
}

const std::vector<std::string>& generator_kinds() {
  static const std::vector<std::string> kinds = {"iot", "weather"};
  return kinds;
}

Generator::Generator(GeneratorOptions options) : options_(std::move(options)) {
  const auto& kinds = generator_kinds();
  if (std::find(kinds.begin(), kinds.end(), options_.kind) == kinds.end())
    throw base::UserError("there is no generator \"{}\"{}; there are iot and weather", options_.kind,
                          base::did_you_mean(options_.kind, kinds));
  if (options_.records < 0) throw base::UserError("records can't be {}", options_.records);
  if (options_.sensors < 1)
    throw base::UserError("there must be one sensor at least, not {}", options_.sensors);
  if (!(options_.dirty >= 0 && options_.dirty <= 1))
    throw base::UserError("dirty is a share from 0 to 1, not {}", options_.dirty);
}

Dirt Generator::dirt_of(int64_t number) const {
  const auto n = static_cast<uint64_t>(number);
  if (share(mix(options_.seed, n, 1)) >= options_.dirty) return Dirt::none;
  const auto dirt = static_cast<Dirt>(1 + mix(options_.seed, n, 2) % (dirt_count - 1));
  if (dirt == Dirt::duplicate && original_of(number) < 0) return Dirt::missing_field;
  return dirt;
}

/// Which clean record of the hundred before a duplicate repeats, or -1.
int64_t Generator::original_of(int64_t number) const {
  const auto n = static_cast<uint64_t>(number);
  const auto back = static_cast<int64_t>(mix(options_.seed, n, 3) % 100);
  for (int64_t k = 0; k < 20; ++k) {
    const int64_t original = number - 1 - (back + k) % 100;
    if (original >= 0 && share(mix(options_.seed, static_cast<uint64_t>(original), 1)) >= options_.dirty)
      return original;
  }
  return -1;
}

std::string Generator::key(int64_t number) const {
  if (dirt_of(number) == Dirt::duplicate) number = original_of(number);
  return fmt::format("{}-{:04}", options_.kind == "iot" ? "casa" : "station", number % options_.sensors);
}

Dirt Generator::append(int64_t number, std::string& out) const {
  const Dirt dirt = dirt_of(number);
  const size_t from = out.size();
  const bool is_duplicate = dirt == Dirt::duplicate;
  const int64_t shown = is_duplicate ? original_of(number) : number;
  const Dirt shown_dirt = is_duplicate ? Dirt::none : dirt;
  if (options_.kind == "iot")
    append_iot(shown, shown_dirt, out);
  else
    append_weather(shown, shown_dirt, out);
  spoil(out, from, dirt, mix(options_.seed, static_cast<uint64_t>(number), 4));
  return dirt;
}

void Generator::append_iot(int64_t number, Dirt dirt, std::string& text) const {
  const auto n = static_cast<uint64_t>(number);
  const auto random = [&](uint64_t use) { return mix(options_.seed, n, use); };
  const int64_t sensor = number % options_.sensors;
  const Site& site = sites[static_cast<size_t>(sensor) % std::size(sites)];
  const base::Instant time = event_time(number);
  Weather w = weather_at(time);
  w.temperature += site.warmer + 0.6 * noise(options_.seed, n, 10);
  w.humidity = std::clamp(w.humidity - 3 * site.warmer + 2.5 * noise(options_.seed, n, 11), 5.0, 100.0);
  w.pollution = std::max(0.5, w.pollution * site.dirtier + 3 * noise(options_.seed, n, 12));
  const double luck = share(random(5));
  std::string_view status = luck < 0.95 ? "ok" : luck < 0.985 ? "degraded" : "maintenance";
  // Dirt of a number falls on one of them.
  const auto hit = [&](uint64_t which) {
    const bool is_number =
        dirt == Dirt::wrong_type || dirt == Dirt::number_as_text || dirt == Dirt::out_of_range;
    return is_number && random(6) % 3 == which ? dirt : Dirt::none;
  };
  Out out(text);
  *out++ = '{';
  id_member(out, "sensor_id", fmt::format("casa-{:04}", sensor), dirt);
  fmt::format_to(out, ",\"site\":{{\"name\":\"{}\",\"lat\":{:.4f},\"lon\":{:.4f}}}", site.name, site.latitude,
                 site.longitude);
  if (dirt == Dirt::bad_timestamp)
    fmt::format_to(out, ",\"timestamp\":\"{}\"", bad_times[random(7) % std::size(bad_times)]);
  else
    fmt::format_to(out, ",\"timestamp\":\"{}\"",
                   base::format_rfc3339(dirt == Dirt::late ? time - std::chrono::hours(48) : time));
  number_member(out, "temperature", w.temperature, 2, random(8) % 2 == 0 ? 999.9 : -99.0, hit(0), random(9));
  number_member(out, "humidity", w.humidity, 1, 130.5, hit(1), random(9));
  number_member(out, "pollution", w.pollution, 1, -12.0, hit(2), random(9));
  if (dirt == Dirt::unknown_status) status = bad_status[random(7) % std::size(bad_status)];
  fmt::format_to(out, ",\"status\":\"{}\"}}", status);
}

void Generator::append_weather(int64_t number, Dirt dirt, std::string& text) const {
  const auto n = static_cast<uint64_t>(number);
  const auto random = [&](uint64_t use) { return mix(options_.seed, n, use); };
  const int64_t station = number % options_.sensors;
  const Site& site = sites[static_cast<size_t>(station) % std::size(sites)];
  const base::Instant time = event_time(number);
  Weather w = weather_at(time);
  w.temperature += site.warmer + 0.5 * noise(options_.seed, n, 10);
  w.humidity = std::clamp(w.humidity + 2.5 * noise(options_.seed, n, 11), 5.0, 100.0);
  const double pressure =
      1016 +
      4 * noise(options_.seed, static_cast<uint64_t>(time.time_since_epoch().count() / 86400000000), 12);
  const double wind = std::max(0.0, 4 + 2.5 * noise(options_.seed, n, 13));
  const bool rains = pressure < 1011 && share(random(14)) < 0.5;
  std::string_view sky = rains ? "rain" : w.humidity > 90 ? "fog" : pressure < 1015 ? "cloudy" : "clear";
  const auto hit = [&](uint64_t which) {
    const bool is_number =
        dirt == Dirt::wrong_type || dirt == Dirt::number_as_text || dirt == Dirt::out_of_range;
    return is_number && random(6) % 3 == which ? dirt : Dirt::none;
  };
  Out out(text);
  *out++ = '{';
  id_member(out, "station_id", fmt::format("station-{:04}", station), dirt);
  fmt::format_to(out,
                 ",\"city\":\"Casablanca\",\"location\":{{\"name\":\"{}\",\"lat\":{:.4f},\"lon\":{:.4f}}}",
                 site.name, site.latitude, site.longitude);
  if (dirt == Dirt::bad_timestamp)
    fmt::format_to(out, ",\"timestamp\":\"{}\"", bad_times[random(7) % std::size(bad_times)]);
  else
    fmt::format_to(out, ",\"timestamp\":\"{}\"",
                   base::format_rfc3339(dirt == Dirt::late ? time - std::chrono::hours(48) : time));
  number_member(out, "temperature", w.temperature, 2, random(8) % 2 == 0 ? 999.9 : -99.0, hit(0), random(9));
  number_member(out, "humidity", w.humidity, 1, 130.5, hit(1), random(9));
  number_member(out, "pressure", pressure, 1, 12.0, hit(2), random(9));
  fmt::format_to(out, ",\"wind_speed\":{:.1f},\"wind_direction\":{},\"rain\":{:.1f}", wind, random(15) % 360,
                 rains ? share(random(16)) * 6 : 0.0);
  if (dirt == Dirt::unknown_status) sky = bad_status[random(7) % std::size(bad_status)];
  fmt::format_to(out, ",\"sky\":\"{}\"}}", sky);
}

}  // namespace tamis::sources
