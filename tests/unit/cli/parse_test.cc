#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/help.h"
#include "core/base/error.h"

namespace tamis::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::vector<std::string>& words) {
  try {
    parse(words);
  } catch (const base::UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Parse, FindsCommandArgumentsAndOptions) {
  const auto parsed =
      parse({"dags", "trigger", "iot", "--wait", "-c", "{}", "--run-id=r1", "--timeout", "5m"});
  ASSERT_NE(parsed.command, nullptr);
  EXPECT_EQ(parsed.command->words(), "dags trigger");
  EXPECT_THAT(parsed.values.at("dag_id"), ElementsAre("iot"));
  EXPECT_TRUE(parsed.values.contains("wait"));
  EXPECT_THAT(parsed.values.at("conf"), ElementsAre("{}"));
  EXPECT_THAT(parsed.values.at("run_id"), ElementsAre("r1"));
  EXPECT_THAT(parsed.values.at("timeout"), ElementsAre("5m"));
}

TEST(Parse, TakesArgumentsAsFlagsTooAsAirflowDoes) {
  EXPECT_THAT(parse({"dags", "list-runs", "-d", "iot"}).values.at("dag_id"), ElementsAre("iot"));
  EXPECT_THAT(parse({"dags", "list-runs", "--dag-id=iot"}).values.at("dag_id"), ElementsAre("iot"));
  const auto mixed = parse({"tasks", "state", "-t", "clean", "iot", "latest"});
  EXPECT_THAT(mixed.values.at("dag_id"), ElementsAre("iot"));
  EXPECT_THAT(mixed.values.at("task_id"), ElementsAre("clean"));
  EXPECT_THAT(mixed.values.at("run"), ElementsAre("latest"));
}

TEST(Parse, PassesSettingsOnWhereverTheyStand) {
  EXPECT_THAT(parse({"--server=http://x:1", "dags", "list"}).settings, ElementsAre("--server=http://x:1"));
  EXPECT_THAT(parse({"dags", "list", "--server", "x:1", "-o", "json"}).settings, ElementsAre("--server=x:1"));
  EXPECT_THAT(parse({"standalone", "stop", "--data-dir=/x"}).settings, ElementsAre("--data_dir=/x"));
}

TEST(Parse, TellsWordsOfACommandThatIsAlsoANoun) {
  EXPECT_EQ(parse({"standalone"}).command->verb, "");
  EXPECT_EQ(parse({"standalone", "status"}).command->verb, "status");
}

TEST(Parse, TakesManyArgumentsAndEverythingAfterTwoDashes) {
  EXPECT_THAT(parse({"dags", "validate", "a.yaml", "b.yaml"}).values.at("path"),
              ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(parse({"dags", "validate", "--", "--odd.yaml"}).values.at("path"), ElementsAre("--odd.yaml"));
}

TEST(Parse, NamesTheNearestRightWord) {
  EXPECT_THAT(refusal({"dgas", "list"}), HasSubstr("did you mean \"dags\""));
  EXPECT_THAT(refusal({"dags", "triger", "x"}), HasSubstr("did you mean \"trigger\""));
  EXPECT_THAT(refusal({"dags", "trigger", "x", "--wiat"}), HasSubstr("did you mean \"wait\""));
  EXPECT_THAT(refusal({"dags", "list", "-o", "jsn"}), HasSubstr("did you mean \"json\""));
  EXPECT_THAT(refusal({"dags", "list", "--sever=x"}), HasSubstr("did you mean \"server\""));
}

TEST(Parse, RefusesWhatIsMissingOrTooMuch) {
  EXPECT_THAT(refusal({"dags"}), HasSubstr("needs a verb"));
  EXPECT_THAT(refusal({"dags", "pause"}), HasSubstr("needs dag_id"));
  EXPECT_THAT(refusal({"dags", "pause", "a", "b"}), HasSubstr("takes no \"b\""));
  EXPECT_THAT(refusal({"dags", "trigger", "a", "--conf"}), HasSubstr("needs a value"));
  EXPECT_THAT(refusal({"dags", "trigger", "a", "--wait=5"}), HasSubstr("takes no value"));
  EXPECT_THAT(refusal({"dags", "list", "-z"}), HasSubstr("no option \"-z\""));
}

TEST(Commands, AllHaveSummariesAndExamplesThatParse) {
  std::set<std::string> words;
  for (const auto& command : commands()) {
    EXPECT_TRUE(words.insert(command.words()).second) << command.words() << " is there twice";
    EXPECT_FALSE(command.summary.empty()) << command.words();
    EXPECT_FALSE(command.examples.empty()) << command.words();
    std::set<char> letters;
    std::set<std::string> names;
    for (const auto& option : all_options(command)) {
      EXPECT_TRUE(names.insert(option.name).second) << command.words() << " --" << option.name;
      EXPECT_TRUE(option.letter == 0 || letters.insert(option.letter).second)
          << command.words() << " -" << option.letter;
    }
    for (const auto& positional : command.positionals)
      EXPECT_TRUE(positional.letter == 0 || letters.insert(positional.letter).second)
          << command.words() << " -" << positional.letter;
  }
}

TEST(Help, IsThereAtEveryLevel) {
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_EQ(parse({"dags", "--help"}).noun, "dags");
  EXPECT_TRUE(parse({"dags", "trigger", "--help"}).help);
  std::ostringstream all, noun, one;
  print_help(all);
  print_noun_help("dags", noun);
  print_command_help(*parse({"dags", "trigger", "x"}).command, one);
  for (const auto& command : commands()) EXPECT_THAT(all.str(), HasSubstr(command.words()));
  EXPECT_THAT(noun.str(), HasSubstr("dags list-runs"));
  EXPECT_THAT(one.str(), testing::AllOf(HasSubstr("usage: tamis dags trigger DAG_ID [OPTIONS]"),
                                        HasSubstr("-c, --conf=JSON"), HasSubstr("examples:")));
}

}  // namespace
}  // namespace tamis::cli
