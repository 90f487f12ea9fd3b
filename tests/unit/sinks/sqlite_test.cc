#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "core/base/error.h"
#include "tasks/sinks/data_reader.h"
#include "tasks/sinks/sqlite_database.h"
#include "tests/unit/sinks/documents.h"

namespace tamis::sinks {
namespace {

const Json full = {{"sensor", "s\"1\n"},
                   {"n", 9007199254740993},
                   {"x", 2.0},
                   {"ok", true},
                   {"t", "2026-03-01T09:00:00.000Z"},
                   {"@timestamp", "2026-03-01T09:00:00.000001Z"},
                   {"source", {{"topic", "t"}, {"partition", 0}, {"offset", 7}}}};

class Sqlite : public testing::Test {
 protected:
  std::unique_ptr<Sink> sink() { return make_sink("sqlite", {{"table", "readings"}}, context_); }
  std::vector<Json> rows(const std::string& table = "readings") {
    return make_sqlite_reader(folder_.file("tamis.db"))->read({.target = table, .limit = 10000}).rows;
  }
  Folder folder_;
  SinkContext context_ = context_in(folder_);
};

TEST_F(Sqlite, KeepsEveryTypeExactly) {
  auto s = sink();
  s->write(batch_of({{"readings", "t-0-7", full}, {"readings", "t-0-8", {{"n", -1}}}}));
  s->finish();
  Json wanted = full;
  wanted["_id"] = "t-0-7";
  const auto all = rows();
  ASSERT_EQ(all.size(), 2u);
  for (const auto& [name, value] : wanted.items()) EXPECT_EQ(all[1][name].dump(), value.dump()) << name;
  EXPECT_EQ(all[1].size(), wanted.size());
  EXPECT_EQ(all[0], Json({{"_id", "t-0-8"}, {"n", -1}}));
}

TEST_F(Sqlite, HasATableForEachIndexName) {
  auto s = sink();
  s->write(batch_of(
      {{"day-01", "a", {{"n", 1}}}, {"odd \"name\"", "a", {{"n", 2}}}, {"day-01", "b", {{"n", 3}}}}));
  EXPECT_EQ(make_sqlite_reader(folder_.file("tamis.db"))->targets(),
            (std::vector<std::string>{"day-01", "odd \"name\""}));
  EXPECT_EQ(rows("day-01").size(), 2u);
  EXPECT_EQ(rows("odd \"name\"").size(), 1u);
}

TEST_F(Sqlite, PutsWhatTheLayoutDoesNotNameIntoExtra) {
  context_.unknown_fields = true;
  auto s = sink();
  s->write(
      batch_of({{"readings", "a", {{"n", 1}, {"more", {1, 2}}, {"_version", "mine"}, {"q\"", nullptr}}}}));
  EXPECT_EQ(rows()[0].dump(), R"({"_id":"a","n":1,"more":[1,2],"_version":"mine","q\"":null})");
}

TEST_F(Sqlite, AddsColumnsWhenTheLayoutGrew) {
  sink()->write(batch_of({{"readings", "a", {{"n", 1}}}}));
  context_.layout.fields.push_back({"later", records::Type::double_, 5});
  sink()->write(batch_of({{"readings", "b", {{"n", 2}, {"later", 1.5}}}}));
  EXPECT_EQ(rows()[1], Json({{"_id", "b"}, {"n", 2}, {"later", 1.5}}));
  EXPECT_EQ(rows()[0], Json({{"_id", "a"}, {"n", 1}}));
}

TEST_F(Sqlite, NoticesThatATableWasDroppedMeanwhile) {
  auto s = sink();
  s->write(batch_of({{"readings", "a", {{"n", 1}}}}));
  SqliteDatabase(folder_.file("tamis.db"), SqliteDatabase::Mode::write).run("DROP TABLE readings");
  s->write(batch_of({{"readings", "b", {{"n", 2}}}}));
  EXPECT_EQ(rows().size(), 1u);
}

TEST_F(Sqlite, TellsOfDocumentsThatTheTableRefusesAndKeepsTheOthers) {
  SqliteDatabase(folder_.file("tamis.db"), SqliteDatabase::Mode::write)
      .run("CREATE TABLE readings (_id TEXT PRIMARY KEY, n INTEGER CHECK (n < 10))");
  std::vector<std::string> refused;
  context_.on_refused = [&](const auto& batch, const auto& entry, const std::string& message) {
    refused.push_back(std::string(batch.id(entry)) + ": " + message);
  };
  sink()->write(batch_of(
      {{"readings", "a", {{"n", 1}}}, {"readings", "b", {{"n", 11}}}, {"readings", "c", {{"n", 2}}}}));
  EXPECT_EQ(refused, std::vector<std::string>{"b: CHECK constraint failed: n < 10"});
  EXPECT_EQ(rows().size(), 2u);
}

TEST_F(Sqlite, LetsSeveralProcessesWriteOneFile) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      auto s = sink();
      for (int b = 0; b < 10; ++b) {
        std::vector<Written> documents;
        for (int i = 0; i < 20; ++i)
          documents.push_back({"readings", std::to_string(w) + "-" + std::to_string(b * 20 + i), {{"n", i}}});
        s->write(batch_of(documents));
      }
      s->finish();
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(rows().size(), 800u);
}

