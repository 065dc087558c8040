// Each row of the table in judge.h.

#include "worlds/durability/judge.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace resprobe {
namespace {

using enum DurabilityPolicy;
using enum DurabilityResult;

constexpr int64_t kSecond = 1'000'000;
constexpr bool kKill = false;
constexpr bool kPower = true;

class JudgeTest : public testing::Test {
 protected:
  JudgeTest() {
    judge_.set_describe([](uint32_t version) { return "SET k " + std::to_string(version); });
  }
  // A turn of the server, which makes the next version.
  void Turn(int64_t at, DurabilityPolicy policy, int64_t fsync_since = -1) {
    judge_.Acknowledge(
        {.version = ++version_, .now_us = at, .policy = policy, .fsync_since_us = fsync_since});
  }
  // A turn that changes nothing.
  void Idle(int64_t at, DurabilityPolicy policy, int64_t fsync_since = -1) {
    judge_.Acknowledge({.version = version_,
                        .now_us = at,
                        .policy = policy,
                        .fsync_since_us = fsync_since,
                        .wrote = false});
  }
  DurabilityVerdict JudgeOf(bool power, int64_t at, const DurabilityJudge::Match& match) {
    judge_.At({.power_failure = power, .at_us = at});
    judge_.Begin();
    judge_.Consider(match);
    const DurabilityVerdict verdict = judge_.Verdict();
    expected_ = judge_.Expected(verdict);
    seen_ = judge_.Seen(verdict);
    return verdict;
  }
  DurabilityResult Result(bool power, int64_t at, uint32_t version) {
    return JudgeOf(power, at, {.version = version}).result;
  }
  // The least version that is accepted.
  uint32_t Least(bool power, int64_t at) {
    uint32_t least = 0;
    while (IsBroken(Result(power, at, least))) ++least;
    EXPECT_EQ(judge_.required(), least);
    return least;
  }

  DurabilityJudge judge_;
  uint32_t version_ = 0;
  std::string expected_;
  std::string seen_;
};

// --- What must be kept.

TEST_F(JudgeTest, AlwaysKeepsAllThatIsAcknowledged) {
  judge_.Reset(kAlways);
  for (int64_t i = 0; i < 5; ++i) Turn(i * kSecond, kAlways);
  for (const bool power : {kKill, kPower}) {
    EXPECT_EQ(Result(power, 5 * kSecond, 4), kLostAcknowledged);
    EXPECT_EQ(Result(power, 5 * kSecond, 5), kKept);
    EXPECT_EQ(Result(power, 5 * kSecond, 6), kKept);  // what was not acknowledged may appear
    EXPECT_EQ(Least(power, 5 * kSecond), 5U);
  }
  EXPECT_EQ(Result(kPower, 5 * kSecond, 3), kLostAcknowledged);
  EXPECT_EQ(expected_,
            "at least version 5 (SET k 5) of 5: acknowledged under appendfsync always at 4.000 s "
            "(power failure at 5.000 s)");
  EXPECT_EQ(seen_, "version 3 (SET k 3); version 4 (SET k 4) is lost");
}

TEST_F(JudgeTest, EverySecondLosesTwoSecondsAtAPowerFailureAndNothingAtAKill) {
  judge_.Reset(kEverySecond);
  for (int64_t i = 0; i < 10; ++i) Turn(i * kSecond, kEverySecond);  // at 0, 1, … 9 s
  EXPECT_EQ(Least(kKill, 9 * kSecond), 10U);
  EXPECT_EQ(Result(kKill, 9 * kSecond, 9), kLostAcknowledged);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 8U);  // those at 0 … 7 s
  EXPECT_EQ(Result(kPower, 9 * kSecond, 7), kBeyondWindow);
  EXPECT_EQ(expected_,
            "at least version 8 (SET k 8) of 10: acknowledged under appendfsync everysec at 7.000 "
            "s (power failure at 9.000 s)");
  EXPECT_EQ(Result(kPower, 9 * kSecond, 8), kWithinPromise);
  EXPECT_EQ(Result(kPower, 9 * kSecond, 10), kKept);
  EXPECT_EQ(Least(kPower, 20 * kSecond), 10U);
}

