#include "tasks/transforms/clean.h"

#include <gtest/gtest.h>

#include "tests/unit/transforms/clean_batch.h"

namespace tamis::transforms {
namespace {

TEST(Clean, TakesFieldsFromTheirPathsAndGuessesTheirOrder) {
  const std::string yaml = R"(
fields:
  id:    {type: keyword, required: true}
  place: {type: keyword, path: site.name}
  v:     {type: double}
)";
  const Cleaned rows(yaml,
                     {R"({"id":"a","site":{"name":"roof","floor":3},"v":1.5})",
                      R"({"id":"b","site":{"name":"hall"},"v":2})", R"({"v":3,"id":"c","other":[1,{"v":4}]})",
                      R"({"id":"d","site":5,"v":null})", R"({"id":"e","site":[{"name":"x"}]})",
                      R"({"site":{"name":"roof"},"v":1,"site":{}})", R"({ "id" : "f" , "v" : -0.0 } )",
                      R"({"id":"g","v":1,"\u0076":7})", R"({"id":"h","\u0076":7,"v":8})"});
  EXPECT_EQ(rows[0], "id=\"a\" place=\"roof\" v=1.5");
  EXPECT_EQ(rows[1], "id=\"b\" place=\"hall\" v=2");
  EXPECT_EQ(rows[2], "id=\"c\" v=3");
  EXPECT_EQ(rows[3], "id=\"d\"");
  EXPECT_EQ(rows[4], "id=\"e\"");
  EXPECT_EQ(rows[5], "missing_field id");
  EXPECT_EQ(rows[6], "id=\"f\" v=0");
  EXPECT_EQ(rows[7], "id=\"g\" v=7");
  EXPECT_EQ(rows[8], "id=\"h\" v=8");
  EXPECT_EQ(rows.batch.rejections.at(0).message, "\"id\" is missing");
  EXPECT_EQ(rows.batch.passed, (std::vector<uint8_t>{1, 1, 1, 1, 1, 0, 1, 1, 1}));
}

TEST(Clean, TheFirstCheckThatFailsIsTheReason) {
  const std::string yaml = R"(
fields:
  a: {type: long, required: true, min: 0, enum: [1, 2]}
  b: {type: keyword, enum: [été, ab], max_length: 3, pattern: '[a-zé]+', default: ab}
  c: {type: double, max: 10, on_invalid: null}
max_record_bytes: 40
)";
  const Cleaned rows(yaml, {"{}", R"({"a":null})", R"({"a":"1"})", R"({"a":-1,"b":5})", R"({"a":3})",
                            R"({"a":2.0,"b":"été"})", R"({"a":1,"b":"x","c":11})", R"({"a":1,"c":11})",
                            R"({"a":1,"b":null,"c":"x"})", "5", "[]", "",
                            R"({"a":1,"b":"                              "})", R"({"a":1}})"});
  EXPECT_EQ(rows[0], "missing_field a");
  EXPECT_EQ(rows[1], "null_field a");
  EXPECT_EQ(rows[2], "wrong_type a");
  EXPECT_EQ(rows[3], "out_of_range a");
  EXPECT_EQ(rows[4], "not_in_enum a");
  EXPECT_EQ(rows[5], "a=2 b=\"été\"");
  EXPECT_EQ(rows[6], "not_in_enum b");
  EXPECT_EQ(rows[7], "a=1 b=\"ab\"");
  EXPECT_EQ(rows[8], "a=1 b=\"ab\"");
  EXPECT_EQ(rows[9], "not_an_object");
  EXPECT_EQ(rows[10], "not_an_object");
  EXPECT_EQ(rows[11], "malformed_json");
  EXPECT_EQ(rows[12], "too_large");
  EXPECT_EQ(rows[13], "malformed_json");
  EXPECT_EQ(rows.batch.nulled[7], 1);
  EXPECT_EQ(rows.batch.nulled[6], 0);
  EXPECT_EQ(rows.batch.rejections[3].message, "\"a\" must be at least 0, not the number -1");
}

TEST(Clean, AMissingFieldOfAnyTypeIsNullWhateverStoodThereBefore) {
  const Cleaned rows(
      R"(
fields:
  k: {type: keyword}
  l: {type: long}
  d: {type: double}
  b: {type: boolean}
  t: {type: timestamp}
  e: {type: timestamp, format: epoch_s}
  c: {type: timestamp, coerce: true}
  n: {type: double, coerce: true}
)",
      {R"({"k":"a","l":1,"d":2.5,"b":true,"t":"2026-03-01T09:00:00Z","e":1,"c":"2026-03-01T09:00:00Z","n":"3"})",
       "{}", R"({"k":null,"l":null,"d":null,"b":null,"t":null,"e":null,"c":null,"n":null})"});
  EXPECT_NE(rows[0], "");
  EXPECT_EQ(rows[1], "");
  EXPECT_EQ(rows[2], "");
}

