// Simulated sensors of Casablanca: a record is a function of the seed and its number, so that slices can be
// made again.  Used by the generator source and by `tamis generate`.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tamis::sources {

/// What is wrong with a record.
enum class Dirt : uint8_t {
  none,
  missing_field,   ///< the sensor's or station's id
  null_field,      ///< the same, null
  wrong_type,      ///< a word where a number belongs
  number_as_text,  ///< a number in quotes: right for fields with `coerce`
  out_of_range,
  bad_timestamp,
  unknown_status,
  malformed_json,
  not_utf8,
  duplicate,  ///< a record that came shortly before, once more
  late        ///< two days older than its neighbours
};
inline constexpr size_t dirt_count = static_cast<size_t>(Dirt::late) + 1;
std::string_view dirt_name(Dirt dirt);

struct GeneratorOptions {
  std::string kind = "iot";  ///< iot or weather
  int64_t records = 1000;
  uint64_t seed = 1;
  double dirty = 0.05;  ///< share of records with dirt
  int64_t sensors = 50;
  base::Instant start = base::from_civil(2026, 1, 1);     ///< event time of record 0
  base::Duration step = std::chrono::milliseconds(1200);  ///< event time from one record to the next
};

/// The words that `kind` may be.
const std::vector<std::string>& generator_kinds();

/// Immutable; thread-safe.
class Generator {
 public:
  /// Throws UserError for options that can't be.
  explicit Generator(GeneratorOptions options);

  /// Appends record `number` to `out` without a line end; it holds none.  Returns what is wrong with it.
  Dirt append(int64_t number, std::string& out) const;
  Dirt dirt_of(int64_t number) const;
  /// The name of the sensor that made it, as a Kafka key.
  std::string key(int64_t number) const;
  base::Instant event_time(int64_t number) const { return options_.start + options_.step * number; }
  const GeneratorOptions& options() const { return options_; }

 private:
  void append_iot(int64_t number, Dirt dirt, std::string& out) const;
  void append_weather(int64_t number, Dirt dirt, std::string& out) const;
  int64_t original_of(int64_t number) const;

  GeneratorOptions options_;
};

}  // namespace tamis::sources
