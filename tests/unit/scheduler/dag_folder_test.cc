#include "scheduler/dag_folder.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "core/base/error.h"

namespace tamis::scheduler {
namespace {

namespace fs = std::filesystem;

class DagFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tamis-dags-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  void TearDown() override {
    folder_.reset();
    fs::remove_all(path_);
  }
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  void open() {
    workflow::OperatorTable operators;
    operators.entries.push_back({"empty", "", "", {"empty", {}}, false, {}});
    folder_ = std::make_unique<DagFolder>(path_.string(), operators, [this] {
      std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
  }
  /// Waits until the folder looks so; false after 5 s.
  template <typename Condition>
  bool becomes(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return condition(*folder_->content()); });
  }
  static std::string dag(const std::string& retries) {
    return "tasks: {t: {operator: empty, retries: " + retries + "}}\n";
  }

  fs::path path_;
  std::unique_ptr<DagFolder> folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST_F(DagFolderTest, FollowsWhatIsSavedBrokenMendedAndRemoved) {
  write("a.yaml", dag("1"));
  open();
  ASSERT_EQ(folder_->content()->dags.size(), 1u);
  write("sub/b.yaml", dag("1"));
  EXPECT_TRUE(becomes([](const auto& c) { return c.dags.contains("b"); }));
  write("a.yaml", dag("2"));
  EXPECT_TRUE(becomes([](const auto& c) { return c.dags.at("a")->tasks[0].retries == 2; }));
  write("a.yaml", dag("-1"));
  EXPECT_TRUE(becomes([](const auto& c) { return c.errors.size() == 1; }));
  EXPECT_EQ(folder_->content()->dags.at("a")->tasks[0].retries, 2) << "the last good version stays";
  EXPECT_NE(folder_->content()->errors[0].text.find("out_of_range"), std::string::npos);
  write("a.yaml", dag("3"));
  EXPECT_TRUE(
      becomes([](const auto& c) { return c.errors.empty() && c.dags.at("a")->tasks[0].retries == 3; }));
  fs::remove(path_ / "a.yaml");
  EXPECT_TRUE(becomes([](const auto& c) { return !c.dags.contains("a"); }));
}

TEST_F(DagFolderTest, AppliesDefaultsAndTheirChanges) {
  write("defaults.yaml", "default_args: {retries: 1}\n");
  write("sub/defaults.yaml", "default_args: {queue: q}\n");
  write("sub/a.yaml", "tasks: {t: {operator: empty}}\n");
  open();
  EXPECT_EQ(folder_->content()->dags.at("a")->tasks[0].retries, 1);
  EXPECT_EQ(folder_->content()->dags.at("a")->tasks[0].queue, "q");
  write("defaults.yaml", "default_args: {retries: 4}\n");
  EXPECT_TRUE(becomes([](const auto& c) { return c.dags.at("a")->tasks[0].retries == 4; }));
}

TEST_F(DagFolderTest, RefusesTheSecondOfTwoDagsOfOneName) {
  write("a.yaml", "dag_id: x\n" + dag("1"));
  write("b.yaml", "dag_id: x\n" + dag("2"));
  open();
  EXPECT_EQ(folder_->content()->dags.at("x")->tasks[0].retries, 1);
  ASSERT_EQ(folder_->content()->errors.size(), 1u);
  EXPECT_NE(folder_->content()->errors[0].text.find("is in"), std::string::npos);
}

TEST(DagFolder, SaysWhenThereIsNoFolder) {
  EXPECT_THROW(DagFolder("/nowhere/at/all", {}, [] {}), base::UserError);
}

}  // namespace
}  // namespace tamis::scheduler
