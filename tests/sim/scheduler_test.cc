#include "sim/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace resprobe {
namespace {

class SchedulerTest : public testing::Test, protected Scheduler::Handler {
 protected:
  void OnDue(uint64_t tag) override {
    ran_ += std::to_string(tag) + "@" + std::to_string(scheduler_.now_us()) + " ";
    if (then_) then_(tag);
  }
  std::string RunAll() {
    while (scheduler_.RunNext()) {
    }
    return std::exchange(ran_, "");
  }

  Scheduler scheduler_;
  std::function<void(uint64_t)> then_;
  std::string ran_;
};

TEST_F(SchedulerTest, SaysWhatIsDueNextAndMovesTheTimeThere) {
  EXPECT_EQ(scheduler_.next_us(), kNever);
  scheduler_.At(30, this, 3);
  scheduler_.At(10, this, 1);
  scheduler_.At(20, this, 2);
  EXPECT_EQ(scheduler_.next_us(), 10);
  EXPECT_EQ(scheduler_.now_us(), 0);
  EXPECT_EQ(RunAll(), "1@10 2@20 3@30 ");
  EXPECT_FALSE(scheduler_.RunNext());
}

TEST_F(SchedulerTest, WhatIsPastIsDueNow) {
  scheduler_.RunUntil(100);
  scheduler_.At(10, this, 1);
  EXPECT_EQ(scheduler_.next_us(), 100);
  EXPECT_EQ(RunAll(), "1@100 ");
}

TEST_F(SchedulerTest, RunsUpToATimeAndNoFurther) {
  for (const int64_t at : {5, 10, 11}) scheduler_.At(at, this, static_cast<uint64_t>(at));
  EXPECT_EQ(scheduler_.RunUntil(10), 2u);
  EXPECT_EQ(ran_, "5@5 10@10 ");
  EXPECT_EQ(scheduler_.now_us(), 10);
  EXPECT_EQ(scheduler_.RunUntil(3), 0u);  // time does not go back
  EXPECT_EQ(scheduler_.now_us(), 10);
}

TEST_F(SchedulerTest, ACountEndsWhatNeverEnds) {
  then_ = [this](uint64_t tag) { scheduler_.After(0, this, tag + 1); };
  scheduler_.At(4, this, 0);
  EXPECT_EQ(scheduler_.RunUntil(10, /*most=*/3), 3u);
  EXPECT_EQ(ran_, "0@4 1@4 2@4 ");
  EXPECT_EQ(scheduler_.now_us(), 4);
}

TEST_F(SchedulerTest, EventsMayScheduleAndCancelOthersOfTheSameTime) {
  Scheduler::Event last;
  then_ = [&](uint64_t tag) {
    if (tag != 1) return;
    EXPECT_TRUE(scheduler_.Cancel(last));
    scheduler_.After(0, this, 9);
  };
  scheduler_.At(10, this, 1);
  scheduler_.At(10, this, 2);
  last = scheduler_.At(10, this, 3);
  EXPECT_EQ(RunAll(), "1@10 2@10 9@10 ");
}

TEST_F(SchedulerTest, ACancelledEventDoesNotRunAndIsNotCancelledTwice) {
  const Scheduler::Event event = scheduler_.At(10, this, 1);
  EXPECT_TRUE(scheduler_.Waits(event));
  EXPECT_TRUE(scheduler_.Cancel(event));
  EXPECT_FALSE(scheduler_.Cancel(event));
  // Its place is taken by another event, which its name does not cancel.
  scheduler_.At(20, this, 2);
  EXPECT_FALSE(scheduler_.Cancel(event));
  EXPECT_FALSE(scheduler_.Cancel({}));
  EXPECT_EQ(RunAll(), "2@20 ");
}

TEST_F(SchedulerTest, TiesRunInTheOrderOfSchedulingUnlessATapeSaysOtherwise) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    scheduler_.Reset();
    scheduler_.set_tie_seed(seed);
    for (uint64_t tag = 1; tag <= 3; ++tag) scheduler_.At(10, this, tag);
    scheduler_.At(5, this, 0);  // what is due earlier stays earlier
    EXPECT_EQ(scheduler_.ties(), 1u);
    const std::string order = RunAll();
    EXPECT_TRUE(order.starts_with("0@5 ")) << order;
    if (seed == 0) EXPECT_EQ(order, "0@5 1@10 2@10 3@10 ");
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST_F(SchedulerTest, TheSameSeedGivesTheSameOrder) {
  std::string orders[2];
  for (std::string& order : orders) {
    scheduler_.Reset();
    scheduler_.set_tie_seed(42);
    for (uint64_t tag = 0; tag < 40; ++tag) scheduler_.At(static_cast<int64_t>(tag % 3), this, tag);
    order = RunAll();
  }
  EXPECT_EQ(orders[0], orders[1]);
}

TEST_F(SchedulerTest, KeepsTheOrderOfManyUnderCancellation) {
  uint64_t state = 1;
  const auto random = [&](uint64_t bound) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % bound;
  };
  std::vector<Scheduler::Event> events;
  std::vector<std::pair<int64_t, uint64_t>> expected;
  for (uint64_t tag = 0; tag < 500; ++tag) {
    const auto at = static_cast<int64_t>(random(50));
    events.push_back(scheduler_.At(at, this, tag));
    expected.emplace_back(at, tag);
  }
  for (uint64_t tag = 0; tag < 500; tag += 3) {
    EXPECT_TRUE(scheduler_.Cancel(events[tag]));
    std::erase_if(expected, [&](const auto& each) { return each.second == tag; });
  }
  std::ranges::sort(expected);
  std::string wanted;
  for (const auto& [at, tag] : expected) {
    wanted += std::to_string(tag) + "@" + std::to_string(at) + " ";
  }
  EXPECT_EQ(RunAll(), wanted);
}

TEST_F(SchedulerTest, ResetForgetsAllAndVoidsOldNames) {
  const Scheduler::Event old = scheduler_.At(10, this, 1);
  scheduler_.RunUntil(5);
  scheduler_.Reset();
  EXPECT_EQ(scheduler_.now_us(), 0);
  EXPECT_EQ(scheduler_.size(), 0u);
  scheduler_.At(7, this, 2);
  EXPECT_FALSE(scheduler_.Cancel(old));
  EXPECT_EQ(RunAll(), "2@7 ");
}

}  // namespace
}  // namespace resprobe
