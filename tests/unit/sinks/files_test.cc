#include <sys/resource.h>

#include <csignal>

#include "core/base/error.h"
#include "tests/unit/sinks/documents.h"

namespace tamis::sinks {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void write(const std::vector<Written>& documents) {
    auto sink = make_sink("files", {{"path", "out"}}, context_);
    sink->write(batch_of(documents));
    sink->finish();
  }
  /// Names of all files below the folder.
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      if (entry.is_regular_file() && !entry.path().filename().string().ends_with(".lock"))
        out.push_back(fs::relative(entry.path(), folder_.path()).string());
    std::sort(out.begin(), out.end());
    return out;
  }
  Folder folder_;
  SinkContext context_ = context_in(folder_);
};

TEST_F(Files, WriteAFileASliceWhichRepeatingReplaces) {
  write({{"out", "a", {{"n", 1}}}, {"out", "b", Json::object()}});
  write({{"out", "a", {{"n", 1}}}, {"out", "b", Json::object()}});
  context_.slice = "topic-0-5";
  write({{"out", "c", {{"n", 3}}}});
  EXPECT_EQ(names(),
            (std::vector<std::string>{"out/d.clean-topic-0-0.jsonl", "out/d.clean-topic-0-5.jsonl"}));
  const auto lines = lines_of(folder_.file("out/d.clean-topic-0-0.jsonl"));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].dump(), R"({"_id":"a","n":1})");
  EXPECT_EQ(lines[1].dump(), R"({"_id":"b"})");
}

TEST_F(Files, WriteIntoAFolderForEachIndexName) {
  write({{"out/01", "a", {{"n", 1}}}, {"out/02", "b", {{"n", 2}}}, {"out/01", "c", {{"n", 3}}}});
  EXPECT_EQ(lines_of(folder_.file("out/01/d.clean-topic-0-0.jsonl")).size(), 2u);
  EXPECT_EQ(lines_of(folder_.file("out/02/d.clean-topic-0-0.jsonl")).size(), 1u);
}

TEST_F(Files, ShowNothingOfWhatWasNotFinished) {
  {
    auto sink = make_sink("files", {{"path", "out"}}, context_);
    for (int i = 0; i < 40; ++i)
      sink->write(batch_of({{"out", std::to_string(i), {{"sensor", std::string(1 << 20, 'x')}}}}));
    EXPECT_TRUE(names().size() <= 1);
    for (const auto& name : names()) EXPECT_TRUE(name.starts_with("out/.")) << name;
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(Files, MergeDocumentsWithVersionsIntoOneFile) {
  write({{"out", "w1", {{"n", 1}}, 5}, {"out", "w\"2", {{"n", 2}}, 5}});
  context_.run_id = "run/2";
  write({{"out", "w1", {{"n", 10}}, 6}, {"out", "w\"2", {{"n", 20}}, 4}, {"out", "w3", {{"n", 3}}, 1}});
  EXPECT_EQ(names(), std::vector<std::string>{"out/d.clean.jsonl"});
  const auto lines = lines_of(folder_.file("out/d.clean.jsonl"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].dump(), R"({"_id":"w1","_version":6,"n":10})");
  EXPECT_EQ(lines[1].dump(), R"({"_id":"w\"2","_version":5,"n":2})");
}

TEST_F(Files, KeepTheNameOfARunApartFromFolders) {
  context_.slice.clear();
  context_.run_id = "../a/b";
  write({{"out", "a", {{"n", 1}}}});
  EXPECT_EQ(names(), std::vector<std::string>{"out/d.clean-..%2Fa%2Fb.jsonl"});
}

TEST_F(Files, LetTheirIdWinOverAMemberOfThatName) {
  context_.unknown_fields = true;
  write({{"out", "a", {{"n", 1}, {"_id", "mine"}}}});
  EXPECT_EQ(lines_of(folder_.file("out/d.clean-topic-0-0.jsonl"))[0].dump(), R"({"_id":"a","n":1})");
}

TEST_F(Files, LeaveTheFormerFileWhenTheDiskIsFull) {
  write({{"out", "a", {{"n", 1}}}});
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto former = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit low = before;
  low.rlim_cur = 4 << 10;
  setrlimit(RLIMIT_FSIZE, &low);
  EXPECT_THROW(write({{"out", "b", {{"sensor", std::string(100000, 'x')}}}}), base::TransientError);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, former);
  EXPECT_EQ(names().size(), 1u);
  EXPECT_EQ(lines_of(folder_.file("out/d.clean-topic-0-0.jsonl"))[0]["_id"], "a");
}

TEST_F(Files, RefuseAPathThatLooksLikeAFile) {
  EXPECT_EQ(faults("files", {{"path", "out.jsonl"}}), "wrong_value");
  EXPECT_EQ(faults("files", {{"path", ""}}), "wrong_value");
  EXPECT_EQ(faults("files", Json::object()), "missing_key");
  EXPECT_EQ(faults("files", {{"path", "out/{event_time:%Y}"}}), "");
  std::ofstream(folder_.file("out")) << "in the way";
  EXPECT_THROW(write({{"out", "a", {{"n", 1}}}}), base::UserError);
}

TEST(Stdout, PrintsALineADocument) {
  const Folder folder;
  const auto print = [&](const Json& parameters) {
    testing::internal::CaptureStdout();
    auto sink = make_sink("stdout", parameters, context_in(folder));
    sink->write(batch_of({{"", "a", {{"n", 1}}}, {"x", "b\"", {{"n", 2}}}}));
    sink->finish();
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_EQ(print(Json::object()),
            "{\"_id\":\"a\",\"doc\":{\"n\":1}}\n{\"_index\":\"x\",\"_id\":\"b\\\"\",\"doc\":{\"n\":2}}\n");
  EXPECT_EQ(print({{"plain", true}}), "{\"n\":1}\n{\"n\":2}\n");
}

TEST(Sinks, AreKnownByTheirWords) {
  for (const auto& kind : sink_kinds()) {
    EXPECT_EQ(find_sink(kind.name), &kind);
    EXPECT_FALSE(kind.summary.empty());
    EXPECT_TRUE(kind.target_key.empty() || kind.keys.find(kind.target_key) != nullptr) << kind.name;
    EXPECT_TRUE(kind.check && kind.make) << kind.name;
  }
  EXPECT_EQ(find_sink("sqlit"), nullptr);
}

}  // namespace
}  // namespace tamis::sinks