TEST_F(JudgeTest, EverySecondLosesMoreWhileAnFsyncHangs) {
  judge_.Reset(kEverySecond);
  Turn(1 * kSecond, kEverySecond);
  Turn(3 * kSecond, kEverySecond, /*fsync_since=*/3 * kSecond);
  Turn(9 * kSecond, kEverySecond, /*fsync_since=*/3 * kSecond);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 1U);
  // What has waited for 2 s is written in spite of it, in the next turn.
  EXPECT_EQ(Least(kKill, 9 * kSecond), 2U);
  EXPECT_EQ(Least(kKill, 12 * kSecond), 3U);
  // Once it has ended, what came after its start waits for the next one.
  Idle(10 * kSecond, kEverySecond);
  EXPECT_EQ(Least(kPower, 11 * kSecond), 1U);
  EXPECT_EQ(Least(kPower, 12 * kSecond), 3U);
}

TEST_F(JudgeTest, NoKeepsEverythingAtAKillAndNothingAtAPowerFailure) {
  judge_.Reset(kNo);
  Turn(1 * kSecond, kNo);
  EXPECT_EQ(Least(kKill, 99 * kSecond), 1U);
  EXPECT_EQ(Least(kPower, 99 * kSecond), 0U);
  EXPECT_EQ(Result(kPower, 99 * kSecond, 0), kWithinPromise);
}

TEST_F(JudgeTest, WhatIsYoungWhenFsyncsEndIsNotPromised) {
  judge_.Reset(kEverySecond);
  Turn(1 * kSecond, kEverySecond);
  Turn(2 * kSecond, kEverySecond);
  Idle(3 * kSecond, kNo);
  EXPECT_EQ(Least(kPower, 99 * kSecond), 1U);
}

TEST_F(JudgeTest, TheWriteThatFailsIsNotPromised) {
  judge_.Reset(kEverySecond);
  Turn(1 * kSecond, kEverySecond);
  judge_.Acknowledge(
      {.version = ++version_, .now_us = 2 * kSecond, .policy = kEverySecond, .write_fails = true});
  EXPECT_EQ(Least(kKill, 9 * kSecond), 1U);
  Idle(9 * kSecond, kEverySecond);
  EXPECT_EQ(Least(kKill, 9 * kSecond), 2U);
}

TEST_F(JudgeTest, NothingIsSyncedWhileAChildHoldsFsyncsBack) {
  judge_.Reset(kAlways);
  Turn(1 * kSecond, kAlways);
  judge_.Acknowledge(
      {.version = ++version_, .now_us = 2 * kSecond, .policy = kAlways, .held = true});
  EXPECT_EQ(Least(kPower, 9 * kSecond), 1U);
  EXPECT_EQ(Least(kKill, 9 * kSecond), 2U);
}

TEST_F(JudgeTest, SnapshotsAreTheLastFinishedOneOrTheOneUnderWay) {
  judge_.Reset(kSnapshots);
  judge_.SnapshotBegins(2);
  EXPECT_EQ(Result(kPower, 0, 0), kKept);
  EXPECT_EQ(Result(kPower, 0, 1), kNotASnapshot);
  EXPECT_EQ(Result(kPower, 0, 2), kKept);
  judge_.SnapshotEnds(2);
  judge_.SnapshotBegins(3);
  judge_.SnapshotEnds(3);
  for (const bool power : {kKill, kPower}) {
    EXPECT_EQ(Result(power, 0, 0), kLostSnapshot);
    EXPECT_EQ(Result(power, 0, 2), kLostSnapshot);
    EXPECT_EQ(expected_.substr(0, 55), "the last finished snapshot, version 3 (SET k 3) (" +
                                           std::string(power ? "power " : "kill -"));
    EXPECT_EQ(Result(power, 0, 3), kKept);
    EXPECT_EQ(Result(power, 0, 4), kNotASnapshot);
  }
}

