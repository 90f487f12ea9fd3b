// How long to wait before attempt n.  Full jitter: many who failed together don't come back together.
#pragma once
#include <algorithm>
#include <cmath>
#include <random>

#include "core/base/time.h"

namespace tamis::base {

struct Backoff {
  Duration base = std::chrono::milliseconds(200);
  Duration cap = std::chrono::seconds(30);

  /// The longest wait before attempt `n` (1 is the first repetition).
  Duration limit(int n) const {
    const double grown = static_cast<double>(base.count()) * std::exp2(std::clamp(n - 1, 0, 40));
    return Duration(static_cast<int64_t>(std::min(grown, static_cast<double>(cap.count()))));
  }
  /// A wait between nothing and the limit.
  template <typename Random>
  Duration jittered(int n, Random& random) const {
    return Duration(std::uniform_int_distribution<int64_t>(0, limit(n).count())(random));
  }
};

}  // namespace tamis::base
