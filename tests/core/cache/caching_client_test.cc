#include "core/cache/caching_client.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace resprobe::cache {
namespace {

using State = CachingClient::State;
using Kind = CachingClient::Completion::Kind;

constexpr std::string_view kHandshakeReplies =
    "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$2\r\nid\r\n:7\r\n+OK\r\n";

std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
std::string Invalidation(std::string_view key) {
  return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + Bulk(key);
}
constexpr std::string_view kFlush = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

class CachingClientTest : public testing::Test {
 protected:
  void Connect(const Policy& policy = {}) {
    client_.Reset(policy);
    Reconnect();
  }
  void Reconnect() {
    client_.OnConnected();
    client_.OnBytes(kHandshakeReplies, now_);
    client_.output().clear();
  }
  void Arrives(std::string_view bytes) { client_.OnBytes(bytes, now_); }
  // The cached value of the key; "-" for a miss, which sends a GET.
  std::string Hit(std::string_view key) {
    const CachingClient::Lookup found = client_.Get(key, now_);
    if (found.hit == nullptr) return "-";
    return found.hit->null ? "nil" : found.hit->value;
  }
  void Set(std::string_view key) {
    const std::string_view keys[] = {key};
    const std::string_view command[] = {"SET", key, "x"};
    client_.Write(keys, command);
  }
  // Puts `value` into the cache.
  void Cache(std::string_view key, std::string_view value) {
    ASSERT_EQ(Hit(key), "-");
    Arrives(Bulk(value));
    ASSERT_EQ(Hit(key), value);
  }

  CachingClient client_;
  int64_t now_ = 1000;
};

TEST_F(CachingClientTest, SaysHelloAndTurnsTrackingOn) {
  client_.OnConnected();
  EXPECT_EQ(client_.output(),
            "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"
            "*3\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n");
  EXPECT_EQ(client_.state(), State::kHandshake);
  for (const char& byte : kHandshakeReplies) Arrives({&byte, 1});
  EXPECT_EQ(client_.state(), State::kTracked);

  client_.Reset({.noloop = true});
  client_.OnConnected();
  EXPECT_TRUE(client_.output().ends_with("$2\r\nON\r\n$6\r\nNOLOOP\r\n"));
}

// A connection id of one server means nothing, or another connection, at a different server.
TEST_F(CachingClientTest, RedirectsNothingToAnotherServer) {
  constexpr std::string_view kHello = "%1\r\n$2\r\nid\r\n:7\r\n";
  client_.Reset({.wires = Wires::kTwo});
  client_.OnConnected(Wire::kInvalidations, 1);
  client_.OnBytes(kHello, now_, Wire::kInvalidations);
  client_.OnConnected(Wire::kData, 2);
  EXPECT_EQ(client_.output().find("TRACKING"), std::string::npos);
  EXPECT_TRUE(client_.invalidations_lost());
  client_.OnDisconnected(Wire::kInvalidations);
  client_.OnConnected(Wire::kInvalidations, 2);
  client_.OnBytes(kHello, now_, Wire::kInvalidations);
  EXPECT_NE(client_.output().find("REDIRECT\r\n$1\r\n7"), std::string::npos);
  EXPECT_FALSE(client_.invalidations_lost());
}

TEST_F(CachingClientTest, CachesNothingBeforeTrackingIsOn) {
  client_.OnConnected();
  EXPECT_EQ(Hit("k"), "-");
  Arrives(kHandshakeReplies);
  Arrives(Bulk("v"));
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, AHitSendsNothing) {
  Connect();
  Cache("k", "v");
  client_.output().clear();
  EXPECT_EQ(Hit("k"), "v");
  EXPECT_EQ(client_.output(), "");
}

TEST_F(CachingClientTest, CompletesRequestsInOrder) {
  Connect();
  EXPECT_EQ(Hit("a"), "-");
  Set("b");
  EXPECT_EQ(Hit("c"), "-");
  Arrives("$1\r\n1\r\n+OK\r\n_\r\n");
  const auto done = client_.completions();
  ASSERT_EQ(done.size(), 3u);
  EXPECT_TRUE(done[0].is_read);
  EXPECT_EQ(done[0].key, "a");
  EXPECT_EQ(done[0].value, "1");
  EXPECT_TRUE(done[0].stored);
  EXPECT_FALSE(done[1].is_read);
  EXPECT_EQ(done[1].value, "OK");
  EXPECT_TRUE(done[2].null);
  EXPECT_LT(done[0].request, done[1].request);
  EXPECT_LT(done[1].request, done[2].request);
  EXPECT_EQ(client_.pending(), 0u);
}

TEST_F(CachingClientTest, AnInvalidationDropsTheEntry) {
  Connect();
  Cache("k", "v");
  Cache("other", "w");
  Arrives(Invalidation("k"));
  EXPECT_EQ(Hit("k"), "-");
  EXPECT_EQ(Hit("other"), "w");
  EXPECT_EQ(client_.invalidations(), 1u);

  Connect({.drop_invalidated = false});
  Cache("k", "v");
  Arrives(Invalidation("k"));
  EXPECT_EQ(Hit("k"), "v");
}

TEST_F(CachingClientTest, APushOfSeveralKeysDropsThemAll) {
  Connect();
  Cache("a", "1");
  Cache("b", "2");
  Arrives(">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(Hit("a"), "-");
  EXPECT_EQ(Hit("b"), "-");
}

TEST_F(CachingClientTest, AnInvalidationPoisonsTheReadOnItsWay) {
  for (const bool poison : {true, false}) {
    Connect({.poison_pending = poison});
    EXPECT_EQ(Hit("k"), "-");
    Arrives(Invalidation("k") + Bulk("old"));
    // The caller has its reply, but the cache has no entry.
    ASSERT_EQ(client_.completions().size(), 1u);
    EXPECT_EQ(client_.completions()[0].value, "old");
    EXPECT_EQ(client_.completions()[0].stored, !poison);
    EXPECT_EQ(Hit("k"), poison ? "-" : "old");
  }
}

TEST_F(CachingClientTest, AReadAfterThePoisonIsSound) {
  Connect();
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Invalidation("k"));
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Bulk("old"));
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Bulk("new"));
  EXPECT_EQ(Hit("k"), "new");
}

