// WindowSet and Merger together against a slow and plain aggregation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/unit/windows/sample.h"
#include "tasks/windows/quantiles.h"

namespace tamis::windows {
namespace {

using base::Json;
using sample::aggregate;
using sample::Row;
using std::chrono::hours;
using std::chrono::seconds;

constexpr int64_t second = 1000000;

WindowSpec everything(base::Duration size, base::Duration slide, std::vector<std::string> groups) {
  return sample::spec(size, slide, std::move(groups),
                      {aggregate("c", Function::count),          aggregate("cv", Function::count, "v"),
                       aggregate("sv", Function::sum, "v"),      aggregate("sn", Function::sum, "n"),
                       aggregate("av", Function::avg, "v"),      aggregate("an", Function::avg, "n"),
                       aggregate("minv", Function::min, "v"),    aggregate("maxv", Function::max, "v"),
                       aggregate("minn", Function::min, "n"),    aggregate("maxn", Function::max, "n"),
                       aggregate("mins", Function::min, "s"),    aggregate("maxs", Function::max, "s"),
                       aggregate("mint", Function::min, "t"),    aggregate("maxt", Function::max, "t"),
                       aggregate("sd", Function::stddev, "v"),   aggregate("fs", Function::first, "s"),
                       aggregate("ls", Function::last, "s"),     aggregate("fn", Function::first, "n"),
                       aggregate("lb", Function::last, "b"),     aggregate("ds", Function::distinct, "s"),
                       aggregate("dv", Function::distinct, "v"), aggregate("p50", Function::p50, "v"),
                       aggregate("p99", Function::p99, "n")});
}

/// The same by hand: one pass over all rows of a window and group.
Json expected(int64_t start, base::Duration size, const std::vector<std::string>& groups,
              const std::vector<std::pair<int, const Row*>>& rows) {
  const auto time = [](int64_t us) { return base::format_rfc3339(base::Instant(base::Duration(us))); };
  Json doc = {
      {"@timestamp", time(start)}, {"window_start", time(start)}, {"window_end", time(start + size.count())}};
  const Row& any = *rows.front().second;
  for (const auto& group : groups) {
    if (group == "g" && any.g) doc["g"] = *any.g;
    if (group == "n" && any.n) doc["n"] = *any.n;
    if (group == "b" && any.b) doc["b"] = *any.b;
    if (group == "v" && any.v) doc["v"] = *any.v;
    if (group == "t" && any.t) doc["t"] = time(*any.t);
  }
  std::vector<double> v, n_double;
  std::vector<int64_t> n, t;
  std::vector<std::string> s;
  using Place = std::tuple<int64_t, int64_t, int>;
  std::map<Place, std::string> s_at;
  std::map<Place, int64_t> n_at;
  std::map<Place, bool> b_at;
  for (const auto& [partition, row] : rows) {
    const Place place{row->time, row->offset, partition};
    if (row->v) v.push_back(*row->v);
    if (row->n) n.push_back(*row->n), n_double.push_back(static_cast<double>(*row->n)), n_at[place] = *row->n;
    if (row->s) s.push_back(*row->s), s_at[place] = *row->s;
    if (row->b) b_at[place] = *row->b;
    if (row->t) t.push_back(*row->t);
  }
  const auto rank = [](std::vector<double> values, size_t percent) {
    std::sort(values.begin(), values.end());
    return values[(values.size() * percent + 99) / 100 - 1];
  };
  doc["c"] = rows.size();
  doc["cv"] = v.size();
  doc["ds"] = std::set<std::string>(s.begin(), s.end()).size();
  doc["dv"] = std::set<double>(v.begin(), v.end()).size();
  if (!v.empty()) {
    long double sum = 0, squares = 0;
    for (const double x : v) sum += x;
    const long double mean = sum / static_cast<long double>(v.size());
    for (const double x : v) squares += (x - mean) * (x - mean);
    doc["sv"] = static_cast<double>(sum);
    doc["av"] = static_cast<double>(mean);
    doc["sd"] = static_cast<double>(sqrtl(squares / static_cast<long double>(v.size())));
    doc["minv"] = *std::min_element(v.begin(), v.end());
    doc["maxv"] = *std::max_element(v.begin(), v.end());
    doc["p50"] = rank(v, 50);
  }
  if (!n.empty()) {
    int64_t sum = 0;
    for (const int64_t x : n) sum += x;
    doc["sn"] = sum;
    doc["an"] = static_cast<double>(sum) / static_cast<double>(n.size());
    doc["minn"] = *std::min_element(n.begin(), n.end());
    doc["maxn"] = *std::max_element(n.begin(), n.end());
    doc["p99"] = rank(n_double, 99);
    doc["fn"] = n_at.begin()->second;
  }
  if (!s.empty()) {
    doc["mins"] = *std::min_element(s.begin(), s.end());
    doc["maxs"] = *std::max_element(s.begin(), s.end());
    doc["fs"] = s_at.begin()->second;
    doc["ls"] = s_at.rbegin()->second;
  }
  if (!b_at.empty()) doc["lb"] = b_at.rbegin()->second;
  if (!t.empty()) {
    doc["mint"] = time(*std::min_element(t.begin(), t.end()));
    doc["maxt"] = time(*std::max_element(t.begin(), t.end()));
  }
  return doc;
}

std::string identity(const Json& doc, const std::vector<std::string>& groups) {
  std::string out = doc["window_start"].dump();
  for (const auto& group : groups) out += "|" + (doc.contains(group) ? doc[group].dump() : "null");
  return out;
}

void expect_same(const Json& is, const Json& should, const std::string& where) {
  for (const auto& [name, value] : should.items()) {
    ASSERT_TRUE(is.contains(name)) << where << " lacks " << name << " in " << is.dump();
    if (value.is_number_float()) {
      const auto number = value.get<double>();
      // Percentiles may be estimates beyond 256 values.
      const double error =
          name[0] == 'p' && should["c"] > Quantiles::exact_limit ? Quantiles::relative_error : 1e-9;
      EXPECT_NEAR(is[name].get<double>(), number, error * std::max(1.0, std::fabs(number)))
          << where << " " << name;
    } else {
      EXPECT_EQ(is[name], value) << where << " " << name;
    }
  }
  EXPECT_EQ(is.size(), should.size()) << where << " " << is.dump() << " should be " << should.dump();
}

std::vector<Json> expected_documents(const WindowSpec& spec, const std::vector<sample::Slice>& slices) {
  std::map<std::string, std::vector<std::pair<int, const Row*>>> groups;
  std::map<std::string, int64_t> starts;
  for (const auto& slice : slices) {
    const int partition = slice.name[6] - '0';  // topic-P-start
    for (const auto& row : slice.rows) {
      const int64_t slide = spec.slide.count();
      int64_t start = row.time / slide * slide;
      if (start > row.time) start -= slide;
      for (; start + spec.size.count() > row.time; start -= slide) {
        std::string name = std::to_string(start);
        for (const auto& group : spec.group_by)
          name += "|" + (group == "g"   ? row.g.value_or("~null")
                         : group == "n" ? (row.n ? std::to_string(*row.n) : "null")
                         : group == "b" ? (row.b ? std::to_string(*row.b) : "null")
                                        : "?");
        groups[name].emplace_back(partition, &row);
        starts[name] = start;
      }
    }
  }
  std::vector<Json> documents;
  for (const auto& [name, rows] : groups)
    documents.push_back(expected(starts[name], spec.size, spec.group_by, rows));
  return documents;
}

void expect_documents(const WindowSpec& spec, const std::vector<sample::Slice>& slices) {
  std::map<std::string, Json> is;
  for (auto& doc : sample::documents(spec, slices)) is[identity(doc, spec.group_by)] = doc;
  const auto should = expected_documents(spec, slices);
  EXPECT_EQ(is.size(), should.size());
  for (const auto& doc : should) {
    const auto name = identity(doc, spec.group_by);
    ASSERT_TRUE(is.count(name)) << name;
    expect_same(is[name], doc, name);
  }
}

std::vector<Row> random_rows(std::mt19937_64& random, size_t count, int64_t first_offset) {
  const auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i) {
    Row row;
    row.time = pick(-40, 200) * second + pick(0, 3) * 250000;
    row.offset = first_offset + static_cast<int64_t>(i);
    if (pick(0, 9) > 0) row.g = std::string("sensor-") + std::to_string(pick(0, 4));
    if (pick(0, 9) > 0)
      row.s = std::string(static_cast<size_t>(pick(0, 40)), static_cast<char>('a' + pick(0, 25)));
    if (pick(0, 9) > 0) row.v = static_cast<double>(pick(-1000, 1000)) / 8;
    if (pick(0, 9) > 0) row.n = pick(-3, 3);
    if (pick(0, 9) > 0) row.b = pick(0, 1) == 1;
    if (pick(0, 9) > 0) row.t = pick(-1000000000, 1000000000) * 1000;
    rows.push_back(row);
  }
  return rows;
}

struct Shape {
  seconds size, slide;
  std::vector<std::string> groups;
};

class RandomAggregation : public testing::TestWithParam<Shape> {};

TEST_P(RandomAggregation, OfAnySplitIsThatOfAllRecordsAtOnce) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto spec = everything(GetParam().size, GetParam().slide, GetParam().groups);
  std::vector<sample::Slice> slices;
  for (int partition = 0; partition < 3; ++partition) {
    int64_t offset = 0;
    for (int slice = 0; slice < 3; ++slice) {
      const size_t count = std::uniform_int_distribution<size_t>(0, 300)(random);
      slices.push_back({"topic-" + std::to_string(partition) + "-" + std::to_string(offset),
                        random_rows(random, count, offset)});
      offset += static_cast<int64_t>(count);
    }
  }
  expect_documents(spec, slices);
}

