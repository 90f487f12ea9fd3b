#include "tasks/transforms/fields.h"

#include <gtest/gtest.h>

#include "core/base/json.h"
#include "core/base/yaml.h"

namespace tamis::transforms {
namespace {

using records::Type;

struct Loaded {
  FieldSpec spec;
  base::Findings findings;
  /// `line code` of each finding.
  std::vector<std::string> codes() const {
    std::vector<std::string> out;
    for (const auto& f : findings.all()) out.push_back(std::to_string(f.span.line) + " " + f.code);
    return out;
  }
};

Loaded load(const std::string& yaml) {
  Loaded out;
  const auto nodes = base::parse_yaml(yaml, out.findings);
  out.spec = read_fields(nodes.at(0), out.findings);
  return out;
}

using Codes = std::vector<std::string>;

TEST(Fields, ReadsEverythingThatAFieldCanSay) {
  const auto loaded = load(R"(
fields:
  sensor_id:   {type: keyword, required: true, max_length: 64, pattern: '[a-z]+'}
  location:    {type: keyword, path: site.name}
  timestamp:   {type: timestamp, required: true, format: epoch_ms}
  temperature: {type: double, min: -40, max: 60.5, coerce: true}
  humidity:    {type: double, min: 0, max: 100, on_invalid: null}
  floor_no:    {type: long, min: 0.5, max: 9007199254740993, enum: [1, 2.0]}
  status:      {type: keyword, enum: [ok, degraded], default: ok}
event_time: timestamp
allowed_lateness: 1h
lateness: arrival
max_record_bytes: 64KiB
unknown_fields: keep
)");
  EXPECT_EQ(loaded.codes(), Codes{});
  const auto& f = loaded.spec.fields;
  ASSERT_EQ(f.size(), 7u);
  EXPECT_TRUE(f[0].required);
  EXPECT_EQ(f[0].max_length, 64);
  EXPECT_EQ(f[0].pattern, "[a-z]+");
  EXPECT_EQ(f[1].path, (std::vector<std::string>{"site", "name"}));
  EXPECT_EQ(f[2].format, "epoch_ms");
  EXPECT_EQ(f[3].min, -40.0);
  EXPECT_TRUE(f[3].coerce);
  EXPECT_TRUE(f[4].null_on_invalid);
  EXPECT_EQ(f[5].min_long, 1);
  EXPECT_EQ(f[5].max_long, 9007199254740993);
  EXPECT_EQ(f[5].enum_longs, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(f[6].default_value, Value(std::string("ok")));
  EXPECT_EQ(loaded.spec.event_time, "timestamp");
  EXPECT_EQ(loaded.spec.allowed_lateness, base::Duration(3600000000));
  EXPECT_TRUE(loaded.spec.lateness_by_arrival);
  EXPECT_TRUE(loaded.spec.keep_unknown);
  EXPECT_EQ(loaded.spec.max_record_bytes, 65536);
  EXPECT_EQ(loaded.spec.layout().find("status")->column, 6u);
}

TEST(Fields, ReadTheSameFromAWorkersCopy) {
  base::Findings findings;
  const auto node =
      base::parse_yaml("fields: {v: {type: double, min: 1.5, default: 2.0, on_invalid: null}}", findings)
          .at(0);
  const auto copy = base::Node::from_json(node.json());
  const auto spec = read_fields(copy, findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(spec.fields.at(0).min, 1.5);
  EXPECT_EQ(spec.fields.at(0).default_value, Value(2.0));
  EXPECT_TRUE(spec.fields.at(0).null_on_invalid);
}

TEST(Fields, PointAtWhatIsWrong) {
  const auto codes = [](const std::string& fields) { return load("fields:\n" + fields).codes(); };
  EXPECT_EQ(codes("  v: {type: integer}"), Codes{"2 wrong_value"});
  EXPECT_EQ(codes("  v: {type: long, maximum: 5}"), Codes{"2 unknown_key"});
  EXPECT_EQ(codes("  v: {required: true}"), Codes{"2 missing_key"});
  EXPECT_EQ(codes("  a: {type: long}\n  source: {type: keyword}"), Codes{"3 wrong_name"});
  EXPECT_EQ(codes("  and: {type: keyword}"), Codes{"2 wrong_name"});
  EXPECT_EQ(codes("  1st: {type: keyword}"), Codes{"2 wrong_name"});
  EXPECT_EQ(codes("  v: {type: keyword, path: a..b}"), Codes{"2 wrong_value"});
  EXPECT_EQ(codes("  v: {type: long, min: 6, max: 5}"), Codes{"2 wrong_range"});
  EXPECT_EQ(codes("  v:\n    type: keyword\n    min: 5"), Codes{"4 wrong_check"});
  EXPECT_EQ(codes("  v: {type: double, enum: [1]}"), Codes{"2 wrong_check"});
  EXPECT_EQ(codes("  v: {type: keyword, enum: [a, 1]}"), Codes{"2 wrong_type"});
  EXPECT_EQ(codes("  v: {type: long, max_length: 1}"), Codes{"2 wrong_check"});
  EXPECT_EQ(codes("  v: {type: keyword, pattern: 'a('}"), Codes{"2 wrong_pattern"});
  EXPECT_EQ(codes("  v: {type: timestamp, format: '%Y-%m-%d %Q'}"), Codes{"2 wrong_format"});
  EXPECT_EQ(codes("  v: {type: timestamp, format: iso}"), Codes{"2 wrong_format"});
  EXPECT_EQ(codes("  v: {type: long, required: true, on_invalid: null}"), Codes{"2 conflict"});
  EXPECT_EQ(codes("  v: 5"), Codes{"2 wrong_type"});
}

TEST(Fields, DefaultsPassTheirOwnChecks) {
  const auto codes = [](const std::string& field) { return load("fields:\n  v: {" + field + "}").codes(); };
  const Codes wrong{"2 wrong_default"};
  EXPECT_EQ(codes("type: keyword, enum: [a, b], default: c"), wrong);
  EXPECT_EQ(codes("type: keyword, max_length: 2, default: été"), wrong);
  EXPECT_EQ(codes("type: keyword, max_length: 3, default: été"), Codes{});
  EXPECT_EQ(codes("type: keyword, pattern: 'a', default: ab"), wrong);
  EXPECT_EQ(codes("type: keyword, default: 5"), wrong);
  EXPECT_EQ(codes("type: long, max: 4, default: 5"), wrong);
  EXPECT_EQ(codes("type: long, default: 5.5"), wrong);
  EXPECT_EQ(codes("type: long, enum: [1, 2], default: 3"), wrong);
  EXPECT_EQ(codes("type: double, min: 0, default: -0.5"), wrong);
  EXPECT_EQ(codes("type: double, default: 5"), Codes{});
  EXPECT_EQ(codes("type: boolean, default: 'true'"), wrong);
  EXPECT_EQ(codes("type: timestamp, default: 2026-03-01"), wrong);
  EXPECT_EQ(codes("type: timestamp, default: 2026-03-01T09:00:00Z"), Codes{});
  EXPECT_EQ(codes("type: timestamp, format: '%d/%m/%Y', default: 31/02/2026"), wrong);
}

TEST(Fields, EventTimeIsARequiredTimestamp) {
  EXPECT_EQ(load("fields:\n  t: {type: timestamp}\nevent_time: t").codes(), Codes{"3 wrong_event_time"});
  EXPECT_EQ(load("fields:\n  t: {type: long, required: true}\nevent_time: t").codes(),
            Codes{"3 wrong_event_time"});
  EXPECT_EQ(load("fields:\n  time: {type: timestamp, required: true}\nevent_time: tim").codes(),
            Codes{"3 unknown_field"});
}

}  // namespace
}  // namespace tamis::transforms
