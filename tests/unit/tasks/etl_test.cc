#include <gtest/gtest.h>

#include <atomic>

#include "tasks/operator.h"
#include "tests/unit/tasks/memory_parts.h"

namespace tamis::tasks {
namespace {

using base::Json;
using sinks::Purpose;

constexpr const char* two_sinks = R"(
task_id: clean
operator: etl
source:
  kafka: {topic: t}
fields:
  v: {type: long, required: true}
sinks:
  - elasticsearch: {index: a}
  - elasticsearch: {index: b}
)";
const std::string with_rejects = std::string(two_sinks) + "rejects:\n  - elasticsearch: {index: rejected}\n";
const std::string with_windows =
    with_rejects + "allowed_lateness: 1h\nwindows:\n  w: {size: 1m, aggregates: {c: count()}}\n";

Json run(MemoryParts& parts, const std::string& task, Context context) {
  const Json slice = {{"topic", "t"}, {"partition", 0}, {"start", 0}, {"end", parts.input.size()}};
  TaskCall call;
  call.dag_id = "d";
  call.run_id = "r";
  call.task_id = "clean";
  call.folder = ".";
  call.slice = &slice;
  return find_task("tamis.etl")->run(Json::array(), task_kwargs(yaml(task), {}, call), context);
}

MemoryParts& fill(MemoryParts& parts, int good, int bad = 0) {
  for (int i = 0; i < good; ++i) parts.input.push_back("{\"v\":" + std::to_string(i) + "}");
  for (int i = 0; i < bad; ++i) parts.input.push_back("{\"v\":\"x\"}");
  return parts;
}

TEST(Etl, MovesARefusedRecordOnceFromAcceptedToRejected) {
  MemoryParts parts;
  fill(parts, 100, 3);
  parts.refuse = [](Purpose purpose, const std::string& index, const std::string& id) {
    if (purpose != Purpose::documents) return "";
    return id == "t-0-7" || (index == "b" && id == "t-0-9") ? "mapper_parsing_exception" : "";
  };
  auto context = parts.context();
  context.batch_records = 10;
  const auto result = run(parts, with_rejects, context);
  EXPECT_EQ(result["read"], 103);
  EXPECT_EQ(result["accepted"], 98);
  EXPECT_EQ(result["rejected"], 5);
  EXPECT_EQ(result["rejected_by"].dump(), R"({"wrong_type":3,"sink_refused":2})");
  EXPECT_EQ(result["documents"], 197);
  EXPECT_EQ(parts.count(Purpose::rejects), 5u);
  bool is_told = false;
  for (const auto& one : parts.kept)
    is_told = is_told || (one.purpose == Purpose::rejects && one.id == "t-0-7" &&
                          Json::parse(one.body)["message"] == "mapper_parsing_exception" &&
                          Json::parse(one.body)["raw"] == "{\"v\":7}");
  EXPECT_TRUE(is_told);
}

TEST(Etl, KeepsTheFirstRejectsInItsResultWithoutASinkForThem) {
  MemoryParts parts;
  fill(parts, 1, 30);
  const auto result = run(parts, two_sinks, parts.context());
  EXPECT_EQ(result["rejected"], 30);
  ASSERT_EQ(result["rejects"].size(), 20u);
  EXPECT_EQ(result["rejects"][19]["source"]["offset"], 20);
}

TEST(Etl, FailsWhenTheRejectsSinkRefuses) {
  MemoryParts parts;
  fill(parts, 1, 1);
  parts.refuse = [](Purpose purpose, const auto&, const auto&) {
    return purpose == Purpose::rejects ? "no such index" : "";
  };
  try {
    run(parts, with_rejects, parts.context());
    FAIL() << "a reject was lost";
  } catch (const base::UserError& error) {
    EXPECT_NE(std::string(error.what()).find("no such index"), std::string::npos) << error.what();
  }
}

TEST(Etl, HandsOnWhatASinkThrowsFromWritingOrFinishing) {
  for (const bool in_finish : {false, true}) {
    MemoryParts parts;
    fill(parts, 5000);
    const auto fail = [](Purpose purpose) {
      if (purpose == Purpose::documents) throw base::TransientError("disk full");
    };
    (in_finish ? parts.before_finish : parts.before_write) = fail;
    auto context = parts.context();
    context.batch_records = 16;
    EXPECT_THROW(run(parts, with_rejects, context), base::TransientError) << in_finish;
  }
}

TEST(Etl, HandsOnWhatTheReaderThrowsAndStoresNoPartials) {
  MemoryParts parts;
  fill(parts, 1000);
  parts.before_read = [](int64_t offset) {
    if (offset == 900) throw base::UserError("offsets 900 to 950 were deleted");
  };
  auto context = parts.context();
  context.batch_records = 16;
  EXPECT_THROW(run(parts, with_windows, context), base::UserError);
  EXPECT_TRUE(context.partials->touched({"d", "clean", "w"}, "r").empty());
}

TEST(Etl, StoresPartialsOnlyWhenAllDocumentsAreSafe) {
  MemoryParts parts;
  fill(parts, 10);
  auto context = parts.context();
  std::atomic<int> early = 0;
  parts.before_finish = [&](Purpose) {
    early += context.partials->touched({"d", "clean", "w"}, "r").empty() ? 0 : 1;
  };
  const auto result = run(parts, with_windows, context);
  EXPECT_EQ(result["windows"], 1);
  EXPECT_EQ(early, 0);
  EXPECT_EQ(context.partials->touched({"d", "clean", "w"}, "r").size(), 1u);
}

TEST(Etl, EndsSoonWhenAskedToStop) {
  MemoryParts parts;
  fill(parts, 1000);
  std::stop_source stop;
  auto context = parts.context();
  context.batch_records = 10;
  context.stop = stop.get_token();
  parts.before_read = [&](int64_t offset) {
    if (offset == 200) stop.request_stop();
  };
  EXPECT_THROW(run(parts, two_sinks, context), base::TransientError);
  EXPECT_LT(parts.count(Purpose::documents), 2000u);
}

TEST(Etl, StopsASinkThatBlocks) {
  MemoryParts parts;
  fill(parts, 1000);
  std::stop_source stop;
  auto context = parts.context();
  context.batch_records = 10;
  context.stop = stop.get_token();
  std::atomic<bool> is_blocked = false;
  parts.before_write = [&](Purpose) {
    is_blocked = true;
    while (!stop.stop_requested()) std::this_thread::yield();
    throw base::TransientError("stopped");
  };
  std::thread stopper([&] {
    while (!is_blocked) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_THROW(run(parts, two_sinks, context), base::TransientError);
  stopper.join();
}

TEST(Etl, ReportsProgressAndLogsTheAccount) {
  MemoryParts parts;
  fill(parts, 50, 2);
  auto context = parts.context();
  std::vector<std::string> lines;
  std::vector<Json> progress;
  context.log = [&](const std::string& line) { lines.push_back(line); };
  context.progress = [&](const Json& one) { progress.push_back(one); };
  run(parts, with_rejects, context);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress[0]["of"], 52);
  ASSERT_GE(lines.size(), 4u);
  EXPECT_NE(lines[1].find("accepted 50"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("wrong_type"), std::string::npos) << lines[2];
}

TEST(Etl, TellsWhatIsWrongWithAMessage) {
  MemoryParts parts;
  const auto* etl = find_task("tamis.etl");
  for (
      const char* kwargs :
      {"null", "{}", R"({"dag_id":"d","run_id":"r","task_id":"t"})",
       R"({"dag_id":"d","run_id":"r","task_id":"t","task":[]})",
       R"({"dag_id":"d","run_id":"r","task_id":"t","task":{},"slice":{}})",
       R"({"dag_id":"d","run_id":"r","task_id":"t","task":{"source":{"kafka":{"topic":"t"}},"fields":{"v":{"type":"lnog"}}},"slice":{}})",
       R"({"dag_id":"d","run_id":"r","task_id":"t","watermark":"now","task":{"source":{"kafka":{"topic":"t"}},"fields":{}},"slice":{}})"})
    EXPECT_THROW(etl->run(Json::array(), Json::parse(kwargs), parts.context()), base::UserError) << kwargs;
}

}  // namespace
}  // namespace tamis::tasks