TEST(Clean, LongTextsOfKeywords) {
  const Cleaned rows("fields: {s: {type: keyword, max_length: 3, pattern: 'é*'}}",
                     {R"({"s":"ééé"})", R"({"s":"éééé"})", R"({"s":"\u00e9"})", R"({"s":"a"})"});
  EXPECT_EQ(rows[0], "s=\"ééé\"");
  EXPECT_EQ(rows[1], "too_long s");
  EXPECT_EQ(rows[2], "s=\"é\"");
  EXPECT_EQ(rows[3], "pattern_mismatch s");
}

TEST(Clean, CoercesOnlyWhenAsked) {
  const std::string yaml = R"(
fields:
  d: {type: double, coerce: true}
  l: {type: long, coerce: true}
  b: {type: boolean, coerce: true}
  k: {type: keyword, coerce: true}
  t: {type: timestamp, coerce: true}
  e: {type: timestamp, format: epoch_s, coerce: true}
)";
  const Cleaned rows(
      yaml, {R"({"d":" 1.5\t","l":"2e1","b":" true","k":1.50,"t":" 2026-03-01T09:00:00Z\n","e":"0.5"})",
             R"({"d":"+5"})", R"({"l":"007"})", R"({"b":1})", R"({"k":true})", R"({"t":5})",
             R"({"e":"soon"})", R"({"d":""})", R"({"d":"1e999"})"});
  EXPECT_EQ(rows[0], "d=1.5 l=20 b=1 k=\"1.50\" t=2026-03-01T09:00:00.000Z e=1970-01-01T00:00:00.500Z");
  EXPECT_EQ(rows[1], "wrong_type d");
  EXPECT_EQ(rows[2], "wrong_type l");
  EXPECT_EQ(rows[3], "wrong_type b");
  EXPECT_EQ(rows[4], "wrong_type k");
  EXPECT_EQ(rows[5], "wrong_type t");
  EXPECT_EQ(rows[6], "bad_timestamp e");
  EXPECT_EQ(rows[7], "wrong_type d");
  EXPECT_EQ(rows[8], "wrong_type d");
  const Cleaned strict("fields: {d: {type: double}}", {R"({"d":"1"})"});
  EXPECT_EQ(strict[0], "wrong_type d");
}

TEST(Clean, KeepsUnknownMembersOnceAndCompact) {
  const std::string yaml =
      "fields: {v: {type: long}, place: {type: keyword, path: site.name}}\nunknown_fields: keep\n";
  const Cleaned rows(
      yaml, {"{\"v\":1,\"x\":\"a\",\n\"y\" : [1, {\"z\" :\n null}] ,\"big\":123456789012345678901234567890}",
             R"({"site":{"name":"r","floor":1},"x":1,"x":2})", R"({"\u0078":1,"y":0,"x":2})",
             R"({"o":{"a":1,"b":{"c":1,"c":[]},"\u0061":3}})", R"({"q\"\n":"\u00e9\/"})",
             R"({"v":"bad","x":1})", "{}"});
  EXPECT_EQ(rows[0], R"(v=1+"x":"a","y":[1,{"z":null}],"big":123456789012345678901234567890)");
  EXPECT_EQ(rows[1], R"(place="r"+"x":2)");
  EXPECT_EQ(rows[2], R"(+"y":0,"x":2)");
  EXPECT_EQ(rows[3], R"(+"o":{"b":{"c":[]},"a":3})");
  EXPECT_EQ(rows[4], R"(+"q\"\n":"\u00e9\/")");
  EXPECT_EQ(rows[5], "wrong_type v");
  EXPECT_EQ(rows[6], "+");
}

TEST(Clean, ManyRepeatedUnknownMembersStayFast) {
  std::string record = "{";
  for (int i = 0; i < 60000; ++i)
    record += (i ? ",\"n" : "\"n") + std::to_string(i % 30000) + "\":" + std::to_string(i);
  const Cleaned rows("fields: {v: {type: long}}\nunknown_fields: keep\nmax_record_bytes: 4MiB",
                     {record + "}"});
  const std::string kept = rows[0];
  EXPECT_TRUE(kept.starts_with("+\"n0\":30000,\"n1\":30001,")) << kept.substr(0, 60);
  EXPECT_EQ(std::count(kept.begin(), kept.end(), ':'), 30000);
}

