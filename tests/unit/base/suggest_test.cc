#include "core/base/suggest.h"

#include <gtest/gtest.h>

namespace tamis::base {
namespace {

TEST(Nearest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words{"retries", "retry_delay", "queue", "pool"};
  EXPECT_EQ(nearest("retrys", words), "retries");
  EXPECT_EQ(nearest("qeueu", words), "queue");
  EXPECT_EQ(nearest("poll", words), "pool");
}

TEST(Nearest, SaysNothingWhenNoneIsNear) {
  const std::vector<std::string> words{"retries", "queue"};
  EXPECT_EQ(nearest("banana", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(did_you_mean("banana", words), "");
}

}  // namespace
}  // namespace tamis::base
