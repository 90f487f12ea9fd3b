// The name of an index, table, topic or path as a DAG file gives it: a text that may take parts of the event
// time, `iot-clean-{event_time:%Y.%m.%d}`.  Compiled when a task is checked, asked for every document of etl
// and close_windows.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace tamis::pipeline {

class Target {
 public:
  /// Empty, with what is wrong in `error`, when `text` takes anything but the event time or uses a directive
  /// other than
  /// `%Y %m %d %H %j %G %V %%`.
  static std::optional<Target> parse(std::string_view text, std::string& error);

  bool takes_time() const { return takes_time_; }
  /// The name for an event time (any, when takes_time() is false).
  std::string at(base::Instant time) const;
  /// Equal for times that have equal names: hours or days since 1970, 0 when no time is taken.
  int64_t granule(base::Instant time) const;

 private:
  struct Part {
    char directive = 0;  ///< 0: `text` as it is
    std::string text;
  };
  std::vector<Part> parts_;
  bool takes_time_ = false, by_hour_ = false;
};

}  // namespace tamis::pipeline
