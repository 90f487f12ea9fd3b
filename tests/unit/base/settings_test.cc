#include "core/base/settings.h"

#include <gflags/gflags.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/base/json.h"

DEFINE_int32(test_slots, 1, "a setting of this test");
DEFINE_string(test_password, "", "a secret of this test");
DECLARE_string(config);

namespace tamis::base {
namespace {

class Settings : public testing::Test {
 protected:
  void SetUp() override {
    file_ = testing::TempDir() + "settings_" + std::to_string(getpid()) + ".yaml";
    FLAGS_test_slots = 1;
    FLAGS_config = "";
    unsetenv("TAMIS_TEST_SLOTS");
    unsetenv("TAMIS_CONFIG");
    gflags::SetCommandLineOptionWithMode("test_slots", "1", gflags::SET_FLAGS_DEFAULT);
  }
  void TearDown() override {
    std::filesystem::remove(file_);
    unsetenv("TAMIS_TEST_SLOTS");
    unsetenv("TAMIS_CONFIG");
  }
  void write(const std::string& text) { std::ofstream(file_) << text; }
  void load(std::vector<std::string> words) {
    words.insert(words.begin(), "program");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int argc = static_cast<int>(words.size());
    char** at = argv.data();
    load_settings(argc, at);
  }
  gflags::FlagSaver saver_;
  std::string file_;
};

TEST_F(Settings, ComeFromTheFileWhenNothingElseSaysOtherwise) {
  write("test_slots: 5\n");
  load({"--config=" + file_});
  EXPECT_EQ(FLAGS_test_slots, 5);
}

TEST_F(Settings, OfTheEnvironmentWinOverTheFile) {
  write("test_slots: 5\n");
  setenv("TAMIS_TEST_SLOTS", "6", 1);
  setenv("TAMIS_CONFIG", file_.c_str(), 1);
  load({});
  EXPECT_EQ(FLAGS_test_slots, 6);
}

TEST_F(Settings, OfTheCommandLineWinOverAll) {
  write("test_slots: 5\n");
  setenv("TAMIS_TEST_SLOTS", "6", 1);
  load({"--config=" + file_, "--test_slots=7"});
  EXPECT_EQ(FLAGS_test_slots, 7);
}

TEST_F(Settings, NameTheFileAndTheNearestWordWhenOneIsUnknown) {
  write("test_slot: 5\n");
  try {
    load({"--config=" + file_});
    FAIL() << "no error";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find(file_ + ":1"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("\"test_slots\""), std::string::npos) << e.what();
  }
}

TEST_F(Settings, RefuseAValueThatDoesNotFit) {
  setenv("TAMIS_TEST_SLOTS", "many", 1);
  EXPECT_THROW(load({}), UserError);
}

TEST_F(Settings, ShowSecretsAsStars) {
  load({"--test_password=hush"});
  EXPECT_EQ(settings_in_force()["test_password"], "***");
}

}  // namespace
}  // namespace tamis::base