INSTANTIATE_TEST_SUITE_P(Each, RandomAggregation,
                         testing::Values(Shape{seconds(60), seconds(60), {"g"}},
                                         Shape{seconds(60), seconds(10), {}},
                                         Shape{seconds(25), seconds(10), {"g", "n"}},
                                         Shape{hours(24), hours(24), {"b", "n", "g"}}));

TEST(WindowSet, CountsOnlyLiveRowsOfTheSlice) {
  std::vector<Row> rows(5);
  rows[1].state = records::RowState::filtered;
  rows[2].state = records::RowState::rejected;
  rows[3].is_lookback = true;
  const auto spec = sample::spec(seconds(1), seconds(1), {}, {aggregate("c", Function::count)});
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0]["c"], 2);
}

TEST(WindowSet, GivesPartialsInTheOrderOfTheirStarts) {
  std::vector<Row> rows(4);
  rows[0].time = 5 * second;
  rows[1].time = -5 * second;
  rows[2].time = 2 * second;
  rows[3].time = 5 * second + 1;
  const auto spec = sample::spec(seconds(1), seconds(1), {}, {aggregate("c", Function::count)});
  const auto partials = sample::partials(spec, rows);
  ASSERT_EQ(partials.size(), 3u);
  EXPECT_LT(partials[0].start, partials[1].start);
  EXPECT_LT(partials[1].start, partials[2].start);
  EXPECT_EQ(partials[2].groups, 1u);
}

