// What every sink that keeps documents promises (core/records/document.h, tasks/sinks/sink.h).  A sink joins
// with one line in `keepers`.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tasks/sinks/data_reader.h"
#include "tests/unit/sinks/documents.h"

namespace tamis::sinks {
namespace {

using Documents = std::map<std::string, Json>;

/// A sink and how a test sees what it holds.
struct Keeper {
  std::string kind;
  Json parameters;
  /// The documents of index `name` by id, without what the sink adds.
  std::function<Documents(const Folder&, const std::string& name)> read;
};

Documents read_sqlite(const Folder& folder, const std::string& name) {
  Documents documents;
  const auto reader = make_sqlite_reader(folder.file("tamis.db"));
  for (auto& row : reader->read({.target = name, .limit = 10000}).rows) {
    const auto id = row["_id"].get<std::string>();
    row.erase("_id");
    EXPECT_TRUE(documents.emplace(id, row).second) << id;
  }
  return documents;
}

Documents read_files(const Folder& folder, const std::string& name) {
  Documents documents;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file(name))) {
    if (entry.path().filename().string().starts_with(".")) continue;
    for (auto& line : lines_of(entry.path())) {
      const auto id = line["_id"].get<std::string>();
      line.erase("_id");
      line.erase("_version");
      EXPECT_TRUE(documents.emplace(id, line).second) << id << " is there twice";
    }
  }
  return documents;
}

const Keeper keepers[] = {{"sqlite", {{"table", "out"}}, read_sqlite},
                          {"files", {{"path", "out"}}, read_files}};

void PrintTo(const Keeper& keeper, std::ostream* out) {
  *out << keeper.kind;
}

class SinkContract : public testing::TestWithParam<Keeper> {
 protected:
  void write(const std::vector<std::vector<Written>>& batches) {
    auto sink = make_sink(GetParam().kind, GetParam().parameters, context_);
    for (const auto& documents : batches) sink->write(batch_of(documents));
    sink->finish();
  }
  Documents kept(const std::string& name = "out") { return GetParam().read(folder_, name); }
  Folder folder_;
  SinkContext context_ = context_in(folder_);
};

TEST_P(SinkContract, KeepsWhatIsWritten) {
  const Json body = {{"sensor", "a\"b\\ü😀"},
                     {"n", INT64_MIN},
                     {"x", -0.125},
                     {"ok", false},
                     {"t", "2026-03-01T09:00:00.000Z"},
                     {"@timestamp", "2026-03-01T09:00:00.000Z"},
                     {"source", {{"topic", "t"}, {"partition", 1}, {"offset", 2}}}};
  write({{{"out", "t-1-2", body}}, {{"out", "t-1-3", {{"n", 3}}}}});
  EXPECT_EQ(kept().size(), 2u);
  for (const auto& [name, value] : body.items()) EXPECT_EQ(kept()["t-1-2"][name], value) << name;
  EXPECT_EQ(kept()["t-1-3"], Json({{"n", 3}}));
}

TEST_P(SinkContract, ChangesNothingWhenASliceIsWrittenAgain) {
  std::vector<Written> documents;
  for (int i = 0; i < 500; ++i) documents.push_back({"out", "t-0-" + std::to_string(i), {{"n", i}}});
  write({documents});
  const auto once = kept();
  ASSERT_EQ(once.size(), 500u);
  write({documents});
  // In other batches, as with other settings.
  write({{documents.begin(), documents.begin() + 77}, {documents.begin() + 77, documents.end()}});
  EXPECT_EQ(kept(), once);
}

TEST_P(SinkContract, FinishesAfterAnAttemptThatDiedHalfway) {
  std::vector<Written> documents;
  for (int i = 0; i < 100; ++i) documents.push_back({"out", "t-0-" + std::to_string(i), {{"n", i}}});
  {
    auto sink = make_sink(GetParam().kind, GetParam().parameters, context_);
    sink->write(batch_of({documents.begin(), documents.begin() + 50}));
  }
  write({documents});
  EXPECT_EQ(kept().size(), 100u);
}

TEST_P(SinkContract, KeepsSlicesBesideEachOther) {
  write({{{"out", "t-0-0", {{"n", 0}}}}});
  context_.slice = "topic-0-1";
  write({{{"out", "t-0-1", {{"n", 1}}}}});
  context_.slice = "topic-1-0";
  write({{{"out", "t-1-0", {{"n", 2}}}, {"other", "t-1-1", {{"n", 3}}}}});
  EXPECT_EQ(kept().size(), 3u);
  EXPECT_EQ(kept("other").size(), 1u);
}

TEST_P(SinkContract, LetsANewerVersionWinAndAnOlderOneLose) {
  context_.purpose = Purpose::windows;
  context_.slice.clear();
  write({{{"out", "w", {{"n", 2}}, 2}}});
  write({{{"out", "w", {{"n", 1}}, 1}}});
  EXPECT_EQ(kept()["w"], Json({{"n", 2}}));
  write({{{"out", "w", {{"n", 3}}, 3}, {"out", "v", {{"n", 9}}, 0}}});
  EXPECT_EQ(kept()["w"], Json({{"n", 3}}));
  // The same version again, from another run: the same document, written once more.
  context_.run_id = "later";
  write({{{"out", "w", {{"n", 3}}, 3}}});
  EXPECT_EQ(kept().size(), 2u);
}

TEST_P(SinkContract, DecidesByVersionWithinOneRunWhateverTheOrder) {
  std::vector<Written> documents = {
      {"out", "k", {{"n", 5}}, 5}, {"out", "k", {{"n", 9}}, 9}, {"out", "k", {{"n", 7}}, 7}};
  write({{documents[0]}, {documents[1], documents[2]}});
  EXPECT_EQ(kept()["k"], Json({{"n", 9}}));
  // Members that the newer document lacks are gone.
  write({{{"out", "k", {{"x", 1.5}}, 10}}});
  EXPECT_EQ(kept()["k"], Json({{"x", 1.5}}));
}

TEST_P(SinkContract, KeepsUnknownMembersWhenTold) {
  context_.unknown_fields = true;
  write({{{"out", "a", {{"n", 1}, {"more", {{"deep", {1, 2, nullptr}}}}, {"text", "x\ny"}}}}});
  EXPECT_EQ(kept()["a"], Json::parse(R"({"n":1,"more":{"deep":[1,2,null]},"text":"x\ny"})"));
}

TEST_P(SinkContract, TakesEmptyBatchesAndNoneAtAll) {
  write({});
  write({{}});
}

INSTANTIATE_TEST_SUITE_P(All, SinkContract, testing::ValuesIn(keepers),
                         [](const auto& test) { return test.param.kind; });

}  // namespace
}  // namespace tamis::sinks