TEST_F(Sqlite, GivesUpAtALockWhenAskedToStop) {
  SqliteDatabase other(folder_.file("tamis.db"), SqliteDatabase::Mode::write);
  std::stop_source stop;
  context_.stop = stop.get_token();
  auto s = sink();
  other.run("BEGIN IMMEDIATE");
  stop.request_stop();
  EXPECT_THROW(s->write(batch_of({{"readings", "a", {{"n", 1}}}})), base::TransientError);
  other.run("ROLLBACK");
  s->write(batch_of({{"readings", "a", {{"n", 1}}}}));
  EXPECT_EQ(rows().size(), 1u);
}

TEST_F(Sqlite, WritesNothingOfABatchThatTheDiskHasNoRoomFor) {
  auto s = sink();
  s->write(batch_of({{"readings", "a", {{"n", 1}}}}));
  std::vector<Written> documents;
  for (int i = 0; i < 2000; ++i)
    documents.push_back({"readings", "b" + std::to_string(i), {{"sensor", std::string(1000, 'x')}}});
  // A limit on a file's size is the full disk that every machine has.
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto former = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit low = before;
  low.rlim_cur = 200 << 10;
  setrlimit(RLIMIT_FSIZE, &low);
  std::string message;
  try {
    s->write(batch_of(documents));
  } catch (const base::TransientError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, former);
  EXPECT_NE(message.find(folder_.file("tamis.db")), std::string::npos) << message;
  EXPECT_NE(message.find("nothing of this batch was written"), std::string::npos) << message;
  EXPECT_EQ(rows().size(), 1u);
  s->write(batch_of(documents));
  EXPECT_EQ(rows().size(), 2001u);
}

TEST_F(Sqlite, SaysWhatIsWrongWithTheFileOrTheNames) {
  std::ofstream(folder_.file("tamis.db")) << std::string(5000, 'x');
  EXPECT_THROW(sink(), base::UserError);
  std::filesystem::remove(folder_.file("tamis.db"));
  context_.layout.fields.push_back({"N", records::Type::long_, 5});
  try {
    sink();
    FAIL();
  } catch (const base::UserError& error) {
    EXPECT_NE(std::string(error.what()).find("\"N\" beside \"n\""), std::string::npos) << error.what();
  }
  EXPECT_EQ(faults("sqlite", {{"table", "sqlite_x"}}), "wrong_value");
  EXPECT_EQ(faults("sqlite", Json::object()), "missing_key");
  EXPECT_EQ(faults("sqlite", {{"table", "t"}, {"path", ""}}), "wrong_value");
  EXPECT_EQ(faults("sqlite", {{"table", "t"}, {"pth", "x"}}), "unknown_key");
  EXPECT_EQ(faults("sqlite", {{"table", "t-{event_time:%Y}"}, {"path", "x.db"}}), "");
}

TEST_F(Sqlite, MakesTheFoldersOfItsFile) {
  make_sink("sqlite", {{"table", "t"}, {"path", "a/b/c.db"}}, context_)
      ->write(batch_of({{"t", "a", {{"n", 1}}}}));
  EXPECT_EQ(make_sqlite_reader(folder_.file("a/b/c.db"))->targets(), std::vector<std::string>{"t"});
}

class SqliteReading : public Sqlite {
 protected:
  void SetUp() override {
    std::vector<Written> documents;
    for (int i = 0; i < 10; ++i) {
      // Instants within one millisecond too: six digits sort before three as plain texts.
      const std::string time = i < 5 ? "2026-03-01T09:00:0" + std::to_string(i) + ".000Z"
                                     : "2026-03-01T09:00:04.00000" + std::to_string(i) + "Z";
      documents.push_back({"readings",
                           "id" + std::to_string(i),
                           {{"@timestamp", time},
                            {"sensor", i % 2 == 0 ? "even" : "odd"},
                            {"n", i},
                            {"x", i / 2.0},
                            {"ok", i > 6}}});
    }
    sink()->write(batch_of(documents));
    reader_ = make_sqlite_reader(folder_.file("tamis.db"));
  }
  std::string ids(const DataQuery& query) {
    std::string out;
    for (const auto& row : reader_->read(query).rows) out += row["_id"].get<std::string>().substr(2);
    return out;
  }
  static std::optional<base::Instant> at(const std::string& text) { return base::parse_rfc3339(text); }
  std::unique_ptr<DataReader> reader_;
};