TEST(Clean, LatenessByWatermarkIsDecidedAfterTheChecks) {
  const std::string yaml =
      "fields: {t: {type: timestamp, required: true}, v: {type: long, on_invalid: null}}\n"
      "event_time: t\nallowed_lateness: 1h\n";
  const std::vector<std::string> records = {R"({"t":"2026-03-01T09:00:00Z"})",
                                            R"({"t":"2026-03-01T08:59:59.999999Z","v":"x"})",
                                            R"({"t":"2020-01-01T00:00:00Z","v":1})", R"({"t":"x"})"};
  const Cleaned rows(yaml, records, {}, Lateness{base::from_civil(2026, 3, 1, 10)});
  EXPECT_EQ(rows[0], "t=2026-03-01T09:00:00.000Z");
  EXPECT_EQ(rows[1], "late t");
  EXPECT_EQ(rows[3], "bad_timestamp t");
  EXPECT_EQ(rows.batch.passed, (std::vector<uint8_t>{1, 1, 1, 0}));
  EXPECT_EQ(rows.batch.nulled[1], 1);
  EXPECT_EQ(rows.batch.event_time[0], base::from_civil(2026, 3, 1, 9));
  const Cleaned none(yaml, records);
  EXPECT_EQ(none[2], "t=2020-01-01T00:00:00.000Z v=1");
}

TEST(Clean, LatenessByArrivalIsMeasuredAgainstTheRecordsOwnTime) {
  const std::string yaml =
      "fields: {t: {type: timestamp, required: true}}\n"
      "event_time: t\nallowed_lateness: 1h\nlateness: arrival\n";
  const Cleaned rows(yaml, {R"({"t":"2026-03-01T11:00:00Z"})", R"({"t":"2026-03-01T10:59:59Z"})",
                            R"({"t":"2026-03-02T00:00:00Z"})"});
  EXPECT_EQ(rows[0], "t=2026-03-01T11:00:00.000Z");
  EXPECT_EQ(rows[1], "late t");
  EXPECT_EQ(rows[2], "t=2026-03-02T00:00:00.000Z");
}

TEST(Clean, ReadsCellsOfCsvAsWithCoerce) {
  const std::string yaml = R"(
fields:
  id: {type: keyword, required: true, path: sensor id}
  v:  {type: double, max: 100}
  p:  {type: keyword, path: site.name, default: hall}
  b:  {type: boolean}
unknown_fields: keep
)";
  const std::vector<std::string> header = {"sensor id", "v", "site.name", "b", "extra", "extra"};
  const Cleaned rows(yaml,
                     {"a, 2 ,roof,true,1,2", "\"c, \"\"d\"\"\",,,,,\"q\"\"\"", ",1,,,,", "\"\",1,,,,",
                      "a,101,,,,", "a,x,,,,", "a,1,,,", "a\"b,1,,,,", "caf\xe9,1,,,,", "a,1,,yes,,"},
                     header);
  EXPECT_EQ(rows[0], "id=\"a\" v=2 p=\"roof\" b=1+\"extra\":\"2\"");
  EXPECT_EQ(rows[1], "id=\"c, \"d\"\" p=\"hall\"+\"extra\":\"q\\\"\"");
  EXPECT_EQ(rows[2], "missing_field id");
  EXPECT_EQ(rows[3], "missing_field id");
  EXPECT_EQ(rows[4], "out_of_range v");
  EXPECT_EQ(rows[5], "wrong_type v");
  EXPECT_EQ(rows[6], "malformed_csv");
  EXPECT_EQ(rows[7], "malformed_csv");
  EXPECT_EQ(rows[8], "malformed_csv");
  EXPECT_EQ(rows[9], "wrong_type b");
}

TEST(Clean, ABatchUsedAgainKeepsNothingOfTheOneBefore) {
  FieldSpec spec;
  spec.fields.push_back({.name = "v", .type = records::Type::long_, .path = {"v"}});
  const Clean clean(spec, {});
  const auto scratch = clean.make_scratch();
  records::Batch batch;
  const std::string good = R"({"v":1})", bad = "{";
  for (const auto* text : {&bad, &good}) {
    batch.clear();
    batch.input.records.resize(1);
    batch.input.records[0].bytes = *text;
    clean.run(batch, *scratch, {});
  }
  EXPECT_EQ(batch.state[0], records::RowState::live);
  EXPECT_TRUE(batch.rejections.empty());
  EXPECT_EQ(batch.columns[0].longs[0], 1);
}

}  // namespace
}  // namespace tamis::transforms