TEST_F(JudgeTest, AReceiptIsKeptUnderEveryPolicy) {
  judge_.Reset(kNo);
  Turn(0, kNo);
  Turn(0, kNo);
  judge_.Confirm(1, kSecond, "confirmed by WAITAOF");
  EXPECT_EQ(Least(kPower, 2 * kSecond), 1U);
  EXPECT_EQ(Result(kPower, 2 * kSecond, 0), kLostAcknowledged);
  EXPECT_EQ(expected_,
            "at least version 1 (SET k 1) of 2: confirmed by WAITAOF at 1.000 s (power failure at "
            "2.000 s)");
}

TEST_F(JudgeTest, ARewriteIsAReceipt) {
  judge_.Reset(kNo);
  Turn(1 * kSecond, kNo);
  judge_.RewriteBegins(1);
  Turn(1 * kSecond, kNo);
  EXPECT_EQ(Least(kPower, kSecond), 0U);
  judge_.RewriteEnds(kSecond);
  EXPECT_EQ(Least(kPower, kSecond), 1U);
}

// --- Faults.

TEST_F(JudgeTest, AFailedFsyncExcusesWhatItCoveredUntilARewrite) {
  judge_.Reset(kAlways);
  Turn(1 * kSecond, kAlways);
  judge_.FsyncLost();
  EXPECT_TRUE(judge_.in_doubt());
  Turn(2 * kSecond, kAlways);
  judge_.Confirm(2, 2 * kSecond, "confirmed by WAITAOF");
  EXPECT_EQ(Least(kPower, 9 * kSecond), 1U);
  EXPECT_EQ(Least(kKill, 9 * kSecond), 2U);
  // Unless that was spoiled, too.
  judge_.RewriteBegins(2);
  judge_.FsyncLost();
  judge_.RewriteEnds(9 * kSecond);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 1U);
  judge_.RewriteBegins(2);
  judge_.RewriteEnds(9 * kSecond);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 2U);
  EXPECT_FALSE(judge_.in_doubt());
}

TEST_F(JudgeTest, DamageExcusesAnyState) {
  judge_.Reset(kAlways);
  Turn(1 * kSecond, kAlways);
  judge_.Damaged();
  const DurabilityVerdict verdict = JudgeOf(kPower, 2 * kSecond, {.version = 1, .times = false});
  EXPECT_FALSE(IsBroken(verdict.result));
  EXPECT_TRUE(verdict.excused);
}

// --- Several lives.

TEST_F(JudgeTest, AKillMakesNothingDurable) {
  judge_.Reset(kEverySecond);
  Turn(1 * kSecond, kEverySecond);
  Turn(2 * kSecond, kEverySecond);
  judge_.Restart({.power_failure = false, .at_us = 3 * kSecond}, /*recovered=*/2, /*latest=*/3);
  version_ = 3;
  EXPECT_EQ(Least(kKill, 3 * kSecond), 3U);
  EXPECT_EQ(Least(kPower, 99 * kSecond), 1U);
  Turn(99 * kSecond, kEverySecond);
  EXPECT_EQ(Least(kPower, 101 * kSecond), 4U);
}

TEST_F(JudgeTest, WhatAPowerFailureHasLeftIsDurable) {
  judge_.Reset(kNo);
  Turn(1 * kSecond, kNo);
  Turn(1 * kSecond, kNo);
  judge_.Restart({.power_failure = true, .at_us = kSecond}, /*recovered=*/1, /*latest=*/3);
  EXPECT_EQ(Least(kPower, kSecond), 3U);
}

TEST_F(JudgeTest, ASnapshotOutlivesALog) {
  judge_.Reset(kAlways);
  judge_.SnapshotBegins(1);
  judge_.SnapshotEnds(1);
  version_ = 1;
  Turn(1 * kSecond, kAlways);
  judge_.Restart({.power_failure = false, .at_us = kSecond}, /*recovered=*/2, /*latest=*/2);
  Idle(kSecond, kSnapshots);
  EXPECT_EQ(Result(kPower, kSecond, 1), kKept);
  EXPECT_EQ(Result(kPower, kSecond, 2), kNotASnapshot);
}

// --- Verdicts.

