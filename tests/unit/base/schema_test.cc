#include "core/base/schema.h"

#include <gtest/gtest.h>

#include "core/base/json.h"
#include "core/base/yaml.h"

namespace tamis::base {
namespace {

const Keys inner{"retry", {{.name = "delay", .type = ValueType::duration, .min = 1}}};
const Keys keys{"task",
                {{.name = "task_id", .type = ValueType::text, .required = true},
                 {.name = "retries", .type = ValueType::integer, .min = 0, .max = 100},
                 {.name = "mode", .type = ValueType::text, .one_of = {"poke", "reschedule"}},
                 {.name = "names", .type = ValueType::texts},
                 {.name = "size", .type = ValueType::bytes},
                 {.name = "retry", .type = ValueType::object, .object = &inner}}};

std::vector<Finding> findings_of(const std::string& yaml) {
  Findings findings;
  const auto documents = parse_yaml(yaml, findings);
  EXPECT_EQ(documents.size(), 1u);
  if (!documents.empty()) check(documents[0], keys, findings);
  findings.sort();
  return findings.all();
}

TEST(Schema, AcceptsWhatFits) {
  EXPECT_TRUE(
      findings_of(
          "{task_id: a, retries: 3, mode: poke, names: [x], size: 64MiB, retry: {delay: 5m}, x-note: 1}")
          .empty());
}

TEST(Schema, FindsEverythingInOnePass) {
  const auto found = findings_of(
      "retreis: 3\nmode: pock\nnames: x\nretries: -1\nsize: 5 apples\nretry: {delay: 0s, dely: 1}\n");
  std::vector<std::string> codes;
  for (const auto& f : found) codes.push_back(std::to_string(f.span.line) + " " + f.code);
  EXPECT_EQ(codes,
            (std::vector<std::string>{"1 unknown_key", "1 missing_key", "2 wrong_value", "3 wrong_type",
                                      "4 out_of_range", "5 wrong_type", "6 out_of_range", "6 unknown_key"}));
  EXPECT_NE(found[0].message.find("did you mean \"retries\""), std::string::npos) << found[0].message;
  EXPECT_NE(found[2].message.find("did you mean \"poke\""), std::string::npos) << found[2].message;
}

TEST(Schema, BecomesAJsonSchemaOfTheSameKeys) {
  const Json schema = json_schema(keys);
  EXPECT_EQ(schema["properties"].size(), keys.keys.size());
  EXPECT_EQ(schema["required"], Json::array({"task_id"}));
  EXPECT_EQ(schema["properties"]["retries"]["maximum"], 100);
  EXPECT_FALSE(schema["properties"]["retry"]["additionalProperties"].get<bool>());
}

TEST(Bytes, AreReadWithTheirUnits) {
  EXPECT_EQ(parse_bytes("64MiB"), 64 << 20);
  EXPECT_EQ(parse_bytes("5MB"), 5000000);
  EXPECT_EQ(parse_bytes("17"), 17);
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "5 MB", "99999999999GiB"})
    EXPECT_FALSE(parse_bytes(text)) << text;
}

}  // namespace
}  // namespace tamis::base
