#include "worlds/lives/sim_life.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "history/linearizer.h"

namespace resprobe {
namespace {

using history::Part;

SimLives::Options Small(uint64_t seed, Part part, LifePlant plant = LifePlant::kNone) {
  return {.seed = seed, .clients = 4, .keys = 10, .operations = 150, .part = part, .plant = plant};
}

class SimLifeTest : public testing::TestWithParam<Part> {};

TEST_P(SimLifeTest, TheCoreIsLinearizable) {
  SimLives lives;
  uint64_t unknown = 0;
  uint64_t crashes = 0;
  uint64_t reconnects = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const SimLives::Result life = lives.Run(Small(seed, GetParam()));
    EXPECT_EQ(life.failure, "") << "seed " << seed;
    const history::LinearizerResult result = CheckHistory(life.history, SimLives::ProfileOf(seed));
    EXPECT_EQ(result.verdict, history::Verdict::kOk) << "seed " << seed << ": " << result.why;
    EXPECT_GE(life.counts.operations, 150u);
    // A client asks again when it has its replies: what it does not send together does not overlap.
    std::map<uint32_t, const history::Operation*> last;
    for (const history::Operation& operation : life.history.operations) {
      const history::Operation* const before = std::exchange(last[operation.client], &operation);
      if (before == nullptr || before->begin_us == operation.begin_us) continue;
      EXPECT_LE(before->end_us, operation.begin_us) << LineOf(operation);
    }
    unknown += life.counts.unknown;
    crashes += life.counts.crashes;
    reconnects += life.counts.reconnects;
  }
  EXPECT_EQ(unknown > 0, GetParam() != Part::kConcurrent);
  EXPECT_EQ(crashes > 0, GetParam() == Part::kCrash);
  EXPECT_EQ(reconnects > 0, GetParam() == Part::kStorm);
}

TEST_P(SimLifeTest, ALifeIsAFunctionOfItsSeed) {
  SimLives lives;
  const SimLives::Result one = lives.Run(Small(3, GetParam()));
  lives.Run(Small(4, GetParam()));
  const SimLives::Result again = lives.Run(Small(3, GetParam()));
  EXPECT_EQ(Print(one.history), Print(again.history));
}

INSTANTIATE_TEST_SUITE_P(Parts, SimLifeTest,
                         testing::Values(Part::kConcurrent, Part::kCrash, Part::kStorm),
                         [](const testing::TestParamInfo<Part>& info) {
                           return std::string(NameOf(info.param));
                         });

// True if one of the seeds shows a violation.
bool Finds(Part part, LifePlant plant) {
  SimLives lives;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const SimLives::Result life = lives.Run(Small(seed, part, plant));
    const history::LinearizerResult result = CheckHistory(life.history, SimLives::ProfileOf(seed));
    if (result.verdict == history::Verdict::kViolation) return true;
  }
  return false;
}

TEST(SimLifePlantTest, AnFsyncThatIsNoneIsFound) {
  EXPECT_TRUE(Finds(Part::kCrash, LifePlant::kNoFsync));
}

TEST(SimLifePlantTest, AStaleReadIsFound) {
  EXPECT_TRUE(Finds(Part::kConcurrent, LifePlant::kStaleRead));
}

}  // namespace
}  // namespace resprobe