// Found by the harness invalidation: with NOLOOP nothing is pushed when this client's own read
// finds the key expired (redis 7.0.15, valkey 8.0.1), so the first of two reads may have stored an
// outdated value.
TEST_F(CachingClientTest, OfTwoReadsOnTheirWayTheLaterOneCounts) {
  Connect({.noloop = true});
  EXPECT_EQ(Hit("k"), "-");
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Bulk("old"));
  EXPECT_EQ(Hit("k"), "old");
  Arrives("_\r\n");
  EXPECT_EQ(Hit("k"), "nil");

  Connect({.negative_caching = false, .noloop = true});
  EXPECT_EQ(Hit("k"), "-");
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Bulk("old") + "_\r\n");
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, AnOwnWriteDropsAndPoisonsAtOnce) {
  Connect({.noloop = true});
  Cache("k", "v");
  Set("k");
  EXPECT_EQ(Hit("k"), "-");
  Set("k");
  Arrives("+OK\r\n$1\r\nx\r\n+OK\r\n");
  EXPECT_EQ(Hit("k"), "-");

  Connect({.drop_own_writes = false, .noloop = true});
  Cache("k", "v");
  Set("k");
  EXPECT_EQ(Hit("k"), "v");
}

TEST_F(CachingClientTest, ANullPushEmptiesTheCache) {
  for (const bool flush : {true, false}) {
    Connect({.flush_on_null_push = flush});
    Cache("k", "v");
    EXPECT_EQ(Hit("pending"), "-");
    const uint64_t epoch = client_.epoch();
    Arrives(kFlush);
    Arrives(Bulk("asked before"));
    EXPECT_EQ(client_.epoch(), epoch + flush);
    EXPECT_EQ(Hit("k"), flush ? "-" : "v");
    EXPECT_EQ(Hit("pending"), flush ? "-" : "asked before");
  }
}

