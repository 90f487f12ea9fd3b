#include "tasks/sources/generator.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/yaml.h"
#include "tasks/sources/source.h"

namespace tamis::sources {
namespace {

std::string record(const Generator& generator, int64_t number) {
  std::string out;
  generator.append(number, out);
  return out;
}

TEST(Generator, CleanRecordsAreJsonWithinTheirRanges) {
  for (const auto& kind : generator_kinds()) {
    const Generator generator({.kind = kind, .dirty = 0});
    std::set<std::string> ids;
    for (int64_t i = 0; i < 5000; ++i) {
      const auto text = record(generator, i * 37);
      const auto json = base::Json::parse(text);
      ASSERT_EQ(text.find('\n'), std::string::npos);
      ASSERT_GT(json["temperature"].get<double>(), -5) << text;
      ASSERT_LT(json["temperature"].get<double>(), 45) << text;
      ASSERT_GE(json["humidity"].get<double>(), 0) << text;
      ASSERT_LE(json["humidity"].get<double>(), 100) << text;
      ASSERT_EQ(base::parse_rfc3339(json["timestamp"].get<std::string>()), generator.event_time(i * 37))
          << text;
      ids.insert(json[kind == "iot" ? "sensor_id" : "station_id"].get<std::string>());
      ASSERT_TRUE(ids.contains(generator.key(i * 37)));
    }
    EXPECT_EQ(ids.size(), 50u);
  }
}

TEST(Generator, ARecordIsAFunctionOfSeedAndNumber) {
  const Generator one({.seed = 7, .dirty = 0.5}), same({.seed = 7, .dirty = 0.5}),
      other({.seed = 8, .dirty = 0.5});
  int different = 0;
  for (int64_t i = 999; i >= 0; --i) {
    EXPECT_EQ(record(one, i), record(same, i));
    different += record(one, i) != record(other, i) ? 1 : 0;
  }
  EXPECT_GT(different, 900);
}

TEST(Generator, DirtIsWhatItsNameSays) {
  for (const auto& kind : generator_kinds()) {
    const Generator generator({.kind = kind, .dirty = 0.1});
    std::map<Dirt, int> counts;
    const std::string id = kind == "iot" ? "sensor_id" : "station_id";
    for (int64_t i = 0; i < 50000; ++i) {
      std::string text;
      const Dirt dirt = generator.append(i, text);
      ASSERT_EQ(dirt, generator.dirt_of(i));
      ++counts[dirt];
      const auto json = base::Json::parse(text, nullptr, false);
      ASSERT_EQ(json.is_discarded(), dirt == Dirt::malformed_json || dirt == Dirt::not_utf8) << text;
      if (dirt == Dirt::missing_field) {
        ASSERT_FALSE(json.contains(id)) << text;
      }
      if (dirt == Dirt::null_field) {
        ASSERT_TRUE(json.at(id).is_null()) << text;
      }
      if (dirt == Dirt::late) {
        ASSERT_LT(*base::parse_rfc3339(json["timestamp"].get<std::string>()),
                  generator.event_time(i) - std::chrono::hours(47));
      }
      if (dirt == Dirt::bad_timestamp) {
        ASSERT_FALSE(base::parse_rfc3339(json["timestamp"].get<std::string>())) << text;
      }
      if (dirt == Dirt::duplicate) {
        bool found = false;
        for (int64_t k = 1; k <= 100 && !found; ++k)
          found = i >= k && generator.dirt_of(i - k) == Dirt::none && record(generator, i - k) == text;
        ASSERT_TRUE(found) << text;
      }
    }
    EXPECT_NEAR(counts[Dirt::none], 45000, 500);
    for (size_t d = 1; d < dirt_count; ++d)
      EXPECT_GT(counts[static_cast<Dirt>(d)], 300) << dirt_name(static_cast<Dirt>(d));
  }
}

TEST(Generator, RefusesWhatCantBe) {
  EXPECT_THROW(Generator({.kind = "iott"}), base::UserError);
  EXPECT_THROW(Generator({.dirty = 1.5}), base::UserError);
  EXPECT_THROW(Generator({.sensors = 0}), base::UserError);
}

TEST(GeneratorSource, RunsGoOnWhereTheOneBeforeEnded) {
  base::Findings findings;
  const auto node =
      base::parse_yaml(
          "{kind: iot, records: 250, slice_records: 100, seed: 3, dirty: 0.2, start: 2026-03-01}", findings)
          .at(0);
  const SourceKind* kind = find_source("generator");
  ASSERT_TRUE(base::check(node, kind->keys, findings));
  const auto source = kind->make(node, {});
  const auto first = source->plan({}), second = source->plan({.cursor = first.cursor});
  ASSERT_EQ(first.slices.size(), 3u);
  EXPECT_EQ(first.slices[2].shown().dump(), R"({"kind":"iot","start":200,"end":250})");
  EXPECT_EQ(second.slices[0].name(), "iot-250");
  const Generator generator({.seed = 3, .dirty = 0.2, .start = base::from_civil(2026, 3, 1)});
  const auto reader = source->open(first.slices[1], 10);
  records::RecordBatch batch;
  int64_t next = 90;
  while (reader->read(batch, 32, {}))
    for (const auto& r : batch.records) {
      EXPECT_EQ(r.offset, next);
      EXPECT_EQ(r.is_lookback, next < 100);
      EXPECT_EQ(r.bytes, record(generator, next));
      ++next;
    }
  EXPECT_EQ(next, 200);
}

}  // namespace
}  // namespace tamis::sources
