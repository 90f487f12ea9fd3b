#include "tasks/sinks/bulk_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamis::sinks {
namespace {

TEST(BulkAnswer, CountsItemsOfACleanAnswer) {
  const auto answer = read_bulk_answer(
      R"({"took":7,"errors":false,"items":[{"index":{"status":201}},{"index":{"status":200}}]})");
  EXPECT_TRUE(answer.readable);
  EXPECT_EQ(answer.items, 2U);
  EXPECT_TRUE(answer.failed.empty());
}

TEST(BulkAnswer, GivesPositionStatusAndWordsOfWhatFailed) {
  const auto answer = read_bulk_answer(
      R"({"errors":true,"items":[{"index":{"status":201}}, {"index":{"error":{"type":"t\"1","reason":"r\u00e9","caused_by":{"x":["]}"]}},"status":400}},)"
      R"({"index":{"_id":"a","status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}],"took":0})");
  ASSERT_TRUE(answer.readable);
  EXPECT_EQ(answer.items, 3U);
  ASSERT_EQ(answer.failed.size(), 2U);
  EXPECT_EQ(answer.failed[0].position, 1U);
  EXPECT_EQ(answer.failed[0].status, 400);
  EXPECT_EQ(answer.failed[0].type, "t\"1");
  EXPECT_EQ(answer.failed[0].reason, "ré");
  EXPECT_EQ(answer.failed[1].position, 2U);
  EXPECT_EQ(answer.failed[1].status, 429);
}

TEST(BulkAnswer, IsUnreadableWhenCutOffAnywhere) {
  const std::string whole =
      R"({"errors":true,"took":1,"items":[{"index":{"status":400,"error":{"type":"a","reason":"b\\"}}}]})";
  EXPECT_TRUE(read_bulk_answer(whole).readable);
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(read_bulk_answer(std::string_view(whole).substr(0, n)).readable) << n;
}

TEST(BulkAnswer, IsUnreadableWhenItIsNoBulkAnswer) {
  for (const char* text :
       {"", "null", "[]", "<html>", "{}", R"({"errors":false})", R"({"items":5})", R"({"items":[1]})",
        R"({"items":[]} x)", R"({"items":[{"index":{"status":"x"}}]})"})
    EXPECT_FALSE(read_bulk_answer(text).readable) << text;
}

struct Case {
  BulkItem item;
  int attempt;
  Verdict verdict;
};

TEST(JudgeItem, FollowsTheTableOfOperations) {
  const Case cases[] = {
      {{0, 201, "", ""}, 0, Verdict::done},
      {{0, 409, "version_conflict_engine_exception", ""}, 0, Verdict::already_there},
      {{0, 429, "es_rejected_execution_exception", ""}, 9, Verdict::retry},
      {{0, 429, "circuit_breaking_exception", ""}, 0, Verdict::retry},
      {{0, 503, "unavailable_shards_exception", ""}, 9, Verdict::retry},
      {{0, 429, "cluster_block_exception", "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded]"},
       0,
       Verdict::retry_slowly},
      {{0, 403, "cluster_block_exception", "blocked by: [FORBIDDEN/12/index read-only]"},
       0,
       Verdict::retry_slowly},
      {{0, 403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]"},
       0,
       Verdict::misplaced},
      {{0, 403, "security_exception", ""}, 0, Verdict::misplaced},
      {{0, 404, "index_not_found_exception", ""}, 0, Verdict::misplaced},
      {{0, 400, "index_closed_exception", ""}, 0, Verdict::misplaced},
      {{0, 400, "illegal_argument_exception", "pipeline with id [x] does not exist"}, 0, Verdict::misplaced},
      {{0, 400, "illegal_argument_exception", "Limit of total fields"}, 0, Verdict::refuse},
      {{0, 400, "document_parsing_exception", ""}, 0, Verdict::refuse},
      {{0, 400, "mapper_parsing_exception", ""}, 0, Verdict::refuse},
      {{0, 400, "action_request_validation_exception", ""}, 0, Verdict::isolate},
      {{0, 500, "fail_processor_exception", ""}, 0, Verdict::retry},
      {{0, 500, "fail_processor_exception", ""}, 9, Verdict::refuse},
      {{0, 0, "", ""}, 0, Verdict::retry},
  };
  for (const auto& one : cases)
    EXPECT_EQ(judge_item(one.item, one.attempt), one.verdict)
        << one.item.status << ' ' << one.item.type << ' ' << one.item.reason;
}

TEST(ErrorText, ShowsTypeAndReasonOrTheBodyItself) {
  EXPECT_EQ(error_text(R"({"error":{"type":"a","reason":"b"},"status":400})"), "a: b");
  EXPECT_EQ(error_text(R"({"error":"plain"})"), "plain");
  EXPECT_EQ(error_text("<h1>Bad\nGateway</h1>"), "<h1>Bad Gateway</h1>");
}

}  // namespace
}  // namespace tamis::sinks
