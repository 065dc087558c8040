#include "worlds/replication/write_book.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

// Server 0 is followed by 1 and 2.
class WriteBookTest : public testing::Test {
 protected:
  WriteBookTest() {
    book_.Reset(3);
    book_.Follow(1, 0);
    book_.Follow(2, 0);
  }
  uint32_t Accepted(size_t node = 0) {
    const uint32_t write = book_.Send(node, kKey);
    book_.Accept(write);
    return write;
  }

  static constexpr size_t kKey = 1;
  WriteBook book_;
};

TEST_F(WriteBookTest, APrimaryMustHaveWhatItHasAccepted) {
  Accepted();
  const uint32_t last = Accepted();
  EXPECT_EQ(book_.MustHave(0, kKey), last);
  EXPECT_EQ(book_.MustHave(1, kKey), 0u);
  EXPECT_EQ(book_.MustHave(0, kKey + 1), 0u);
}

TEST_F(WriteBookTest, NotAfterItsProcessHasEnded) {
  Accepted();
  book_.Crash(0);
  book_.Start(0, 0);
  EXPECT_EQ(book_.MustHave(0, kKey), 0u);
}

TEST_F(WriteBookTest, NotOnceItFollowsAnother) {
  const uint32_t write = Accepted();
  book_.Follow(1, 1);
  book_.Follow(0, 1);
  EXPECT_EQ(book_.MustHave(0, kKey), 0u);
  EXPECT_EQ(book_.MustHave(1, kKey), 0u);
  EXPECT_TRUE(book_.MayHave(1, write));
}

TEST_F(WriteBookTest, NothingIsOwedByWhoMayFollowAnother) {
  book_.Follow(0, 2, /*may=*/true);
  Accepted();
  EXPECT_EQ(book_.MustHave(0, kKey), 0u);
}

TEST_F(WriteBookTest, WhatAllHaveConfirmedSurvivesAPromotion) {
  const uint32_t write = Accepted();
  book_.Confirm({&write, 1}, 2);
  book_.Crash(0);
  book_.Follow(2, 2);
  EXPECT_EQ(book_.MustHave(2, kKey), write);
  book_.Follow(1, 2);
  book_.Start(0, 2);
  EXPECT_EQ(book_.MustHave(1, kKey), write);
  EXPECT_EQ(book_.MustHave(0, kKey), 0u);
}

TEST_F(WriteBookTest, OneConfirmationOfTwoNamesNone) {
  const uint32_t write = Accepted();
  book_.Confirm({&write, 1}, 1);
  EXPECT_EQ(book_.MustHave(1, kKey), 0u);
  EXPECT_EQ(book_.MustHave(2, kKey), 0u);
}

TEST_F(WriteBookTest, WhoHasLeftBeforeTheConfirmationMustHaveConfirmedToo) {
  const uint32_t write = Accepted();
  book_.Follow(2, 2);
  book_.Confirm({&write, 1}, 1);
  EXPECT_EQ(book_.MustHave(1, kKey), 0u);
  book_.Confirm({&write, 1}, 2);
  EXPECT_EQ(book_.MustHave(1, kKey), write);
  EXPECT_EQ(book_.MustHave(2, kKey), 0u) << "it has been told something else since";
}

TEST_F(WriteBookTest, AnEmptyPrimaryTakesItFromItsReplicas) {
  const uint32_t write = Accepted();
  book_.Confirm({&write, 1}, 2);
  book_.Crash(0);
  EXPECT_EQ(book_.MustHave(1, kKey), write);
  book_.Start(0, 0);
  EXPECT_EQ(book_.MustHave(1, kKey), 0u);
}

TEST_F(WriteBookTest, AReplicaMayHaveWhatItsPrimaryWasSent) {
  const uint32_t write = book_.Send(0, kKey);
  EXPECT_TRUE(book_.MayHave(0, write));
  EXPECT_TRUE(book_.MayHave(1, write));
  book_.Refuse(write);
  EXPECT_FALSE(book_.MayHave(1, write));
}

TEST_F(WriteBookTest, APromotedServerNeverHadWhatTheOldPrimaryIsSentLater) {
  book_.Follow(1, 1);
  const uint32_t write = Accepted();
  EXPECT_FALSE(book_.MayHave(1, write));
  EXPECT_TRUE(book_.MayHave(2, write));
  book_.Follow(2, 1);
  EXPECT_FALSE(book_.MayHave(1, write));
}

TEST_F(WriteBookTest, AChainPassesItOn) {
  book_.Follow(2, 1);
  EXPECT_TRUE(book_.MayHave(2, Accepted()));
}

TEST_F(WriteBookTest, ALaterWriteReplacesIt) {
  const uint32_t lost = book_.Send(0, kKey);  // no answer: it may be made at any time
  const uint32_t first = Accepted();
  const uint32_t second = Accepted();
  EXPECT_TRUE(book_.Replaces(second, first));
  EXPECT_TRUE(book_.Replaces(first, first));
  EXPECT_FALSE(book_.Replaces(first, second));
  EXPECT_FALSE(book_.Replaces(0, first));
  EXPECT_TRUE(book_.Replaces(lost, second));
}

}  // namespace
}  // namespace resprobe
