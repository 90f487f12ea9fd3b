#include "tasks/windows/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/yaml.h"

namespace tamis::windows {
namespace {

using records::Type;

records::Layout sensor_layout() {
  records::Layout layout;
  const std::pair<const char*, Type> fields[] = {{"sensor_id", Type::keyword}, {"temperature", Type::double_},
                                                 {"steps", Type::long_},       {"on", Type::boolean},
                                                 {"seen", Type::timestamp},    {"window_end", Type::long_}};
  for (const auto& [name, type] : fields)
    layout.fields.push_back({name, type, static_cast<uint32_t>(layout.fields.size())});
  return layout;
}

struct Outcome {
  std::vector<WindowSpec> specs;
  std::vector<base::Finding> findings;
};

Outcome read(const std::string& yaml) {
  base::Findings findings;
  const auto nodes = base::parse_yaml(yaml, findings);
  Outcome outcome;
  outcome.specs = read_windows(nodes.at(0), sensor_layout(), findings);
  outcome.findings = findings.all();
  return outcome;
}

TEST(ReadWindows, ReadsATumblingWindow) {
  const auto [specs, findings] = read(
      "by_minute:\n  size: 1m\n  group_by: [sensor_id, on]\n  aggregates:\n    n: count()\n    a: "
      "avg(temperature)\n"
      "    s: sum(steps)\n    m: min(sensor_id)\n    d: distinct(seen)\n    f: first(on)\n");
  ASSERT_TRUE(findings.empty()) << findings[0].message;
  ASSERT_EQ(specs.size(), 1u);
  EXPECT_EQ(specs[0].size, std::chrono::minutes(1));
  EXPECT_EQ(specs[0].slide, std::chrono::minutes(1));
  EXPECT_THAT(specs[0].group_types, testing::ElementsAre(Type::keyword, Type::boolean));
  std::vector<Type> outputs;
  for (const auto& a : specs[0].aggregates) outputs.push_back(a.output);
  EXPECT_THAT(outputs, testing::ElementsAre(Type::long_, Type::double_, Type::long_, Type::keyword,
                                            Type::long_, Type::boolean));
  EXPECT_EQ(specs[0].document_layout().fields.size(), 10u);
  EXPECT_EQ(specs[0].document_layout().find("a")->type, Type::double_);
  EXPECT_EQ(specs[0].document_layout().find("window_end")->type, Type::timestamp);
}

struct Fault {
  const char* yaml;
  const char* code;
  int line, column;
  const char* words;
};

class WindowFaults : public testing::TestWithParam<Fault> {};

TEST_P(WindowFaults, AreFoundWhereTheyStand) {
  const Fault& fault = GetParam();
  const auto outcome = read(fault.yaml);
  ASSERT_EQ(outcome.findings.size(), 1u) << fault.yaml;
  EXPECT_EQ(outcome.findings[0].code, fault.code) << outcome.findings[0].message;
  EXPECT_EQ(outcome.findings[0].span.line, fault.line) << outcome.findings[0].message;
  EXPECT_EQ(outcome.findings[0].span.column, fault.column) << outcome.findings[0].message;
  EXPECT_THAT(outcome.findings[0].message, testing::HasSubstr(fault.words));
}

INSTANTIATE_TEST_SUITE_P(
    Each, WindowFaults,
    testing::Values(
        Fault{"w:\n  size: 1m\n  slide: 2m\n  aggregates: {c: count()}\n", "out_of_range", 3, 10, "slide"},
        Fault{"w:\n  size: 0s\n  aggregates: {c: count()}\n", "out_of_range", 2, 9, "size"},
        Fault{"w:\n  size: 1d\n  slide: 1s\n  aggregates: {c: count()}\n", "out_of_range", 3, 10, "86400"},
        Fault{"w:\n  size: often\n  aggregates: {c: count()}\n", "wrong_type", 2, 9, "duration"},
        Fault{"w:\n  aggregates: {c: count()}\n", "missing_key", 2, 3, "size"},
        Fault{"w:\n  size: 1m\n", "missing_key", 2, 3, "aggregates"},
        Fault{"w:\n  size: 1m\n  aggregates: {}\n", "missing_key", 3, 15, "at least one"},
        Fault{"w:\n  size: 1m\n  sise: 1m\n  aggregates: {c: count()}\n", "unknown_key", 3, 3, "size"},
        Fault{"w:\n  size: 1m\n  group_by: [sensor]\n  aggregates: {c: count()}\n", "unknown_field", 3, 14,
              "sensor"},
        Fault{"w:\n  size: 1m\n  group_by: [on, on]\n  aggregates: {c: count()}\n", "duplicate_name", 3, 18,
              "twice"},
        Fault{"w:\n  size: 1m\n  group_by: [window_end]\n  aggregates: {c: count()}\n", "reserved_name", 3,
              14, "window"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: averge(temperature)\n", "unknown_function", 4, 8,
              "averge"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: avg( temperatur )\n", "unknown_field", 4, 13,
              "\"temperature\""},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: \"avg(temperatur)\"\n", "unknown_field", 4, 13,
              "\"temperature\""},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: avg(sensor_id)\n", "wrong_type", 4, 12, "keyword"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: min(on)\n", "wrong_type", 4, 12, "boolean"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: stddev(seen)\n", "wrong_type", 4, 15, "timestamp"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: sum()\n", "missing_field", 4, 8, "sum"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: avg temperature\n", "bad_aggregate", 4, 8, "avg"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a: 5\n", "wrong_type", 4, 8, "integer"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    window_start: count()\n", "reserved_name", 4, 5,
              "window_start"},
        Fault{"w:\n  size: 1m\n  group_by: [on]\n  aggregates:\n    on: count()\n", "duplicate_name", 5, 5,
              "group_by"},
        Fault{"w:\n  size: 1m\n  aggregates:\n    a-b: count()\n", "bad_name", 4, 5, "a-b"},
        Fault{"by.minute:\n  size: 1m\n  aggregates: {c: count()}\n", "bad_name", 1, 1, "by.minute"},
        Fault{"[w]\n", "wrong_type", 1, 1, "mapping"}, Fault{"w: 1m\n", "wrong_type", 1, 4, "mapping"}));

TEST(ReadWindows, FindsEverythingInOnePass) {
  const auto outcome = read("w:\n  size: 1m\n  slide: 2m\n  aggregates: {a: avg(on), b: nope(on)}\n");
  EXPECT_EQ(outcome.findings.size(), 3u);
}

TEST(CheckWindowNeeds, NamesLatenessAndTime) {
  base::Findings findings;
  check_window_needs({3, 5, 3, 12}, true, true, findings);
  EXPECT_TRUE(findings.empty());
  check_window_needs({3, 5, 3, 12}, false, false, findings);
  ASSERT_EQ(findings.all().size(), 2u);
  EXPECT_EQ(findings.all()[0].span.line, 3);
  EXPECT_THAT(findings.all()[0].message, testing::HasSubstr("allowed_lateness"));
  EXPECT_THAT(findings.all()[1].message, testing::HasSubstr("event_time"));
}

}  // namespace
}  // namespace tamis::windows
