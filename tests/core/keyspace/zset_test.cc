// Compares a sorted set with a std::map and a sorted vector: ranks, counts and ranges, with equal
// scores, infinities and both zeros.

#include "core/keyspace/zset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/keyspace/accounting.h"
#include "core/keyspace/random.h"
#include "core/keyspace/set_value.h"

namespace resprobe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Naive = std::map<std::string, double>;
using Ranked = std::vector<std::pair<double, std::string>>;

Ranked Rank(const Naive& naive) {
  Ranked ranked;
  for (const auto& [member, score] : naive) ranked.emplace_back(score, member);
  std::sort(ranked.begin(), ranked.end());
  return ranked;
}

void ExpectSame(const ZSet& zset, const Naive& naive) {
  ASSERT_EQ(zset.Check(), nullptr);
  const Ranked ranked = Rank(naive);
  ASSERT_EQ(zset.size(), ranked.size());
  size_t bytes = 0;
  for (size_t rank = 0; rank < ranked.size(); ++rank) {
    const auto& [score, member] = ranked[rank];
    ASSERT_EQ(zset.member_at(rank), member);
    ASSERT_EQ(zset.score_at(rank), score);
    ASSERT_EQ(zset.RankOf(member), rank);
    ASSERT_NE(zset.Find(member), nullptr);
    ASSERT_EQ(*zset.Find(member), score);
    bytes += ElementBytes(member) + sizeof(double);
  }
  ASSERT_EQ(zset.bytes(), bytes);
}

double RandomScore(Random& random) {
  constexpr double kScores[] = {0,  -0.0,  1,      1,        2,         2.5,
                                -1, 1e308, -1e308, 4.9e-324, kInfinity, -kInfinity};
  if (random.Below(2) == 0) return static_cast<double>(random.Below(5));
  return kScores[random.Below(std::size(kScores))];
}

std::string RandomMember(Random& random) {
  std::string member;
  const size_t length = random.Below(4);
  for (size_t i = 0; i < length; ++i) member += "ab\xff"[random.Below(3)];
  return member;
}

TEST(ZSetTest, BehavesAsASortedMap) {
  Random random;
  ZSet zset;
  Naive naive;
  for (int i = 0; i < 8000; ++i) {
    const std::string member = RandomMember(random);
    switch (random.Below(8)) {
      case 0:
      case 1:
        ASSERT_EQ(zset.Erase(member), naive.erase(member) == 1);
        break;
      case 2: {
        if (random.Below(5) != 0) break;
        const size_t first = random.Below(naive.size() + 1);
        const size_t count = random.Below(naive.size() - first + 1);
        const Ranked ranked = Rank(naive);
        for (size_t rank = first; rank < first + count; ++rank) naive.erase(ranked[rank].second);
        zset.EraseRanks(first, count);
        break;
      }
      case 3:
        if (random.Below(100) != 0) break;
        zset.Clear();
        naive.clear();
        break;
      default: {
        const double score = RandomScore(random);
        ASSERT_EQ(zset.Set(member, score), !naive.contains(member));
        naive[member] = score;
      }
    }
    ExpectSame(zset, naive);
    if (HasFatalFailure()) return;
    ASSERT_EQ(zset.Find("no such member"), nullptr);
    ASSERT_EQ(zset.RankOf("no such member"), zset.size());

    const double bound = RandomScore(random);
    const auto below = [&](bool inclusive) {
      return static_cast<size_t>(std::count_if(naive.begin(), naive.end(), [&](const auto& entry) {
        return inclusive ? entry.second <= bound : entry.second < bound;
      }));
    };
    ASSERT_EQ(zset.CountBelow(bound, false), below(false));
    ASSERT_EQ(zset.CountBelow(bound, true), below(true));
  }
}

TEST(ZSetTest, CountsByBytesWhereScoresAreEqual) {
  Random random;
  ZSet zset;
  Naive naive;
  for (int i = 0; i < 2000; ++i) {
    const std::string member = RandomMember(random);
    if (random.Below(3) == 0) {
      zset.Erase(member);
      naive.erase(member);
    } else {
      zset.Set(member, 7);
      naive[member] = 7;
    }
    const std::string bound = RandomMember(random);
    const auto lower = naive.lower_bound(bound);
    const auto upper = naive.upper_bound(bound);
    ASSERT_EQ(zset.CountLexBelow(bound, false),
              static_cast<size_t>(std::distance(naive.begin(), lower)));
    ASSERT_EQ(zset.CountLexBelow(bound, true),
              static_cast<size_t>(std::distance(naive.begin(), upper)));
  }
  ExpectSame(zset, naive);
}

TEST(ZSetTest, SettingAnEqualScoreKeepsTheSignOfZero) {
  ZSet zset;
  zset.Set("m", -0.0);
  EXPECT_FALSE(zset.Set("m", 0.0));
  EXPECT_TRUE(std::signbit(zset.score_at(0)));
  EXPECT_TRUE(std::signbit(*zset.Find("m")));
}

TEST(ZSetTest, StoresNoNegativeZeroWhileCompact) {
  ZSet zset;
  EXPECT_FALSE(std::signbit(zset.AsStored("m", -0.0)));
  EXPECT_EQ(zset.AsStored("m", -1.5), -1.5);
  const std::string limit(64, 'x');
  EXPECT_FALSE(std::signbit(zset.AsStored(limit, -0.0)));
  EXPECT_TRUE(std::signbit(zset.AsStored(limit + "x", -0.0)));  // makes it large
  for (int i = 0; i < 128; ++i) {
    EXPECT_FALSE(std::signbit(zset.AsStored(std::to_string(i), -0.0))) << i;
    zset.Set(std::to_string(i), i);
  }
  EXPECT_TRUE(zset.compact());
  EXPECT_FALSE(std::signbit(zset.AsStored("5", -0.0)));  // already present
  EXPECT_TRUE(std::signbit(zset.AsStored("m", -0.0)));   // the 129th member
  zset.Set("m", 0);
  EXPECT_FALSE(zset.compact());
  zset.EraseRanks(0, 100);
  EXPECT_FALSE(zset.compact());  // permanently
  EXPECT_TRUE(std::signbit(zset.AsStored("5", -0.0)));
  zset.Clear();
  EXPECT_TRUE(zset.compact());
}

TEST(ZSetTest, CopiesAndSwaps) {
  Random random;
  ZSet zset;
  Naive naive;
  for (int i = 0; i < 300; ++i) {
    const std::string member = std::to_string(random.Below(1000));
    const double score = RandomScore(random);
    zset.Set(member, score);
    naive[member] = score;
  }
  ZSet other;
  other.Set("old", 1);
  other.CopyFrom(zset);
  ExpectSame(other, naive);
  EXPECT_EQ(other.compact(), zset.compact());
  zset.Clear();
  zset.Set("new", 2);
  zset.swap(other);
  ExpectSame(zset, naive);
  ExpectSame(other, {{"new", 2}});
  EXPECT_FALSE(zset.compact());
  EXPECT_TRUE(other.compact());
}

TEST(SetTest, SwapsAllOfItsState) {
  Set a;
  a.Add("1");
  Set b;
  b.Add("x");
  b.Add("y");
  a.swap(b);
  EXPECT_EQ(a.Check(), nullptr);
  EXPECT_EQ(b.Check(), nullptr);
  EXPECT_EQ(a.size(), 2u);
  EXPECT_EQ(b.size(), 1u);
  EXPECT_FALSE(a.intset());
  EXPECT_TRUE(b.intset());
}

}  // namespace
}  // namespace resprobe
