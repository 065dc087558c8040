#include "worlds/durability/judge.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace resprobe {
namespace {

using enum DurabilityPolicy;
using enum DurabilityResult;

constexpr int64_t kSecond = 1'000'000;
constexpr DurabilityCrash kKill{.power_failure = false};
constexpr DurabilityCrash kPower{.power_failure = true};

// Each effect gives a state of its own, unless it is said to change nothing.
class States : public PrefixStates {
 public:
  StateDigest After(size_t effects) override {
    asked.push_back(effects);
    return Of(effects);
  }
  std::string Describe(size_t effect) override { return "SET k " + std::to_string(effect); }
  StateDigest Of(size_t effects) const {
    const size_t same =
        effects > 0 && changes_nothing.contains(effects - 1) ? effects - 1 : effects;
    return {100 + same, 7};
  }
  std::set<size_t> changes_nothing;
  std::vector<size_t> asked;
};

class JudgeTest : public testing::Test {
 protected:
  // A life of the server under this policy that starts at 0.
  void Start(DurabilityPolicy policy) {
    history_.Reset(0, policy);
    judge_.Reset(&history_, &states_);
  }
  void Log(int64_t at, bool acknowledged = true, bool ends_unit = true) {
    history_.Logged(at, ends_unit);
    if (acknowledged) history_.Acknowledged(history_.effects().size() - 1, at);
  }
  DurabilityVerdict JudgeOf(DurabilityCrash crash, int64_t at, const RecoveredState& recovered) {
    crash.at_us = at;
    judge_.At(crash);
    verdict_ = judge_.Judge(recovered);
    expected_ = judge_.Expected(verdict_);
    seen_ = judge_.Seen(verdict_, recovered);
    return verdict_;
  }
  DurabilityResult Result(DurabilityCrash crash, int64_t at, size_t prefix) {
    return JudgeOf(crash, at, {.state = states_.Of(prefix)}).result;
  }
  // The least prefix that is accepted.
  size_t Least(DurabilityCrash crash, int64_t at) {
    size_t least = 0;
    while (Result(crash, at, least) != kKept) ++least;
    EXPECT_EQ(judge_.required(), least);
    return least;
  }

  DurabilityHistory history_;
  States states_;
  DurabilityJudge judge_;
  DurabilityVerdict verdict_;
  std::string expected_;
  std::string seen_;
};

// --- The table: what must be kept.

TEST_F(JudgeTest, AlwaysKeepsAllThatIsAcknowledged) {
  Start(kAlways);
  for (int64_t i = 0; i < 5; ++i) Log(i * kSecond);
  Log(5 * kSecond, /*acknowledged=*/false);
  for (const DurabilityCrash crash : {kKill, kPower}) {
    EXPECT_EQ(Result(crash, 5 * kSecond, 4), kLostAcknowledged);
    EXPECT_EQ(Result(crash, 5 * kSecond, 5), kKept);
    EXPECT_EQ(Result(crash, 5 * kSecond, 6), kKept);  // what was not acknowledged may appear
    EXPECT_EQ(Least(crash, 5 * kSecond), 5u);
  }
  EXPECT_EQ(Result(kPower, 5 * kSecond, 3), kLostAcknowledged);
  EXPECT_EQ(
      expected_,
      "at least the first 5 effects of 6: effect 5 (SET k 4) was acknowledged at 4.000 s under "
      "appendfsync always (power failure at 5.000 s)");
  EXPECT_EQ(seen_, "the first 3 effects; effect 4 (SET k 3) is lost");
}

TEST_F(JudgeTest, AnAcknowledgementDemandsAllEffectsBefore) {
  Start(kAlways);
  Log(0, /*acknowledged=*/false);
  Log(0);
  EXPECT_EQ(Least(kPower, 1), 2u);
}

TEST_F(JudgeTest, EverySecondLosesTwoSecondsAtAPowerFailureAndNothingAtAKill) {
  Start(kEverySecond);
  for (int64_t i = 0; i < 10; ++i) Log(i * kSecond);  // at 0, 1, … 9 s
  EXPECT_EQ(Least(kKill, 9 * kSecond), 10u);
  EXPECT_EQ(Result(kKill, 9 * kSecond, 9), kLostAcknowledged);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 8u);  // those at 0 … 7 s
  EXPECT_EQ(Result(kPower, 9 * kSecond, 7), kBeyondWindow);
  EXPECT_EQ(
      expected_,
      "at least the first 8 effects of 10: effect 8 (SET k 7) was acknowledged at 7.000 s under "
      "appendfsync everysec (power failure at 9.000 s)");
  EXPECT_EQ(Least(kPower, 20 * kSecond), 10u);
}

