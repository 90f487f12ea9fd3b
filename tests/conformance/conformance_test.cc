// Every case through the parser, the planner and the pipeline of the product, in several ways: the order of
// slices, their repetition, the size of batches and threads must not show.  TAMIS_CASES names another folder
// of cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>

#include "core/workflow/dag_file.h"
#include "tasks/local_run.h"
#include "tasks/operator_table.h"
#include "tests/conformance/compare.h"
#include "tests/conformance/keeping_sink.h"
#include "tests/conformance/memory_source.h"

namespace tamis::conformance {
namespace {

namespace fs = std::filesystem;
using base::Json;

fs::path cases() {
  const char* folder = std::getenv("TAMIS_CASES");
  return folder != nullptr && *folder != '\0' ? fs::path(folder)
                                              : fs::path(TAMIS_ROOT) / "tests/conformance/cases";
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(cases()))
    if (fs::exists(entry.path() / "expected.json")) all.push_back(entry.path().filename());
  std::sort(all.begin(), all.end());
  return all;
}

/// How a case is run.
struct Way {
  const char* name;
  size_t batch_records = 4096, batches_in_flight = 8, concurrency = 1;
  bool is_padded = true;
  enum class Order { given, reversed, shuffled } order = Order::given;
  int times = 1;  ///< that every slice is run
};

const std::vector<Way>& ways() {
  static const std::vector<Way> all = {
      {"in order, large batches"},
      {"reversed, batches of 7", 7, 8, 1, false, Way::Order::reversed, 1},
      {"twice and shuffled, batches of 1", 1, 3, 1, true, Way::Order::shuffled, 2},
      {"at once and twice, batches of 7", 7, 1, 4, false, Way::Order::shuffled, 2},
      {"at once, large batches", 4096, 2, 3, true, Way::Order::reversed, 1},
  };
  return all;
}

class Conformance : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder() const { return cases() / GetParam(); }
  Json expected() const { return Json::parse(text_of(folder() / "expected.json")); }
  workflow::DagFile parse() const {
    return workflow::parse_dag_file(text_of(folder() / "dag.yaml"), tasks::operator_table(),
                                    {(folder() / "dag.yaml").string(), {}, {}});
  }
  std::string findings(const workflow::DagFile& file) const {
    return file.findings.text("dag.yaml", text_of(folder() / "dag.yaml"));
  }
};

void expect_nothing(const std::vector<std::string>& wrong, const std::string& what) {
  for (size_t i = 0; i < wrong.size() && i < 10; ++i) ADD_FAILURE() << what << ": " << wrong[i];
}

