// Each row of the table in promises.h.

#include "worlds/durability/promises.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

using Store = Promises::Store;
constexpr CrashKind kKill = CrashKind::kProcess;
constexpr CrashKind kPower = CrashKind::kMachine;

class PromisesTest : public testing::Test {
 protected:
  PromisesTest() { promises_.Reset(Store::kLog); }
  void Turn(uint32_t version, int64_t now_ms, AppendFsync fsync, int64_t fsync_since_ms = -1) {
    promises_.Acknowledge({.version = version,
                           .now_ms = now_ms,
                           .store = Store::kLog,
                           .fsync = fsync,
                           .fsync_since_ms = fsync_since_ms,
                           .wrote = version != version_});
    version_ = version;
  }

  Promises promises_;
  uint32_t version_ = 0;
};

TEST_F(PromisesTest, AlwaysKeepsAll) {
  Turn(3, 1000, AppendFsync::kAlways);
  EXPECT_EQ(promises_.Least(kKill, 1000), 3U);
  EXPECT_EQ(promises_.Least(kPower, 1000), 3U);
  EXPECT_FALSE(promises_.Allows(2, kPower, 1000));
  EXPECT_TRUE(promises_.Allows(4, kPower, 1000));  // it was never acknowledged
}

TEST_F(PromisesTest, EverySecondLosesTwoSecondsOfPower) {
  Turn(1, 1000, AppendFsync::kEverySecond);
  Turn(2, 2500, AppendFsync::kEverySecond);
  EXPECT_EQ(promises_.Least(kKill, 2500), 2U);
  EXPECT_EQ(promises_.Least(kPower, 2500), 0U);
  EXPECT_EQ(promises_.Least(kPower, 2999), 0U);
  EXPECT_EQ(promises_.Least(kPower, 3000), 1U);
  EXPECT_EQ(promises_.Least(kPower, 4500), 2U);
}

TEST_F(PromisesTest, EverySecondLosesMoreWhileAnFsyncHangs) {
  Turn(1, 1000, AppendFsync::kEverySecond);
  Turn(2, 1500, AppendFsync::kEverySecond, /*fsync_since_ms=*/1500);
  Turn(3, 9000, AppendFsync::kEverySecond, /*fsync_since_ms=*/1500);
  EXPECT_EQ(promises_.Least(kPower, 9000), 0U);
  // What has waited for 2 s is written in spite of it.
  EXPECT_EQ(promises_.Least(kKill, 9000), 2U);
  EXPECT_EQ(promises_.Least(kKill, 12'000), 3U);
}

TEST_F(PromisesTest, NoFsyncOwesNothingAfterAPowerFailure) {
  Turn(1, 1000, AppendFsync::kNo);
  EXPECT_EQ(promises_.Least(kKill, 99'000), 1U);
  EXPECT_EQ(promises_.Least(kPower, 99'000), 0U);
}

TEST_F(PromisesTest, WhatIsYoungWhenFsyncsEndIsNotOwed) {
  Turn(1, 1000, AppendFsync::kEverySecond);
  Turn(2, 2500, AppendFsync::kEverySecond);
  Turn(2, 3000, AppendFsync::kNo);
  EXPECT_EQ(promises_.Least(kPower, 99'000), 1U);
}

TEST_F(PromisesTest, TheWriteThatFailsIsNotOwed) {
  Turn(1, 1000, AppendFsync::kEverySecond);
  promises_.Acknowledge({.version = 2,
                         .now_ms = 1500,
                         .fsync = AppendFsync::kEverySecond,
                         .write_fails = true,
                         .wrote = true});
  EXPECT_EQ(promises_.Least(kKill, 9000), 1U);
  Turn(2, 9000, AppendFsync::kEverySecond);
  EXPECT_EQ(promises_.Least(kKill, 9000), 2U);
}

TEST_F(PromisesTest, ARewriteIsDurable) {
  Turn(1, 1000, AppendFsync::kNo);
  promises_.RewriteBegins(1);
  Turn(2, 1000, AppendFsync::kNo);
  EXPECT_EQ(promises_.Least(kPower, 1000), 0U);
  promises_.RewriteEnds();
  EXPECT_EQ(promises_.Least(kPower, 1000), 1U);
}

TEST_F(PromisesTest, AFailedFsyncExcusesWhatItCovered) {
  Turn(1, 1000, AppendFsync::kAlways);
  promises_.FsyncLost();
  Turn(2, 2000, AppendFsync::kAlways);
  EXPECT_EQ(promises_.Least(kPower, 9000), 1U);
  EXPECT_EQ(promises_.Least(kKill, 9000), 2U);
  // Until the log is rewritten, unless that was spoiled, too.
  promises_.RewriteBegins(2);
  promises_.FsyncLost();
  promises_.RewriteEnds();
  EXPECT_EQ(promises_.Least(kPower, 9000), 1U);
  promises_.RewriteBegins(2);
  promises_.RewriteEnds();
  EXPECT_EQ(promises_.Least(kPower, 9000), 2U);
}

TEST_F(PromisesTest, OnlyTheLastSnapshotCounts) {
  promises_.Reset(Store::kSnapshot);
  promises_.SnapshotBegins(2);
  EXPECT_TRUE(promises_.Allows(0, kPower, 0));
  EXPECT_FALSE(promises_.Allows(1, kPower, 0));
  EXPECT_TRUE(promises_.Allows(2, kPower, 0));
  promises_.SnapshotEnds(2);
  EXPECT_FALSE(promises_.Allows(0, kPower, 0));
  EXPECT_TRUE(promises_.Allows(2, kPower, 0));
  EXPECT_FALSE(promises_.Allows(3, kKill, 0));
}

TEST_F(PromisesTest, AKillMakesNothingDurable) {
  Turn(1, 1000, AppendFsync::kEverySecond);
  Turn(2, 2900, AppendFsync::kEverySecond);
  promises_.Restart(kKill, 3000, /*recovered=*/2, /*latest=*/3);
  EXPECT_EQ(promises_.Least(kKill, 3000), 3U);
  EXPECT_EQ(promises_.Least(kPower, 99'000), 1U);
  Turn(4, 99'000, AppendFsync::kEverySecond);
  EXPECT_EQ(promises_.Least(kPower, 101'000), 4U);
}

TEST_F(PromisesTest, WhatAPowerFailureHasLeftIsDurable) {
  Turn(2, 1000, AppendFsync::kNo);
  promises_.Restart(kPower, 1000, /*recovered=*/1, /*latest=*/3);
  EXPECT_EQ(promises_.Least(kPower, 1000), 3U);
}

TEST_F(PromisesTest, ASnapshotOutlivesALog) {
  promises_.SnapshotBegins(1);
  promises_.SnapshotEnds(1);
  Turn(2, 1000, AppendFsync::kAlways);
  promises_.Restart(kKill, 1000, /*recovered=*/2, /*latest=*/2);
  promises_.Acknowledge({.version = 2, .now_ms = 1000, .store = Store::kSnapshot});
  EXPECT_TRUE(promises_.Allows(1, kPower, 1000));
  EXPECT_FALSE(promises_.Allows(2, kPower, 1000));
}

}  // namespace
}  // namespace resprobe
