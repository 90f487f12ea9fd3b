#include "core/records/batch.h"

#include <gtest/gtest.h>

#include <set>

#include "core/records/slice.h"

namespace tamis::records {
namespace {

TEST(Arena, KeepsTextsOfAnySizeApartUntilCleared) {
  Arena arena;
  std::vector<std::pair<std::string, std::string_view>> kept;
  for (size_t i = 0; i < 300; ++i) {
    const std::string text(i * 997 % 100000, static_cast<char>('a' + i % 26));
    kept.emplace_back(text, arena.copy(text));
  }
  for (const auto& [text, view] : kept) EXPECT_EQ(text, view);
}

TEST(Arena, UsesItsMemoryAgain) {
  Arena arena;
  char* first = arena.allocate(100);
  arena.clear();
  EXPECT_EQ(arena.allocate(100), first);
}

TEST(Reasons, HaveDistinctWords) {
  std::set<std::string_view> words;
  for (size_t i = 0; i < reason_count; ++i) words.insert(reason_name(static_cast<Reason>(i)));
  EXPECT_EQ(words.size(), reason_count);
}

TEST(Slices, AreNamedByWhereTheyBegin) {
  EXPECT_EQ((Slice{{{"topic", "t"}, {"partition", 2}, {"start", 250000}, {"end", 500000}}}.name()),
            "t-2-250000");
  EXPECT_EQ((Slice{{{"file", "in.jsonl"}, {"start", 32}, {"end", 64}}}.name()), "in.jsonl-32");
}

TEST(Slices, KeepTheSourcesOwnMembersToThemselves) {
  const Slice slice{{{"file", "a"}, {"start", 0}, {"end", 5}, {"_line", 7}}};
  EXPECT_EQ(slice.shown().dump(), R"({"file":"a","start":0,"end":5})");
  EXPECT_EQ(slice.span(), 5);
}

}  // namespace
}  // namespace tamis::records