/// One pass through all runs of a case.
void run_case(const fs::path& folder, const workflow::Dag& dag, const Json& expected, const Way& way,
              unsigned seed) {
  auto topic = std::make_shared<Topic>();
  const auto store = std::make_shared<Store>();
  tasks::LocalOptions options;
  options.context.batch_records = way.batch_records;
  options.context.batches_in_flight = way.batches_in_flight;
  options.concurrency = way.concurrency;
  options.context.make_source = [&](const std::string& kind, const base::Node& parameters,
                                    const sources::SourceContext& context) {
    if (kind == "kafka") return make_memory_source(topic, parameters, way.is_padded);
    return sources::find_source(kind)->make(parameters, context);
  };
  options.context.make_sink = [&](const std::string&, const base::Node&, const sinks::SinkContext& context) {
    return make_keeping_sink(store, context);
  };
  std::mt19937 random(seed);
  options.arrange = [&](size_t n) {
    std::vector<size_t> order;
    for (int t = 0; t < way.times; ++t)
      for (size_t i = 0; i < n; ++i) order.push_back(way.order == Way::Order::reversed ? n - 1 - i : i);
    if (way.order == Way::Order::shuffled) std::shuffle(order.begin(), order.end(), random);
    return order;
  };

  std::map<std::string, std::string> window_of;
  std::map<std::string, WindowNote> notes;
  for (const auto& task : dag.tasks) {
    if (task.operator_name == "close_windows") {
      const auto windows = task.body["windows"].get<std::string>();
      window_of[task.task_id] = windows.substr(windows.rfind('.') + 1);
    } else if (task.body.contains("windows")) {
      for (const auto& [name, window] : task.body["windows"].items()) {
        if (window.contains("group_by"))
          notes[name].group_by = window["group_by"].get<std::vector<std::string>>();
        for (const auto& [aggregate, text] : window["aggregates"].items())
          notes[name].aggregates[aggregate] = text.get<std::string>();
      }
    }
  }

  tasks::LocalRun local(dag, options);
  Json all_documents = Json::array(), all_windows = Json::array();
  int number = 0;
  for (const auto& run : expected["runs"]) {
    ++number;
    topic->append_lines(
        text_of(folder / (number == 1 ? "input.jsonl" : "input.run" + std::to_string(number) + ".jsonl")));
    const auto at = "run " + std::to_string(number);
    const auto outcome = local.run("run" + std::to_string(number), {});
    std::vector<const tasks::LocalTask*> slices;
    for (const auto& task : outcome.tasks) {
      ASSERT_EQ(task.state, "success")
          << at << " " << task.task_id << "[" << task.map_index << "]: " << task.error;
      if (task.task_id == "clean") slices.push_back(&task);
    }
    const auto watermark = outcome.watermarks.at("clean");
    EXPECT_EQ(watermark ? Json(base::format_rfc3339(*watermark)) : Json(nullptr), run["watermark"]) << at;
    std::vector<std::string> wrong;
    ASSERT_EQ(slices.size(), run["account"].size()) << at;
    for (size_t i = 0; i < slices.size(); ++i) compare_account(run["account"][i], slices[i]->result, wrong);
    expect_nothing(wrong, at + " account");
    wrong.clear();
    compare_documents(run["documents"], store->take(sinks::Purpose::documents, wrong), false, wrong);
    expect_nothing(wrong, at + " documents");
    wrong.clear();
    compare_documents(run["rejects"], store->take(sinks::Purpose::rejects, wrong), true, wrong);
    expect_nothing(wrong, at + " rejects");
    wrong.clear();
    compare_windows(run["windows"], store->take(sinks::Purpose::windows, wrong), window_of, notes, wrong);
    expect_nothing(wrong, at + " windows");
    for (const auto& document : run["documents"]) all_documents.push_back(document);
    for (const auto& window : run["windows"]) all_windows.push_back(window);
  }
  const auto final_state = expected.value("final", Json::object());
  std::vector<std::string> wrong;
  compare_documents(final_state.value("documents", all_documents), store->held(sinks::Purpose::documents),
                    false, wrong);
  compare_windows(final_state.value("windows", all_windows), store->held(sinks::Purpose::windows), window_of,
                  notes, wrong);
  expect_nothing(wrong, "in the end");
}

TEST_P(Conformance, HoldsInEveryWay) {
  const auto expected = this->expected();
  const auto file = parse();
  if (expected.contains("load_error")) {
    const int line = expected["load_error"]["line"].get<int>();
    const auto& all = file.findings.all();
    EXPECT_TRUE(std::any_of(
        all.begin(), all.end(),
        [&](const auto& f) { return f.severity == base::Severity::error && f.span.line == line; }))
        << "no error on line " << line << ":\n"
        << findings(file);
    EXPECT_TRUE(file.dags.empty());
    return;
  }
  ASSERT_EQ(file.dags.size(), 1u) << findings(file);
  const unsigned seed = std::random_device()();
  for (const auto& way : ways()) {
    SCOPED_TRACE(std::string(way.name) + ", seed " + std::to_string(seed));
    run_case(folder(), file.dags[0], expected, way, seed);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Case, Conformance, testing::ValuesIn(names()),
                         [](const auto& of) { return of.param; });

TEST(ConformanceCases, AreThere) {
  EXPECT_GE(names().size(), 1u) << "no cases in " << cases();
}

}  // namespace
}  // namespace tamis::conformance