TEST_F(JudgeTest, AStateWithinATransactionIsTorn) {
  judge_.Reset(kNo);
  Turn(0, kNo);
  EXPECT_EQ(JudgeOf(kPower, 0, {.version = 1, .inside = true}).result, kTornTransaction);
  EXPECT_EQ(seen_, "version 1 (SET k 1), without the rest of its transaction");
}

TEST_F(JudgeTest, TimesToLiveAreJudgedApart) {
  judge_.Reset(kNo);
  EXPECT_EQ(JudgeOf(kPower, 0, {.version = 0, .times = false}).result, kWrongExpiry);
}

TEST_F(JudgeTest, AStateOfNoVersionIsAHole) {
  judge_.Reset(kNo);
  judge_.At({.power_failure = true});
  judge_.Begin();
  EXPECT_EQ(judge_.Verdict().result, kHole);
  EXPECT_EQ(judge_.Seen(judge_.Verdict()), "a state that no version has");
}

TEST_F(JudgeTest, ARefusalIsUnavailableIfItSaysWhy) {
  judge_.Reset(kAlways);
  judge_.At({.power_failure = true});
  EXPECT_EQ(judge_.Refused("Bad file format").result, kUnavailable);
  EXPECT_FALSE(IsBroken(kUnavailable));
  EXPECT_EQ(judge_.Refused("").result, kSilentRefusal);
  EXPECT_TRUE(IsBroken(kSilentRefusal));
}

TEST_F(JudgeTest, OfEqualStatesTheBestForTheServerCounts) {
  judge_.Reset(kAlways);
  for (int i = 0; i < 3; ++i) Turn(0, kAlways);
  judge_.At({.power_failure = true});
  judge_.Begin();
  EXPECT_FALSE(judge_.Consider({.version = 2, .inside = true}));
  EXPECT_EQ(judge_.Verdict().result, kTornTransaction);
  EXPECT_FALSE(judge_.Consider({.version = 1}));
  EXPECT_EQ(judge_.Verdict().result, kLostAcknowledged);
  EXPECT_FALSE(judge_.Consider({.version = 0, .times = false}));
  EXPECT_EQ(judge_.Verdict().result, kLostAcknowledged);
  EXPECT_EQ(judge_.Verdict().recovered, 1U);
  EXPECT_TRUE(judge_.Consider({.version = 3}));
  EXPECT_EQ(judge_.Verdict().result, kKept);
}

TEST_F(JudgeTest, EachResultHasANameAndAnOutcome) {
  std::set<std::string_view> names;
  std::set<DurabilityOutcome> outcomes;
  for (size_t i = 0; i < kDurabilityResults; ++i) {
    const auto result = static_cast<DurabilityResult>(i);
    names.insert(NameOf(result));
    outcomes.insert(OutcomeOf(result));
  }
  EXPECT_EQ(names.size(), kDurabilityResults);
  EXPECT_EQ(outcomes.size(), 7U);
  EXPECT_EQ(NameOf(OutcomeOf(kWithinPromise)), "lost within the promise");
  EXPECT_EQ(NameOf(OutcomeOf(kBeyondWindow)), "lost");
  EXPECT_EQ(NameOf(OutcomeOf(kTornTransaction)), "mixed");
}

TEST_F(JudgeTest, AfterAnFsyncOfARewriteThatLiedNothingIsOwed) {
  judge_.Reset(kAlways);
  for (int64_t i = 0; i < 3; ++i) Turn(i * kSecond, kAlways);
  judge_.FsyncLost(/*lied=*/true);  // of the log: what was durable before it is kept
  EXPECT_EQ(Least(kPower, 3 * kSecond), 3U);
  judge_.RewriteBegins(version_);
  judge_.FsyncLost(/*lied=*/true);
  EXPECT_EQ(Least(kPower, 3 * kSecond), 0U);
  judge_.RewriteEnds(4 * kSecond);
  EXPECT_EQ(Least(kPower, 4 * kSecond), 0U);
  judge_.RewriteBegins(version_);
  judge_.RewriteEnds(5 * kSecond);
  EXPECT_EQ(Least(kPower, 5 * kSecond), 3U);
}

}  // namespace
}  // namespace resprobe
