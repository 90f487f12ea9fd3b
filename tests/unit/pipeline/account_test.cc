#include "tasks/pipeline/account.h"

#include <gtest/gtest.h>

namespace tamis::pipeline {
namespace {

using records::RowState;

records::Batch batch_of(std::vector<RowState> states) {
  records::Batch batch;
  batch.state = std::move(states);
  for (size_t i = 0; i < batch.state.size(); ++i) {
    batch.input.records.emplace_back();
    batch.event_time.push_back(base::Instant(base::Duration(static_cast<int64_t>(i))));
    batch.passed.push_back(1);
    batch.nulled.push_back(1);
  }
  return batch;
}

TEST(Account, CountsEveryRecordOnce) {
  auto batch =
      batch_of({RowState::live, RowState::filtered, RowState::duplicate, RowState::live, RowState::live});
  batch.reject(3, records::Reason::late, "t", "late");
  batch.passed[4] = 0;
  Account account;
  account.count(batch, true);
  EXPECT_TRUE(account.adds_up());
  EXPECT_EQ(account.read, 5);
  EXPECT_EQ(account.accepted, 2);
  EXPECT_EQ(account.rejected, 1);
  EXPECT_EQ(account.nulled, 4);
  EXPECT_EQ(account.max_event_time, base::Instant(base::Duration(3)));
  account.refuse();
  EXPECT_TRUE(account.adds_up());
  EXPECT_EQ(account.json()["rejected_by"].dump(), R"({"late":1,"sink_refused":1})");
}

TEST(Account, LeavesOutWhatWasOnlyLookedBackAt) {
  auto batch = batch_of({RowState::live, RowState::live});
  batch.reject(0, records::Reason::late, "t", "late");
  batch.input.records[0].is_lookback = true;
  batch.event_time[0] = base::Instant(base::Duration(99));
  Account account;
  account.count(batch, true);
  EXPECT_EQ(account.read, 1);
  EXPECT_EQ(account.rejected, 0);
  EXPECT_EQ(account.rejected_by[static_cast<size_t>(records::Reason::late)], 0);
  EXPECT_EQ(account.max_event_time, base::Instant(base::Duration(1)));
}

TEST(Account, IsTheSumOverSlices) {
  auto batch = batch_of({RowState::live, RowState::filtered});
  Account account;
  account.count(batch, true);
  account.documents = 2;
  account.lost.push_back({{"start", 1}, {"end", 2}});
  const std::vector<base::Json> results = {account.json(), nullptr, account.json(), {{"windows", 3}}};
  const auto total = sum(results);
  EXPECT_EQ(total.read, 4);
  EXPECT_EQ(total.documents, 4);
  EXPECT_EQ(total.windows, 0);
  EXPECT_EQ(total.lost.size(), 2u);
  EXPECT_EQ(total.max_event_time, account.max_event_time);
}

}  // namespace
}  // namespace tamis::pipeline