TEST_F(CachingClientTest, AnOwnWriteOfAnyKeyEmptiesTheCache) {
  Connect();
  Cache("k", "v");
  const std::string_view command[] = {"FLUSHALL"};
  client_.Write({}, command);
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, TheConnectionsEndEmptiesTheCache) {
  for (const bool flush : {true, false}) {
    Connect({.flush_on_loss = flush});
    Cache("k", "v");
    EXPECT_EQ(Hit("pending"), "-");
    client_.TakeCompletions();
    client_.OnDisconnected();
    ASSERT_EQ(client_.completions().size(), 1u);
    EXPECT_EQ(client_.completions()[0].kind, Kind::kLost);
    EXPECT_EQ(client_.completions()[0].key, "pending");
    Reconnect();
    EXPECT_EQ(Hit("k"), flush ? "-" : "v");
    EXPECT_EQ(client_.entries().Find("pending"), nullptr);
  }
}

TEST_F(CachingClientTest, HalfAReplyOfTheLastConnectionIsForgotten) {
  Connect();
  EXPECT_EQ(Hit("k"), "-");
  Arrives("$5\r\nab");
  client_.OnDisconnected();
  Reconnect();
  EXPECT_EQ(client_.state(), State::kTracked);
}

TEST_F(CachingClientTest, RequestsWithoutAConnectionAreLostAtOnce) {
  client_.Reset({});
  EXPECT_EQ(Hit("k"), "-");
  Set("k");
  ASSERT_EQ(client_.completions().size(), 2u);
  EXPECT_EQ(client_.completions()[0].kind, Kind::kLost);
  EXPECT_EQ(client_.output(), "");
}

TEST_F(CachingClientTest, AnErrorIsNotCached) {
  Connect();
  EXPECT_EQ(Hit("k"), "-");
  Arrives("-WRONGTYPE no\r\n");
  EXPECT_EQ(client_.completions()[0].kind, Kind::kError);
  EXPECT_EQ(client_.completions()[0].value, "WRONGTYPE no");
  EXPECT_EQ(client_.entries().size(), 0u);

  // Without release_pending the entry stays PENDING, and the key is never cached again.
  Connect({.release_pending = false});
  EXPECT_EQ(Hit("k"), "-");
  Arrives("-WRONGTYPE no\r\n");
  EXPECT_EQ(Hit("k"), "-");
  Arrives(Bulk("v"));
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, NilIsCachedIfThePolicySaysSo) {
  Connect();
  EXPECT_EQ(Hit("k"), "-");
  Arrives("_\r\n");
  EXPECT_EQ(Hit("k"), "nil");

  Connect({.negative_caching = false});
  EXPECT_EQ(Hit("k"), "-");
  Arrives("_\r\n");
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, EntriesEndAtTheirDeadline) {
  Connect({.ttl_cap_ms = 10});
  Cache("k", "v");
  now_ += 9;
  EXPECT_EQ(Hit("k"), "v");
  now_ += 1;
  EXPECT_EQ(Hit("k"), "-");
}

TEST_F(CachingClientTest, AStreamThatMakesNoSenseBreaksTheConnection) {
  for (const std::string_view bytes : {"?\r\n", "+nobody asked\r\n"}) {
    Connect();
    Cache("k", "v");
    Arrives(bytes);
    EXPECT_EQ(client_.state(), State::kBroken) << bytes;
    EXPECT_NE(client_.broken_because(), "");
    EXPECT_EQ(client_.entries().size(), 0u);
    client_.OnDisconnected();
    Reconnect();
    EXPECT_EQ(client_.state(), State::kTracked);
  }
}

TEST_F(CachingClientTest, AServerThatRefusesTheHandshakeBreaksTheConnection) {
  for (const std::string_view replies :
       {"-NOPROTO\r\n", "*0\r\n", "%0\r\n-ERR unknown subcommand\r\n"}) {
    client_.Reset({});
    client_.OnConnected();
    Arrives(replies);
    EXPECT_EQ(client_.state(), State::kBroken) << replies;
  }
}

TEST_F(CachingClientTest, OtherPushesAreNoReplies) {
  Connect();
  EXPECT_EQ(Hit("k"), "-");
  Arrives(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
  Arrives(Bulk("v"));
  EXPECT_EQ(Hit("k"), "v");
}

}  // namespace
}  // namespace resprobe::cache