TEST_F(SqliteReading, SelectsByTimeToTheMicrosecond) {
  EXPECT_EQ(ids({.target = "readings"}), "0123456789");
  EXPECT_EQ(ids({.target = "readings", .from = at("2026-03-01T09:00:02Z"), .to = at("2026-03-01T09:00:04Z")}),
            "23");
  EXPECT_EQ(ids({.target = "readings", .from = at("2026-03-01T09:00:04Z")}), "456789");
  EXPECT_EQ(ids({.target = "readings", .from = at("2026-03-01T09:00:04.000006Z")}), "6789");
  EXPECT_EQ(ids({.target = "readings", .to = at("2026-03-01T09:00:04.000006Z"), .descending = true}),
            "543210");
}

TEST_F(SqliteReading, SelectsByValuesOfTheColumnsType) {
  EXPECT_EQ(ids({.target = "readings", .filters = {{"sensor", "odd"}}}), "13579");
  EXPECT_EQ(ids({.target = "readings", .filters = {{"sensor", "odd"}, {"ok", "true"}}}), "79");
  EXPECT_EQ(ids({.target = "readings", .filters = {{"n", "4"}}}), "4");
  EXPECT_EQ(ids({.target = "readings", .filters = {{"x", "1.5"}}}), "3");
  EXPECT_EQ(ids({.target = "readings", .filters = {{"_id", "id8"}}}), "8");
  EXPECT_EQ(ids({.target = "readings", .filters = {{"sensor", "' OR 1=1 --"}}}), "");
}

TEST_F(SqliteReading, GoesThroughPagesInBothDirections) {
  for (const bool descending : {false, true}) {
    DataQuery query{
        .target = "readings", .filters = {{"sensor", "even"}}, .limit = 2, .descending = descending};
    std::string all;
    int pages = 0;
    do {
      const auto page = reader_->read(query);
      EXPECT_EQ(page.total.has_value(), pages == 0);
      if (page.total) {
        EXPECT_EQ(*page.total, 5);
      }
      for (const auto& row : page.rows) all += row["_id"].get<std::string>().substr(2);
      query.cursor = page.next_cursor;
      ++pages;
    } while (!query.cursor.empty() && pages < 10);
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(all, descending ? "86420" : "02468");
  }
}

TEST_F(SqliteReading, UsesAnIndexForTheTime) {
  SqliteDatabase database(folder_.file("tamis.db"), SqliteDatabase::Mode::read);
  auto plan = database.prepare(
      "EXPLAIN QUERY PLAN SELECT _id FROM readings WHERE coalesce(rtrim(\"@timestamp\", 'Z'), '') >= 'x' "
      "ORDER BY "
      "coalesce(rtrim(\"@timestamp\", 'Z'), ''), _id");
  ASSERT_EQ(plan.step(), SqliteStatement::Result::row);
  EXPECT_NE(plan.text(3).find("INDEX readings_time"), std::string_view::npos) << plan.text(3);
  EXPECT_EQ(plan.step(), SqliteStatement::Result::done);  // and no sort
}

TEST_F(SqliteReading, NamesTheNearestRightWord) {
  const auto message = [&](const DataQuery& query) {
    try {
      reader_->read(query);
    } catch (const base::UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message({.target = "reading"}), "there is no table \"reading\" (did you mean \"readings\"?)");
  EXPECT_EQ(message({.target = "readings", .filters = {{"sensr", "a"}}}),
            "the table \"readings\" has no column \"sensr\" (did you mean \"sensor\"?)");
  EXPECT_EQ(message({.target = "readings", .filters = {{"n", "four"}}}), "\"n\" is a long, \"four\" is none");
  EXPECT_NE(message({.target = "readings", .cursor = "{}"}).find("no cursor"), std::string::npos);
  EXPECT_THROW(make_sqlite_reader(folder_.file("none.db"))->read({.target = "t"}), base::NotFound);
  EXPECT_TRUE(make_sqlite_reader(folder_.file("none.db"))->targets().empty());
}

}  // namespace
}  // namespace tamis::sinks