TEST_F(JudgeTest, AFsyncThatHangsExtendsTheWindow) {
  Start(kEverySecond);
  for (int64_t i = 0; i < 10; ++i) {
    if (i == 4) history_.SyncStarted(i * kSecond);
    Log(i * kSecond);
  }
  // Under way since 4 s: the effects up to 3 s may wait for it, and those after it for the next
  // one.
  EXPECT_EQ(Least(kPower, 9 * kSecond), 2u);
  history_.SyncEnded(9 * kSecond, /*failed=*/false);
  EXPECT_EQ(Least(kPower, 9 * kSecond), 4u);  // it has covered the first four
  EXPECT_EQ(Least(kPower, 11 * kSecond), 10u);
}

TEST_F(JudgeTest, AKillLosesWhatWaitedForAFsync) {
  Start(kEverySecond);
  Log(1 * kSecond);
  history_.SyncStarted(2 * kSecond);
  EXPECT_EQ(Least(kKill, 2 * kSecond), 1u);  // was written before
  Log(3 * kSecond);
  Log(4 * kSecond);
  EXPECT_EQ(Least(kKill, 4 * kSecond), 1u);
  EXPECT_EQ(Least(kKill, 5 * kSecond + 1), 2u);  // after 2 s it is written nevertheless
  history_.SyncEnded(5 * kSecond, false);
  Log(5 * kSecond + 1);
  EXPECT_EQ(Least(kKill, 5 * kSecond + 2), 4u);
}

TEST_F(JudgeTest, NoKeepsEverythingAtAKillAndNothingAtAPowerFailure) {
  Start(kNo);
  for (int64_t i = 0; i < 5; ++i) Log(i * kSecond);
  EXPECT_EQ(Least(kKill, 100 * kSecond), 5u);
  EXPECT_EQ(Least(kPower, 100 * kSecond), 0u);
  EXPECT_EQ(expected_, "any prefix of 5 effects (power failure at 100.000 s)");
  history_.Receipted(50 * kSecond, 3, "a rewrite");
  EXPECT_EQ(Least(kPower, 100 * kSecond), 3u);
  EXPECT_EQ(Result(kPower, 100 * kSecond, 2), kLostAcknowledged);
  EXPECT_EQ(
      expected_,
      "at least the first 3 effects of 5: confirmed at 50.000 s by a rewrite (power failure at "
      "100.000 s)");
}

TEST_F(JudgeTest, SnapshotsAreTheLastFinishedOneOrTheOneUnderWay) {
  Start(kSnapshots);
  Log(1);
  history_.SnapshotStarted(2);
  for (const DurabilityCrash crash : {kKill, kPower}) {
    EXPECT_EQ(Result(crash, 3, 0), kKept);  // none has finished
    EXPECT_EQ(Result(crash, 3, 1), kKept);  // it may have been finished without having said so
  }
  history_.SnapshotFinished(3);
  EXPECT_EQ(Result(kPower, 4, 0), kLostSnapshot);
  Log(4);
  Log(5);
  EXPECT_EQ(Result(kPower, 5, 1), kKept);
  EXPECT_EQ(Result(kPower, 5, 2), kNotASnapshot);
  EXPECT_EQ(seen_, "the first 2 effects, of which no snapshot was taken");
  history_.SnapshotStarted(5);
  EXPECT_EQ(Result(kPower, 5, 3), kKept);
  history_.SnapshotFailed();
  EXPECT_EQ(Result(kPower, 6, 3), kNotASnapshot);
  history_.SnapshotStarted(6);
  history_.SnapshotFinished(7);
  EXPECT_EQ(Result(kKill, 8, 3), kKept);
  EXPECT_EQ(Result(kKill, 8, 1), kLostSnapshot);
  EXPECT_EQ(expected_, "the last finished snapshot, the first 3 effects (kill -9 at 0.000 s)");
}

// --- Changes of policy.

TEST_F(JudgeTest, EachEffectIsPromisedByThePolicyAtItsAcknowledgement) {
  Start(kAlways);
  Log(1 * kSecond);
  history_.PolicyChanged(2 * kSecond, kNo);
  Log(3 * kSecond);
  EXPECT_EQ(Least(kPower, 10 * kSecond), 1u);
  history_.PolicyChanged(10 * kSecond, kEverySecond);
  Log(11 * kSecond);
  EXPECT_EQ(Least(kPower, 12 * kSecond), 1u);
  EXPECT_EQ(Least(kPower, 13 * kSecond), 3u);
}

