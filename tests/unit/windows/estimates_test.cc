#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "core/base/hash.h"
#include "tasks/windows/distinct.h"
#include "tasks/windows/quantiles.h"

namespace tamis::windows {
namespace {

double nearest_rank(const std::vector<double>& sorted, uint64_t percent) {
  return sorted[(sorted.size() * percent + 99) / 100 - 1];
}

std::string bytes_of(const Quantiles& quantiles) {
  std::string bytes;
  quantiles.encode(bytes);
  return bytes;
}

void expect_within(const Quantiles& quantiles, std::vector<double> values, double error) {
  std::sort(values.begin(), values.end());
  ASSERT_EQ(quantiles.count(), values.size());
  for (const uint32_t percent : {50, 90, 95, 99}) {
    const double exact = nearest_rank(values, percent);
    EXPECT_LE(std::fabs(quantiles.at(percent) - exact), std::fabs(exact) * error)
        << "p" << percent << " of " << values.size() << ": " << quantiles.at(percent) << " for " << exact;
  }
}

TEST(Quantiles, AreExactUpTo256Values) {
  std::mt19937_64 random(3);
  for (const size_t count : {1, 2, 3, 7, 100, 255, 256}) {
    Pool pool;
    Quantiles quantiles;
    std::vector<double> values;
    for (size_t i = 0; i < count; ++i) {
      values.push_back(std::normal_distribution(0.0, 100.0)(random));
      quantiles.add(values.back(), pool);
    }
    expect_within(quantiles, values, 0);
  }
}

class ManyQuantiles : public testing::TestWithParam<std::pair<const char*, double (*)(std::mt19937_64&)>> {};

TEST_P(ManyQuantiles, AreWithinOnePercent) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t count : {257, 3000, 300000}) {
    Pool pool;
    Quantiles quantiles;
    std::vector<double> values;
    for (size_t i = 0; i < count; ++i) {
      values.push_back(GetParam().second(random));
      quantiles.add(values.back(), pool);
    }
    expect_within(quantiles, values, Quantiles::relative_error);
  }
}

using Random = std::mt19937_64;
INSTANTIATE_TEST_SUITE_P(
    Each, ManyQuantiles,
    testing::Values(
        std::pair{"sensor", +[](Random& r) { return std::uniform_real_distribution(0.0, 500.0)(r); }},
        std::pair{"signed", +[](Random& r) { return std::normal_distribution(0.0, 40.0)(r); }},
        std::pair{"negative", +[](Random& r) { return -std::lognormal_distribution(0.0, 3.0)(r); }},
        std::pair{"zeros", +[](Random& r) { return std::max(0.0, std::normal_distribution(-1.0, 2.0)(r)); }},
        std::pair{"all sizes",
                  +[](Random& r) {
                    const double size = std::exp(std::uniform_real_distribution(-745.0, 709.0)(r));
                    return r() % 2 != 0 ? size : -size;
                  }},
        std::pair{"one value", +[](Random&) { return 21.5; }},
        std::pair{"tiniest",
                  +[](Random& r) {
                    return static_cast<double>(1 + r() % 1000) * std::numeric_limits<double>::denorm_min();
                  }}),
    [](const auto& instance) {
      std::string name = instance.param.first;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(Quantiles, MergedInAnyOrderHaveTheSameBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t count : {10, 256, 257, 5000}) {
    Pool pool;
    std::vector<Quantiles> parts(5);
    Quantiles all;
    for (size_t i = 0; i < count; ++i) {
      const double value = std::normal_distribution(3.0, 50.0)(random);
      all.add(value, pool);
      parts[random() % parts.size()].add(value, pool);
    }
    for (int turn = 0; turn < 2; ++turn) {
      Quantiles merged;
      for (const auto& part : parts) {
        const std::string bytes = bytes_of(part);
        ByteReader in(bytes);
        merged.merge(in, pool);
      }
      EXPECT_EQ(bytes_of(merged), bytes_of(all)) << count;
      std::reverse(parts.begin(), parts.end());
    }
  }
}

TEST(Quantiles, OfAllSizesStayBounded) {
  std::mt19937_64 random(11);
  Pool pool;
  Quantiles quantiles;
  for (int i = 0; i < 1000000; ++i)
    quantiles.add(std::exp(std::uniform_real_distribution(-745.0, 709.0)(random)), pool);
  EXPECT_LT(pool.memory(), size_t{8} << 20);
}

TEST(Distinct, IsExactUpToItsLimitAndWithinTwoPercentBeyond) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (const uint64_t count : {0u, 1u, 2u, 256u, 2048u, 2049u, 10000u, 60000u, 100000u, 1000000u}) {
    Pool pool;
    Distinct distinct;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t value = i * 2654435761u + seed;
      const uint64_t hash = base::hash64({reinterpret_cast<const char*>(&value), sizeof value});
      distinct.add(hash, pool);
      if (i % 3 == 0) distinct.add(hash, pool);
    }
    if (count <= Distinct::exact_limit)
      EXPECT_EQ(distinct.count(), count);
    else
      EXPECT_NEAR(static_cast<double>(distinct.count()), static_cast<double>(count),
                  0.025 * static_cast<double>(count));
  }
}

