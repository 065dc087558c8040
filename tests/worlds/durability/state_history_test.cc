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
  // The server is another one, which holds what these requests make.
  StateHistory::Match Recover(
      std::initializer_list<std::initializer_list<std::string_view>> requests, uint32_t least = 0) {
    const auto now = server_.now_ms();
    server_.set_watcher(nullptr);
    server_.Reset();
    server_.Advance(now - server_.now_ms());
    client_ = server_.Connect();
    for (const auto& request : requests) Call(request);
    return history_.Find(server_.keyspace(),
                         [least](uint32_t version) { return version >= least; });
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
  EXPECT_EQ(Recover({{"SET", "a", "1"}}).accepted, 3U);
  EXPECT_EQ(Recover({{"SET", "a", "1"}, {"SET", "b", "1"}}).accepted, 2U);
  EXPECT_EQ(Recover({}).accepted, 0U);
  const StateHistory::Match late = Recover({{"SET", "a", "1"}}, /*least=*/4);
  EXPECT_FALSE(late.accepted);
  EXPECT_EQ(late.any, 3U);
}

TEST_F(StateHistoryTest, AHoleIsNoVersion) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  EXPECT_FALSE(Recover({{"SET", "b", "1"}}).any);
  EXPECT_EQ(history_.Difference(server_.keyspace(), 2), "db0/a is missing");
  EXPECT_FALSE(Recover({{"SET", "a", "2"}, {"SET", "x", "1"}}).any);
  EXPECT_EQ(history_.Difference(server_.keyspace(), 1), "db0/a differs, db0/x exists");
}

TEST_F(StateHistoryTest, HalfOfATransactionIsNoVersion) {
  Call({"MULTI"});
  Call({"SET", "a", "1"});
  Call({"SET", "b", "1"});
  EXPECT_EQ(Do({"EXEC"}), 1U);
  EXPECT_FALSE(Recover({{"SET", "a", "1"}}).any);
  EXPECT_EQ(Recover({{"SET", "a", "1"}, {"SET", "b", "1"}}).any, 1U);
}

TEST_F(StateHistoryTest, TimesToLiveAreAbsolute) {
  Do({"SET", "a", "1", "PX", "1000"});
  server_.Advance(500);
  EXPECT_FALSE(Recover({{"SET", "a", "1", "PX", "1000"}}).any);
  EXPECT_EQ(Recover({{"SET", "a", "1", "PX", "500"}}).any, 1U);
  // Once it has passed, it does not matter whether the key is there.
  server_.Advance(600);
  EXPECT_EQ(Recover({}).any, 1U);
}

TEST_F(StateHistoryTest, AHistoryGoesOnFromWhatWasRecovered) {
  Do({"SET", "a", "1"});
  Do({"SET", "b", "1"});
  EXPECT_EQ(Recover({{"SET", "a", "1"}}).accepted, 1U);
  EXPECT_EQ(history_.Reload(), 3U);
  EXPECT_EQ(history_.Reload(), 3U);
  server_.set_watcher(&history_);
  EXPECT_EQ(Do({"SET", "c", "1"}), 4U);
  EXPECT_EQ(Recover({{"SET", "a", "1"}, {"SET", "c", "1"}}).any, 4U);
  // What was lost may still be in an older file.
  EXPECT_EQ(Recover({{"SET", "a", "1"}, {"SET", "b", "1"}}).any, 2U);
}

}  // namespace
}  // namespace resprobe
