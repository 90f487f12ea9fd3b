#include <filesystem>
#include <fstream>

#include "tests/unit/transforms/rows.h"

namespace tamis::transforms {
namespace {

class Lookup : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tamis-lookup-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    context_.layout = layout_of({{"id", "keyword"}, {"no", "long"}, {"x", "double"}});
    context_.next_column = 3;
    context_.folder = folder_;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& content) { std::ofstream(folder_ + "/a.csv", std::ios::binary) << content; }
  std::string message(const std::string& yaml) {
    base::Findings findings;
    auto context = context_;
    EXPECT_EQ(compile(yaml, context, findings), nullptr);
    return findings.empty() ? "" : findings.all()[0].message;
  }
  std::string folder_;
  CompileContext context_;
};

TEST_F(Lookup, TakesColumnsByKey) {
  write(
      "\xEF\xBB\xBF"
      "city,id,unused,note\r\nCasablanca,s1,x,\"roof, "
      "\"\"north\"\"\"\r\n\r\nRabat,s2,,\n,s3,,\"two\nlines\"\n Agadir ,s 4,,");
  auto batch = batch_of(context_.layout, {{{"id", "s1"}},
                                          {{"id", "s2"}},
                                          {{"id", "s3"}},
                                          {{"id", "S1"}},
                                          Json::object(),
                                          {{"id", "s 4"}},
                                          {{"id", ""}}});
  apply("lookup: {file: a.csv, key: id, take: [note, city]}", context_, batch);
  EXPECT_EQ(row_of(batch, context_.layout, 0),
            Json::parse(R"({"id":"s1","note":"roof, \"north\"","city":"Casablanca"})"));
  EXPECT_EQ(row_of(batch, context_.layout, 1), Json::parse(R"({"id":"s2","city":"Rabat"})"));
  EXPECT_EQ(row_of(batch, context_.layout, 2), Json::parse(R"({"id":"s3","note":"two\nlines"})"));
  EXPECT_EQ(row_of(batch, context_.layout, 3), Json::parse(R"({"id":"S1"})"));
  EXPECT_EQ(row_of(batch, context_.layout, 4), Json::object());
  EXPECT_EQ(row_of(batch, context_.layout, 5), Json::parse(R"({"id":"s 4","city":" Agadir "})"));
  EXPECT_EQ(context_.files, std::vector{folder_ + "/a.csv"});
  EXPECT_EQ(context_.next_column, 5u);
}

TEST_F(Lookup, ComparesALongAsText) {
  write("no,name\n2,second\n-1,cellar\n07,seventh\n");
  auto batch = batch_of(context_.layout, {{{"no", 2}}, {{"no", -1}}, {{"no", 7}}});
  apply("lookup: {file: a.csv, key: no, take: [name]}", context_, batch);
  EXPECT_EQ(row_of(batch, context_.layout, 0)["name"], "second");
  EXPECT_EQ(row_of(batch, context_.layout, 1)["name"], "cellar");
  EXPECT_FALSE(row_of(batch, context_.layout, 2).contains("name"));
}

TEST_F(Lookup, TellsWhatIsWrongWithTheFile) {
  EXPECT_EQ(message("lookup: {file: a.csv, key: id, take: [city]}"),
            "the lookup file \"" + folder_ + "/a.csv\" is not there");
  const auto with = [&](const std::string& content) {
    write(content);
    return message("lookup: {file: a.csv, key: id, take: [city]}").substr(folder_.size() + 1);
  };
  EXPECT_EQ(with("id,cty\n1,2\n"), "a.csv:1: the header has no column \"city\" (did you mean \"cty\"?)");
  EXPECT_EQ(with("id,city\na,1\nb,2\na,3\n"), "a.csv:4: the key \"a\" is there twice, first in line 2");
  EXPECT_EQ(with("id,city\na\n"), "a.csv:2: 1 cells where the header has 2");
  EXPECT_EQ(with("id,city\n\"a,1\n"), "a.csv:2: a quote that is never closed");
  EXPECT_EQ(with("id,city\na\"b,1\n"), "a.csv:2: a wrong quote");
  write("");
  EXPECT_NE(message("lookup: {file: a.csv, key: id, take: [city]}").find("is empty"), std::string::npos);
  write("id,city\n\xff,2\n");
  EXPECT_NE(message("lookup: {file: a.csv, key: id, take: [city]}").find("not UTF-8"), std::string::npos);
}

TEST_F(Lookup, RefusesWrongParameters) {
  write("id,city,no,x\n");
  const auto fault = [&](const std::string& rest) {
    return fault_of("lookup: {file: a.csv, " + rest + "}", context_);
  };
  EXPECT_EQ(fault("key: ix, take: [city]"), "1:28 unknown_field");
  EXPECT_EQ(fault("key: x, take: [city]"), "1:28 type_mismatch");
  EXPECT_EQ(fault("key: id, take: [no]"), "1:39 duplicate_field");
  EXPECT_EQ(fault("key: id, take: [city, city]"), "1:45 duplicate_field");
  EXPECT_EQ(fault("key: id, take: []"), "1:38 missing_key");
  EXPECT_EQ(fault("key: id, take: [source]"), "1:39 bad_name");
  EXPECT_EQ(fault("key: id, take: [city], tak: 1"), "1:46 unknown_key");
  EXPECT_EQ(fault("key: id, take: [city]"), "compiled");
}

}  // namespace
}  // namespace tamis::transforms