TEST_F(JudgeTest, EverySecondPromisesNothingThatWasSwitchedOffWithinTheWindow) {
  Start(kEverySecond);
  Log(1 * kSecond);
  Log(3 * kSecond);
  history_.PolicyChanged(4 * kSecond, kNo);
  EXPECT_EQ(Least(kPower, 100 * kSecond), 1u);
}

TEST_F(JudgeTest, ALogThatWasOffPromisesNothingOfThatTime) {
  Start(kSnapshots);
  Log(1);
  history_.Receipted(2, 1, "a rewrite");
  history_.PolicyChanged(2, kAlways);
  EXPECT_EQ(Least(kPower, 3), 1u);
  Log(3);
  EXPECT_EQ(Least(kPower, 4), 2u);
  Start(kSnapshots);
  Log(1);
  history_.PolicyChanged(2, kNo);
  EXPECT_EQ(Least(kKill, 3), 0u);
}

TEST_F(JudgeTest, WaitAofIsAReceipt) {
  Start(kEverySecond);
  Log(1 * kSecond);
  Log(1 * kSecond);
  EXPECT_EQ(Least(kPower, 1 * kSecond), 0u);
  history_.Receipted(1 * kSecond, 1, "WAITAOF");
  EXPECT_EQ(Least(kPower, 1 * kSecond), 1u);
  EXPECT_EQ(Result(kPower, 1 * kSecond, 0), kLostAcknowledged);
}

// --- What else can be wrong.

TEST_F(JudgeTest, ATransactionIsAllOrNothing) {
  Start(kNo);
  Log(1);
  Log(2, true, /*ends_unit=*/false);
  Log(2, true, /*ends_unit=*/false);
  Log(2);
  EXPECT_EQ(Result(kPower, 3, 1), kKept);
  EXPECT_EQ(Result(kPower, 3, 2), kTornTransaction);
  EXPECT_EQ(Result(kPower, 3, 3), kTornTransaction);
  EXPECT_EQ(expected_, "all or nothing of effects 2 to 4, which are one transaction");
  EXPECT_EQ(seen_, "the first 3 effects, without effect 4 (SET k 3)");
  EXPECT_EQ(Result(kPower, 3, 4), kKept);
}

TEST_F(JudgeTest, AStateOfNoPrefixIsAHole) {
  Start(kNo);
  Log(1);
  EXPECT_EQ(JudgeOf(kPower, 3, {.state = {55, 7}}).result, kHole);
  EXPECT_EQ(seen_, "a state that no prefix of the effects has");
}

TEST_F(JudgeTest, TimesToLiveAreAbsolute) {
  Start(kNo);
  Log(1);
  EXPECT_EQ(JudgeOf(kPower, 3, {.state = {101, 8}}).result, kWrongExpiry);
  EXPECT_EQ(seen_, "the first effect, with other times to live");
}

TEST_F(JudgeTest, ARefusalIsUnavailableIfItSaysWhy) {
  Start(kAlways);
  Log(1);
  const RecoveredState refused{.refused = true, .reason = "Bad file format"};
  EXPECT_EQ(JudgeOf(kPower, 3, refused).result, kUnavailable);
  EXPECT_FALSE(IsBroken(verdict_.result));
  EXPECT_EQ(seen_, "the server does not start: Bad file format");
  EXPECT_EQ(JudgeOf(kPower, 3, {.refused = true}).result, kSilentRefusal);
  EXPECT_TRUE(IsBroken(verdict_.result));
  EXPECT_FALSE(IsBroken(kKept));
}

TEST_F(JudgeTest, OfEqualStatesTheBestForTheServerCounts) {
  Start(kAlways);
  Log(1);
  states_.changes_nothing.insert(1);
  Log(2);
  EXPECT_EQ(Result(kPower, 3, 1), kKept);
  EXPECT_EQ(verdict_.recovered, 2u);
  EXPECT_EQ(Result(kPower, 3, 0), kLostAcknowledged);
  Start(kAlways);
  Log(1, true, /*ends_unit=*/false);
  Log(1);
  Log(2);
  EXPECT_EQ(Result(kPower, 3, 1), kLostAcknowledged);  // torn, or lost
  EXPECT_EQ(verdict_.recovered, 2u);
}

// --- Excuses.

