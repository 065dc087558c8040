#include "worlds/durability/state_history.h"

#include <gtest/gtest.h>

#include <string>

#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

class StateHistoryTest : public testing::Test {
 protected:
  StateHistoryTest() {
    history_.Reset(&server_.keyspace());
    server_.set_watcher(&history_);
    client_ = server_.Connect();
  }
  void Call(std::initializer_list<std::string_view> words) { CallOn(server_, client_, words); }
  static void CallOn(Server& server, uint64_t client,
                     std::initializer_list<std::string_view> words) {
    std::string request;
    resp::AppendRequest(&request, std::span(words.begin(), words.size()));
    server.Receive(client, request);
    server.Output(client).clear();
  }
  uint32_t Do(std::initializer_list<std::string_view> words) {
    Call(words);
    return history_.Commit();
  }
  // The server is another one, which holds what these requests make. The version that it is, if at
  // least `least` is required.
  DurabilityVerdict Recover(std::initializer_list<std::initializer_list<std::string_view>> requests,
                            uint32_t least = 0) {
    const auto now = server_.now_ms();
    server_.set_watcher(nullptr);
    server_.Reset();
    server_.Advance(now - server_.now_ms());
    client_ = server_.Connect();
    for (const auto& request : requests) Call(request);
    DurabilityJudge judge;
    judge.Reset(DurabilityPolicy::kAlways);
    judge.Acknowledge({.version = least, .policy = DurabilityPolicy::kAlways});
    judge.At({.power_failure = true});
    return history_.Judge(server_.keyspace(), &judge);
  }
  uint32_t Version(std::initializer_list<std::initializer_list<std::string_view>> requests) {
    return Recover(requests).recovered;
  }
  DurabilityResult Result(std::initializer_list<std::initializer_list<std::string_view>> requests) {
    return Recover(requests).result;
  }

  Server server_;
  StateHistory history_;
  uint64_t client_ = 0;
};

TEST_F(StateHistoryTest, EachChangeIsAVersion) {
  EXPECT_EQ(Do({"SET", "a", "1"}), 1U);
  EXPECT_EQ(Do({"GET", "a"}), 1U);
  EXPECT_EQ(Do({"SET", "a", "1"}), 1U);  // nothing has changed
  EXPECT_EQ(Do({"MSET", "a", "2", "b", "2"}), 2U);
  EXPECT_EQ(Do({"EXPIRE", "a", "100"}), 3U);
  EXPECT_EQ(Do({"SELECT", "1"}), 3U);
  EXPECT_EQ(Do({"SET", "a", "2"}), 4U);
  EXPECT_EQ(Do({"FLUSHALL"}), 5U);
}

TEST_F(StateHistoryTest, TheLatestEqualVersionIsFound) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  Do({"DEL", "b"});  // as after the first
  Do({"SET", "c", "1"});
  EXPECT_EQ(Version({{"SET", "a", "1"}}), 3U);
  EXPECT_EQ(Version({{"SET", "a", "1"}, {"SET", "b", "1"}}), 2U);
  EXPECT_EQ(Version({}), 0U);
  const DurabilityVerdict late = Recover({{"SET", "a", "1"}}, /*least=*/4);
  EXPECT_EQ(late.result, DurabilityResult::kLostAcknowledged);
  EXPECT_EQ(late.recovered, 3U);
}

TEST_F(StateHistoryTest, AHoleIsNoVersion) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  EXPECT_EQ(Result({{"SET", "b", "1"}}), DurabilityResult::kHole);
  EXPECT_EQ(history_.Difference(server_.keyspace(), 2), "db0/a is missing");
  EXPECT_EQ(Result({{"SET", "a", "2"}, {"SET", "x", "1"}}), DurabilityResult::kHole);
  EXPECT_EQ(history_.Difference(server_.keyspace(), 1), "db0/a differs, db0/x exists");
  EXPECT_EQ(history_.Describe(2), "db0/b");
}

// Each command of it gives a version, but none that may be recovered, save the last. Effects are
// recorded only while something takes them.
TEST_F(StateHistoryTest, APartOfATransactionIsTorn) {
  server_.propagation().set_records(true);
  Call({"MULTI"});
  Call({"SET", "a", "1"});
  Call({"GET", "a"});
  Call({"SET", "b", "1"});
  Call({"SET", "c", "1"});
  EXPECT_EQ(Do({"EXEC"}), 3U);
  EXPECT_EQ(Do({"SET", "d", "1"}), 4U);
  EXPECT_EQ(Result({}), DurabilityResult::kKept);
  EXPECT_EQ(Result({{"SET", "a", "1"}}), DurabilityResult::kTornTransaction);
  EXPECT_EQ(Result({{"SET", "a", "1"}, {"SET", "b", "1"}}), DurabilityResult::kTornTransaction);
  EXPECT_EQ(Result({{"MSET", "a", "1", "b", "1", "c", "1"}}), DurabilityResult::kKept);
}

TEST_F(StateHistoryTest, TimesToLiveAreAbsolute) {
  Do({"SET", "a", "1", "PX", "1000"});
  server_.Advance(500);
  EXPECT_EQ(Result({{"SET", "a", "1", "PX", "1000"}}), DurabilityResult::kWrongExpiry);
  EXPECT_EQ(history_.Difference(server_.keyspace(), 1), "db0/a has another time to live");
  EXPECT_EQ(Version({{"SET", "a", "1", "PX", "500"}}), 1U);
  // Once it has passed, it does not matter whether the key is there; but it may not live on.
  server_.Advance(600);
  EXPECT_EQ(Version({}), 1U);
  EXPECT_EQ(Result({{"SET", "a", "1", "PX", "600"}}), DurabilityResult::kWrongExpiry);
}

TEST_F(StateHistoryTest, AHistoryGoesOnFromWhatWasRecovered) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  EXPECT_EQ(Version({{"SET", "a", "1"}}), 1U);
  EXPECT_EQ(history_.Reload(), 3U);
  EXPECT_EQ(history_.Reload(), 3U);
  server_.set_watcher(&history_);
  EXPECT_EQ(Do({"SET", "c", "1"}), 4U);
  EXPECT_EQ(Version({{"SET", "a", "1"}, {"SET", "c", "1"}}), 4U);
  // What was lost may still be in an older file.
  EXPECT_EQ(Version({{"SET", "a", "1"}, {"SET", "b", "1"}}), 2U);
}

TEST_F(StateHistoryTest, GarbageAtTheEndChangesOnlyWhatWasTouchedThere) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  Do({"SET", "b", "2"});
  Recover({{"SET", "a", "1"}, {"SET", "b", "x"}, {"SET", "x", "1"}});
  EXPECT_TRUE(history_.DiffersOnlySince(server_.keyspace(), 2));
  EXPECT_FALSE(history_.DiffersOnlySince(server_.keyspace(), 3));
  Recover({{"SET", "a", "x"}, {"SET", "b", "2"}});
  EXPECT_FALSE(history_.DiffersOnlySince(server_.keyspace(), 2));
  EXPECT_TRUE(history_.DiffersOnlySince(server_.keyspace(), 0));
}

}  // namespace
}  // namespace resprobe