TEST(WindowSet, GivesTheSameBytesWhateverTheBatches) {
  std::mt19937_64 random(7);
  const auto rows = random_rows(random, 2000, 0);
  const auto spec = everything(seconds(60), seconds(20), {"g"});
  const auto one = sample::partials(spec, rows, 1), many = sample::partials(spec, rows, 700);
  ASSERT_EQ(one.size(), many.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].bytes, many[i].bytes);
}

TEST(WindowSet, KeepsManyGroupsApart) {
  std::vector<Row> rows;
  for (int i = 0; i < 60000; ++i) {
    Row row;
    row.n = i % 30000;
    row.v = i;
    rows.push_back(row);
  }
  const auto spec = sample::spec(seconds(1), seconds(1), {"n"}, {aggregate("s", Function::sum, "v")});
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  ASSERT_EQ(documents.size(), 30000u);
  for (const auto& doc : documents) EXPECT_EQ(doc["s"], 2.0 * doc["n"].get<double>() + 30000);
}

TEST(WindowSet, HoldsKeysLargerThanItsChunks) {
  std::vector<Row> rows(4);
  rows[0].g = std::string(3 << 20, 'x');
  rows[1].g = "small";
  rows[2].g = std::string(3 << 20, 'x');
  rows[3].g = std::string(3 << 20, 'y');
  const auto spec = sample::spec(seconds(1), seconds(1), {"g"}, {aggregate("c", Function::count)});
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0]["c"], 2);
  EXPECT_EQ(documents[1]["g"], "small");
}