TEST(Distinct, ErrsByAboutHalfAPercent) {
  double squares = 0;
  constexpr int trials = 200;
  for (int trial = 0; trial < trials; ++trial) {
    Pool pool;
    Distinct distinct;
    for (uint64_t i = 0; i < 20000; ++i) {
      const uint64_t value[2] = {i, static_cast<uint64_t>(trial)};
      distinct.add(base::hash64({reinterpret_cast<const char*>(value), sizeof value}), pool);
    }
    const double error = static_cast<double>(distinct.count()) / 20000 - 1;
    EXPECT_LT(std::fabs(error), 0.02);
    squares += error * error;
  }
  EXPECT_LT(std::sqrt(squares / trials), 0.0065);
}

TEST(Distinct, MergedInAnyOrderHasTheSameBytes) {
  for (const size_t count : {10, 2048, 2049, 30000}) {
    Pool pool;
    std::vector<Distinct> parts(4);
    Distinct all;
    std::mt19937_64 random(5);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t hash = random();
      all.add(hash, pool);
      for (auto& part : parts)
        if (random() % 2 == 0 || &part == &parts[i % 4]) part.add(hash, pool);
    }
    std::string expected;
    all.encode(expected);
    for (int turn = 0; turn < 2; ++turn) {
      Distinct merged;
      for (const auto& part : parts) {
        std::string bytes;
        part.encode(bytes);
        ByteReader in(bytes);
        merged.merge(in, pool);
        EXPECT_TRUE(in.done());
      }
      std::string bytes;
      merged.encode(bytes);
      EXPECT_EQ(bytes, expected) << count;
      std::reverse(parts.begin(), parts.end());
    }
  }
}

TEST(Pool, GivesBlocksThatDontOverlapAndUsesThemAgain) {
  Pool pool;
  std::mt19937_64 random(9);
  std::vector<std::pair<char*, size_t>> held;
  std::vector<char> mark;
  for (int i = 0; i < 20000; ++i) {
    if (!held.empty() && random() % 2 == 0) {
      const size_t at = random() % held.size();
      for (size_t k = 0; k < held[at].second; ++k) ASSERT_EQ(held[at].first[k], mark[at]);
      pool.release(held[at].first, held[at].second);
      held.erase(held.begin() + static_cast<long>(at));
      mark.erase(mark.begin() + static_cast<long>(at));
    } else {
      const size_t size = Pool::rounded(1 + random() % (random() % 10 == 0 ? 100000 : 500));
      held.emplace_back(pool.allocate(size), size);
      mark.push_back(static_cast<char>(random()));
      std::fill_n(held.back().first, size, mark.back());
    }
  }
}

}  // namespace
}  // namespace tamis::windows
