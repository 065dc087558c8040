#include "cli/cases/seed_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resprobe::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SelectSeeds, KeepsEveryFeature) {
  EXPECT_THAT(SelectSeeds({{10, {1, 2}}, {10, {2, 3}}, {10, {4}}}), ElementsAre(0, 1, 2));
}

TEST(SelectSeeds, PrefersTheCheapOne) {
  EXPECT_THAT(SelectSeeds({{100, {1, 2}}, {10, {1, 2}}}), ElementsAre(1));
  // One expensive case against two cheap ones that cover the same.
  EXPECT_THAT(SelectSeeds({{100, {1, 2}}, {10, {1}}, {10, {2}}}), ElementsAre(1, 2));
  EXPECT_THAT(SelectSeeds({{15, {1, 2}}, {10, {1}}, {10, {2}}}), ElementsAre(0));
}

TEST(SelectSeeds, DropsWhatLaterPicksMadeNeedless) {
  // The first pick is 0, the best for its cost; 1 and 2 then cover all of it.
  EXPECT_THAT(SelectSeeds({{10, {1, 2, 3}}, {11, {1, 2, 4}}, {12, {3, 5}}}), ElementsAre(1, 2));
}

TEST(SelectSeeds, KeepsAllOfItsOwnAnswerWhateverTheCosts) {
  const std::vector<SeedCandidate> all = {
      {10, {1, 2, 3}}, {11, {1, 2, 4}}, {12, {3, 5}}, {13, {5, 6, 1}}, {14, {2, 4, 6}}};
  std::vector<SeedCandidate> chosen;
  for (const size_t i : SelectSeeds(all)) chosen.push_back(all[i]);
  for (uint64_t cost = 1; SeedCandidate & candidate : chosen) candidate.cost = cost *= 7;
  EXPECT_EQ(SelectSeeds(chosen).size(), chosen.size());
}

TEST(SelectSeeds, LeavesOutWhatReachesNothing) {
  EXPECT_THAT(SelectSeeds({{1, {}}, {0, {7}}}), ElementsAre(1));
  EXPECT_THAT(SelectSeeds({}), IsEmpty());
}

}  // namespace
}  // namespace resprobe::cli