TEST(Sum, OfLongsIsExactAndNullBeyondSixtyFourBits) {
  const auto spec = sample::spec(seconds(1), seconds(1), {"g"},
                                 {aggregate("s", Function::sum, "n"), aggregate("a", Function::avg, "n")});
  const int64_t most = std::numeric_limits<int64_t>::max();
  std::vector<Row> rows(5);
  rows[0].g = rows[1].g = rows[2].g = "back";
  rows[0].n = rows[1].n = most;
  rows[2].n = -most;
  rows[3].g = rows[4].g = "over";
  rows[3].n = most;
  rows[4].n = 1;
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  EXPECT_EQ(documents[0]["s"].get<int64_t>(), most);
  EXPECT_FALSE(documents[1].contains("s"));
  EXPECT_NEAR(documents[1]["a"].get<double>(), 4.611686018427388e18, 1e9);
}

TEST(Sum, OfDoublesIsNullWhenNotFiniteAndHidesTheOrderOfAdding) {
  const auto spec = sample::spec(seconds(1), seconds(1), {"g"}, {aggregate("s", Function::sum, "v")});
  std::vector<Row> rows(12);
  for (int i = 0; i < 10; ++i) rows[static_cast<size_t>(i)].v = 0.1;
  rows[10].g = rows[11].g = "inf";
  rows[10].v = rows[11].v = 1.5e308;
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  EXPECT_EQ(documents[0]["s"].get<double>(), 1.0);
  EXPECT_FALSE(documents[1].contains("s"));
}

TEST(Stddev, IsSoundFarFromZero) {
  const auto spec = sample::spec(seconds(1), seconds(1), {}, {aggregate("sd", Function::stddev, "v")});
  std::vector<sample::Slice> slices;
  for (int i = 0; i < 3; ++i) {
    Row row;
    row.v = 1e9 + i;
    slices.push_back({"topic-0-" + std::to_string(i), {row}});
  }
  EXPECT_NEAR(sample::documents(spec, slices)[0]["sd"].get<double>(), 0.816496580927726, 1e-6);
}

TEST(FirstAndLast, AreByTimeThenOffsetThenPartition) {
  const auto spec = sample::spec(seconds(1), seconds(1), {},
                                 {aggregate("f", Function::first, "s"), aggregate("l", Function::last, "s")});
  std::vector<sample::Slice> slices;
  for (const int partition : {0, 2, 9, 10}) {
    Row row;
    row.offset = 7;
    row.s = "p" + std::to_string(partition);
    slices.push_back({"topic-" + std::to_string(partition) + "-0", {row}});
  }
  const auto doc = sample::documents(spec, slices)[0];
  EXPECT_EQ(doc["f"], "p0");
  EXPECT_EQ(doc["l"], "p10");
}

TEST(Groups, NullAndEmptyAndBothZeros) {
  const auto spec = sample::spec(seconds(1), seconds(1), {"g", "v"}, {aggregate("c", Function::count)});
  std::vector<Row> rows(4);
  rows[1].g = "";
  rows[2].v = 0.0;
  rows[3].v = -0.0;
  const auto documents = sample::documents(spec, {{"topic-0-0", rows}});
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_FALSE(documents[0].contains("g"));
  EXPECT_EQ(documents[1]["g"], "");
  EXPECT_EQ(documents[2]["c"], 2);
}

}  // namespace
}  // namespace tamis::windows