TEST_F(JudgeTest, UnderEverySecondAFailedFsyncPutsItsWindowInDoubt) {
  Start(kEverySecond);
  for (int64_t i = 0; i < 10; ++i) Log(i * kSecond);
  history_.SyncStarted(5 * kSecond);
  history_.SyncEnded(5 * kSecond, /*failed=*/true);
  EXPECT_EQ(Least(kPower, 100 * kSecond), 4u);  // up to 3 s
  EXPECT_EQ(Least(kKill, 100 * kSecond), 10u);
  history_.Receipted(100 * kSecond, 10, "a rewrite");
  Log(101 * kSecond);
  EXPECT_EQ(Least(kPower, 200 * kSecond), 11u);
}

TEST_F(JudgeTest, UnderAlwaysAFailedFsyncExcusesNothing) {
  Start(kAlways);
  Log(1);
  history_.SyncStarted(2);
  history_.SyncEnded(3, /*failed=*/true);
  Log(4);
  EXPECT_EQ(Least(kPower, 5), 2u);
}

TEST_F(JudgeTest, ADiskThatLiesExcusesUntilARewrite) {
  Start(kAlways);
  Log(1);
  Log(2);
  history_.Excused(2, 1, "an fsync that tells its error late");
  Log(3);
  EXPECT_EQ(Least(kPower, 4), 1u);
  EXPECT_TRUE(verdict_.excused);
  EXPECT_EQ(Result(kPower, 4, 3), kKept);
  EXPECT_FALSE(verdict_.excused);
  EXPECT_EQ(Result(kPower, 4, 0), kLostAcknowledged);
  EXPECT_EQ(
      expected_,
      "at least the first effect of 3; the faults of the disk excuse the rest (power failure at "
      "0.000 s)");
  history_.Receipted(5, 3, "a rewrite");
  EXPECT_EQ(Least(kPower, 6), 3u);
}

TEST_F(JudgeTest, DamageExcusesAnyState) {
  Start(kAlways);
  Log(1);
  history_.Damaged(2, "a flipped bit");
  EXPECT_EQ(JudgeOf(kPower, 3, {.state = {55, 7}}).result, kKept);
  EXPECT_TRUE(verdict_.excused);
  EXPECT_EQ(JudgeOf(kPower, 3, {.refused = true}).result, kSilentRefusal);
}

// --- Several lives.

TEST_F(JudgeTest, WhatWasLostNeverHappened) {
  Start(kNo);
  for (int64_t i = 0; i < 5; ++i) Log(i * kSecond);
  EXPECT_EQ(Result(kPower, 5 * kSecond, 2), kKept);
  history_.Recovered(5 * kSecond, 6 * kSecond, 2);
  states_.asked.clear();
  Log(7 * kSecond);
  EXPECT_EQ(Least(kKill, 8 * kSecond), 3u);
  EXPECT_EQ(states_.asked, (std::vector<size_t>{3}));  // the others are known
  history_.Recovered(8 * kSecond, 8 * kSecond, 1);
  Log(8 * kSecond);
  Log(8 * kSecond);
  history_.Recovered(9 * kSecond, 9 * kSecond, 3);
  states_.asked.clear();
  EXPECT_EQ(Least(kKill, 9 * kSecond), 3u);
  EXPECT_EQ(states_.asked, (std::vector<size_t>{0, 1, 2, 3}));  // the second one has changed
}

TEST_F(JudgeTest, ARestartedServerThatDoesNotSyncKeepsItsPromiseInItsOwnLifeOnly) {
  for (const bool restart_syncs : {true, false}) {
    judge_ = DurabilityJudge({.restart_syncs = restart_syncs});
    Start(kEverySecond);
    Log(1 * kSecond);
    Log(4 * kSecond);
    history_.Recovered(5 * kSecond, 6 * kSecond, 2);
    EXPECT_EQ(Least(kPower, 100 * kSecond), restart_syncs ? 2u : 1u);
    Log(100 * kSecond);
    EXPECT_EQ(Least(kPower, 102 * kSecond), 3u);
  }
}

TEST_F(JudgeTest, AcknowledgedAllAcknowledgesEachEffectOnce) {
  Start(kNo);
  history_.Logged(1);
  history_.AcknowledgedAll(2);
  history_.Logged(3);
  history_.AcknowledgedAll(4);
  history_.Acknowledged(0, 5);
  EXPECT_EQ(history_.effects()[0].acknowledged_us, 2);
  EXPECT_EQ(history_.effects()[1].acknowledged_us, 4);
}

TEST_F(JudgeTest, NamesOfResultsDiffer) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDurabilityResults; ++i) {
    EXPECT_TRUE(names.insert(NameOf(static_cast<DurabilityResult>(i))).second);
  }
}

}  // namespace
}  // namespace resprobe
