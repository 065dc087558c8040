// The tracking table, and the server's functions that inspect it. The messages themselves are
// recorded from a real server: tests/core/commands/recorded/tracking.txt.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "core/tracking/prefix_table.h"
#include "core/tracking/tracking_table.h"

namespace resprobe {
namespace {

TEST(TrackingTableTest, RemembersEachClientOnce) {
  TrackingTable table;
  table.Remember("k", 1);
  table.Remember("k", 2);
  table.Remember("k", 1);
  table.Remember("l", 2);
  EXPECT_TRUE(table.Contains("k", 1));
  EXPECT_FALSE(table.Contains("l", 1));
  EXPECT_FALSE(table.Contains("m", 1));
  EXPECT_EQ(table.size(), 2u);
  ClientIds ids;
  EXPECT_TRUE(table.Take("k", &ids));
  EXPECT_EQ(ids, (ClientIds{{1, 2}}));
  EXPECT_FALSE(table.Take("k", &ids));
  EXPECT_TRUE(ids.empty());
  EXPECT_FALSE(table.Contains("k", 1));
  EXPECT_TRUE(table.Contains("l", 2));
  table.Remember("k", 3);
  EXPECT_FALSE(table.Contains("k", 1)) << "a slot that is used again starts empty";
}

class TrackingTest : public testing::Test {
 protected:
  explicit TrackingTest(const ServerConfig& config = {}) : server(config) {
    cache = server.Connect();
    writer = server.Connect();
    Ask(cache, {"HELLO", "3"});
    Ask(cache, {"CLIENT", "TRACKING", "ON"});
  }
  std::string Ask(uint64_t client, std::initializer_list<std::string_view> args) {
    std::string bytes;
    resp::AppendRequest(&bytes, std::vector<std::string_view>(args));
    server.Receive(client, bytes);
    return std::exchange(server.Output(client), {});
  }
  // Output pending for the caching client.
  std::string Pushed() { return std::exchange(server.Output(cache), {}); }
  static std::string Invalidation(std::string_view key) {
    return ">2\r\n$10\r\ninvalidate\r\n*1\r\n$" + std::to_string(key.size()) + "\r\n" +
           std::string(key) + "\r\n";
  }

