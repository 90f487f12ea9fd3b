#include "scheduler/rules.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/base/json.h"

namespace tamis::scheduler {
namespace {

using base::Json;
using workflow::TriggerRule;

Counts counts(uint32_t total, uint32_t success, uint32_t skipped = 0, uint32_t failed = 0,
              uint32_t upstream_failed = 0) {
  return {total, success, skipped, failed, upstream_failed, 0};
}

TEST(TriggerRules, DecideAsSoonAsTheyCan) {
  EXPECT_EQ(judge(TriggerRule::all_success, counts(0, 0)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::all_success, counts(2, 1)), Verdict::wait);
  EXPECT_EQ(judge(TriggerRule::all_success, counts(2, 2)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::all_success, counts(3, 1, 0, 1)), Verdict::upstream_failed);
  EXPECT_EQ(judge(TriggerRule::all_success, counts(3, 1, 1)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::all_done, counts(3, 1, 1)), Verdict::wait);
  EXPECT_EQ(judge(TriggerRule::all_done, counts(3, 1, 1, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::all_failed, counts(2, 0, 0, 1, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::all_failed, counts(2, 1)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::one_success, counts(3, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::one_success, counts(2, 0, 1, 1)), Verdict::upstream_failed);
  EXPECT_EQ(judge(TriggerRule::one_success, counts(2, 0, 2)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::one_failed, counts(2, 0, 0, 0, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::one_failed, counts(2, 2)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::one_done, counts(2, 0, 2)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::none_failed, counts(2, 1, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::none_failed_min_one_success, counts(2, 0, 2)), Verdict::skip);
  EXPECT_EQ(judge(TriggerRule::none_skipped, counts(2, 1, 0, 1)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::all_skipped, counts(2, 0, 2)), Verdict::run);
  EXPECT_EQ(judge(TriggerRule::always, counts(2, 0)), Verdict::run);
}

// The cases were made by running Airflow 2.10.5.
TEST(RetryDelay, AnswersAsAirflowInEveryCase) {
  const char* folder = std::getenv("TAMIS_AIRFLOW_CASES");
  std::ifstream in((folder != nullptr ? std::string(folder) : TAMIS_ROOT "/tests/conformance/airflow") +
                   "/retry_delay.json");
  ASSERT_TRUE(in);
  const Json cases = Json::parse(in);
  size_t compared = 0;
  for (const auto& item : cases["cases"]) {
    workflow::TaskSpec task;
    task.task_id = item["task_id"];
    task.retry_delay = base::Duration(static_cast<int64_t>(item["retry_delay_seconds"].get<double>() * 1e6));
    task.retry_exponential_backoff = item["retry_exponential_backoff"];
    if (item["max_retry_delay_seconds"].is_number())
      task.max_retry_delay =
          base::Duration(static_cast<int64_t>(item["max_retry_delay_seconds"].get<double>() * 1e6));
    const auto date = base::parse_rfc3339(item["logical_date"].get<std::string>());
    ASSERT_TRUE(date) << item;
    const auto delay = retry_delay(task, item["dag_id"], *date, item["try"]);
    EXPECT_EQ(static_cast<double>(delay.count()) / 1e6, item["delay_seconds"].get<double>()) << item;
    ++compared;
  }
  EXPECT_GE(compared, 40u);
}

}  // namespace
}  // namespace tamis::scheduler