  Server server;
  uint64_t cache;
  uint64_t writer;
};

TEST_F(TrackingTest, ShowsWhoTracksWhat) {
  EXPECT_FALSE(server.Tracks(cache, "k"));
  Ask(cache, {"GET", "k"});
  EXPECT_TRUE(server.Tracks(cache, "k"));
  EXPECT_FALSE(server.Tracks(writer, "k"));
  Ask(writer, {"GET", "k"});
  EXPECT_FALSE(server.Tracks(writer, "k"));
  Ask(writer, {"SET", "k", "v"});
  EXPECT_FALSE(server.Tracks(cache, "k"));
  EXPECT_EQ(Pushed(), Invalidation("k"));
  Ask(cache, {"MGET", "a", "b"});
  EXPECT_TRUE(server.Tracks(cache, "a"));
  EXPECT_TRUE(server.Tracks(cache, "b"));
  Ask(writer, {"FLUSHALL"});
  EXPECT_FALSE(server.Tracks(cache, "a"));
  EXPECT_EQ(Pushed(), ">2\r\n$10\r\ninvalidate\r\n_\r\n");
}

TEST_F(TrackingTest, ATransactionTracksWhatItReads) {
  Ask(cache, {"MULTI"});
  Ask(cache, {"GET", "k"});
  EXPECT_FALSE(server.Tracks(cache, "k")) << "it is only queued";
  Ask(cache, {"EXEC"});
  EXPECT_TRUE(server.Tracks(cache, "k"));
}

TEST_F(TrackingTest, AConnectionsKeysDoNotPassToTheNext) {
  Ask(cache, {"GET", "k"});
  server.Close(cache);
  const uint64_t next = server.Connect();
  Ask(next, {"HELLO", "3"});
  Ask(next, {"CLIENT", "TRACKING", "ON"});
  EXPECT_FALSE(server.Tracks(next, "k"));
  Ask(writer, {"SET", "k", "v"});
  EXPECT_EQ(server.Output(next), "");
}

// Tracking is switched off and on again: the server still has the key, and sends an invalidation
// when it changes.
TEST_F(TrackingTest, SwitchingOffForgetsNothing) {
  Ask(cache, {"GET", "k"});
  Ask(cache, {"CLIENT", "TRACKING", "OFF"});
  EXPECT_TRUE(server.Tracks(cache, "k"));
  Ask(cache, {"CLIENT", "TRACKING", "ON"});
  Ask(writer, {"SET", "k", "v"});
  EXPECT_EQ(Pushed(), Invalidation("k"));
}

// An expired key exists until it is deleted, and only then is its invalidation sent.
TEST_F(TrackingTest, ExpiryIsHeardOfWhenItHappens) {
  Ask(writer, {"SET", "k", "v", "PX", "10"});
  Ask(cache, {"GET", "k"});
  server.Advance(50);
  EXPECT_EQ(Pushed(), "");
  EXPECT_TRUE(server.Tracks(cache, "k"));
  Ask(writer, {"EXISTS", "k"});
  EXPECT_EQ(Pushed(), Invalidation("k"));
  Ask(writer, {"SET", "k", "v", "PX", "10"});
  Ask(cache, {"GET", "k"});
  server.Advance(200);
  EXPECT_EQ(Pushed(), Invalidation("k")) << "the active cycle came by";
}

// Expiry is not attributed to a client, even if its own read found it.
TEST_F(TrackingTest, NoloopIsToldOfExpiryInBroadcasts) {
  Ask(cache, {"CLIENT", "TRACKING", "OFF"});
  Ask(cache, {"CLIENT", "TRACKING", "ON", "BCAST", "NOLOOP"});
  EXPECT_EQ(Ask(cache, {"SET", "k", "v", "PX", "10"}), "+OK\r\n");
  server.Advance(50);
  EXPECT_EQ(Ask(cache, {"GET", "k"}), "_\r\n" + Invalidation("k"));
  EXPECT_EQ(Ask(cache, {"SET", "k", "v", "PX", "10"}), "+OK\r\n");
  server.Advance(200);
  EXPECT_EQ(Pushed(), Invalidation("k")) << "the active cycle came by";
}

TEST_F(TrackingTest, BroadcastsForgetWhoIsGone) {
  Ask(cache, {"CLIENT", "TRACKING", "OFF"});
  Ask(cache, {"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a"});
  EXPECT_TRUE(server.prefix_table().Listens("a", cache));
  Ask(cache, {"GET", "a1"});
  EXPECT_FALSE(server.Tracks(cache, "a1")) << "a broadcast needs no table";
  server.Close(cache);
  EXPECT_TRUE(server.prefix_table().empty());
  EXPECT_EQ(Ask(writer, {"SET", "a1", "v"}), "+OK\r\n");
  EXPECT_FALSE(server.prefix_table().pending());
}

TEST(PrefixTableTest, KeepsPrefixesInOrder) {
  PrefixTable table;
  table.Add("b", 2);
  table.Add("a", 3);
  table.Add("b", 1);
  table.Add("", 2);
  table.Add("b", 1);
  std::vector<std::string_view> texts;
  table.PrefixesOf(2, &texts);
  EXPECT_EQ(texts, (std::vector<std::string_view>{"", "b"}));
  EXPECT_EQ(table.prefixes()[2].clients, (ClientIds{{1, 2}}));
  table.Note("bx", 7);
  table.Note("bx", 8);
  EXPECT_TRUE(table.pending());
  EXPECT_EQ(table.prefixes()[2].keys.at(0).value.writer, 8u);
  EXPECT_TRUE(table.Waits(1, "bx"));
  EXPECT_FALSE(table.Waits(3, "bx"));
  table.Sent();
  EXPECT_FALSE(table.Waits(1, "bx"));
  table.Remove(2);
  EXPECT_EQ(table.prefixes().size(), 2u) << "the one of all keys has nobody left";
  table.Add("c", 9);
  EXPECT_TRUE(table.prefixes()[2].keys.empty()) << "a slot that is used again starts empty";
  table.Clear();
  EXPECT_TRUE(table.empty());
}

class SmallTableTest : public TrackingTest {
 protected:
  SmallTableTest() : TrackingTest({.tracking_table_max_keys = 2}) {}
};

// Above the limit the oldest keys are dropped, with an invalidation, before the next command.
TEST_F(SmallTableTest, EvictsWithAMessage) {
  Ask(cache, {"GET", "a"});
  Ask(cache, {"GET", "b"});
  EXPECT_EQ(Ask(cache, {"GET", "c"}), "_\r\n");
  EXPECT_EQ(server.tracking_table().size(), 3u);
  EXPECT_EQ(Ask(writer, {"PING"}), "+PONG\r\n");
  EXPECT_EQ(Pushed(), Invalidation("a"));
  EXPECT_FALSE(server.Tracks(cache, "a"));
  EXPECT_TRUE(server.Tracks(cache, "b"));
  EXPECT_TRUE(server.Tracks(cache, "c"));
  Ask(cache, {"GET", "d"});
  EXPECT_EQ(Ask(cache, {"PING"}).substr(0, 1), ">") << "it comes before the reply";
}

TEST_F(SmallTableTest, TheLimitIsWhatConfigSetSays) {
  Ask(writer, {"CONFIG", "SET", "tracking-table-max-keys", "1"});
  Ask(cache, {"GET", "a"});
  Ask(cache, {"GET", "b"});
  Ask(writer, {"PING"});
  EXPECT_EQ(Pushed(), Invalidation("a"));
  server.Reset();
  EXPECT_EQ(server.tracking_table_max_keys(), 2u);
}

}  // namespace
}  // namespace resprobe
