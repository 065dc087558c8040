// The core as a server: bytes in, bytes out. tests/core/commands/recorded covers single replies;
// this file checks what holds for all of them.

#include "core/server/server.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/random.h"
#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

std::string Request(std::initializer_list<std::string_view> args) {
  std::string bytes;
  resp::AppendRequest(&bytes, std::vector<std::string_view>(args));
  return bytes;
}

class ServerTest : public testing::Test {
 protected:
  // Sends the bytes and returns the output.
  std::string Ask(uint64_t client, std::string_view bytes) {
    server.Receive(client, bytes);
    return std::exchange(server.Output(client), {});
  }
  std::string Ask(uint64_t client, std::initializer_list<std::string_view> args) {
    return Ask(client, Request(args));
  }

  Server server;
};

TEST_F(ServerTest, NumbersConnectionsAndNeverReusesANumber) {
  EXPECT_EQ(server.Connect(), 1u);
  EXPECT_EQ(server.Connect(), 2u);
  server.Close(1);
  EXPECT_EQ(server.Connect(), 3u);
  EXPECT_FALSE(server.IsOpen(1));
  EXPECT_TRUE(server.IsOpen(2));
  EXPECT_FALSE(server.IsOpen(0));
  EXPECT_FALSE(server.IsOpen(4));
  EXPECT_EQ(server.client_count(), 2u);
  EXPECT_EQ(Ask(3, {"CLIENT", "ID"}), ":3\r\n");
  server.Reset();
  EXPECT_EQ(server.client_count(), 0u);
  EXPECT_EQ(server.Connect(), 1u);
}

TEST_F(ServerTest, IgnoresWhatIsNotThere) {
  server.Receive(7, "PING\r\n");
  EXPECT_EQ(server.Output(7), "");
  server.Close(7);
  const uint64_t client = server.Connect();
  server.Close(client);
  server.Close(client);
  server.Receive(client, "PING\r\n");
  EXPECT_EQ(server.Output(client), "");
}

TEST_F(ServerTest, KeepsOutputOfAConnectionThatItClosed) {
  const uint64_t client = server.Connect();
  server.Receive(client, "PING\r\nQUIT\r\nPING\r\n");
  EXPECT_FALSE(server.IsOpen(client));
  EXPECT_EQ(server.Output(client), "+PONG\r\n+OK\r\n");
  server.Close(client);
  EXPECT_EQ(server.Output(client), "");
}

TEST_F(ServerTest, AClosedConnectionLeavesNothing) {
  const uint64_t a = server.Connect();
  const uint64_t b = server.Connect();
  Ask(a, {"SUBSCRIBE", "ch"});
  Ask(a, {"PSUBSCRIBE", "c*"});
  EXPECT_EQ(Ask(b, {"PUBLISH", "ch", "x"}), ":2\r\n");
  server.Close(a);
  EXPECT_EQ(Ask(b, {"PUBLISH", "ch", "x"}), ":0\r\n");
  EXPECT_EQ(Ask(b, {"PUBSUB", "NUMPAT"}), ":0\r\n");
  // A new connection does not inherit an incomplete request or a transaction.
  const uint64_t c = server.Connect();
  Ask(c, {"MULTI"});
  Ask(c, {"SET", "k", "v"});
  server.Receive(c, "*2\r\n$3\r\nGE");
  server.Close(c);
  const uint64_t d = server.Connect();
  EXPECT_EQ(Ask(d, {"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(Ask(d, {"EXEC"}), "-ERR EXEC without MULTI\r\n");
}

// A client's replies must not depend on how its bytes were sliced.
TEST_F(ServerTest, SlicingDoesNotShow) {
  std::string all;
  for (const auto& args :
       std::vector<std::vector<std::string_view>>{{"SET", "k", "v\r\nw"},
                                                  {"HELLO", "3"},
                                                  {"NOSUCH", "a", "b"},
                                                  {"MULTI"},
                                                  {"INCR", "n"},
                                                  {"GET", "k"},
                                                  {"EXEC"},
                                                  {"CLIENT", "TRACKING", "ON"},
                                                  {"GET", "k"},
                                                  {"SET", "k", "x"},
                                                  {"SUBSCRIBE", "a", "b"},
                                                  {"PUBLISH", "a", "m"},
                                                  {"ZADD", "z", "1", "a", "2", "b"},
                                                  {"ZRANGE", "z", "0", "-1", "WITHSCORES"}}) {
    resp::AppendRequest(&all, args);
  }
  all += "PING\r\nSET \"a b\" 'c'\r\n*1\r\n$-1\r\n";
  const std::string whole = Ask(server.Connect(), all);
  ASSERT_GT(whole.size(), 100u);
  for (size_t cut = 0; cut < all.size(); ++cut) {
    server.Reset();
    const uint64_t client = server.Connect();
    server.Receive(client, std::string_view(all).substr(0, cut));
    server.Receive(client, std::string_view(all).substr(cut));
    ASSERT_EQ(server.Output(client), whole) << "cut at " << cut;
  }
  server.Reset();
  const uint64_t client = server.Connect();
  for (const char byte : all) server.Receive(client, std::string_view(&byte, 1));
  EXPECT_EQ(server.Output(client), whole);
  EXPECT_FALSE(server.IsOpen(client));
}

// A random request from the whole table.
std::string RandomRequest(Random& random) {
  const auto commands = Commands();
  const Command* command = &commands[random.Below(commands.size())];
  std::string bytes;
  std::vector<std::string_view> args = {command->name()};
  if (!command->subcommands.empty() && random.Below(8) > 0) {
    args.push_back(command->subcommands[random.Below(command->subcommands.size())].name());
  }
  static constexpr std::string_view kWords[] = {
      "k",   "l",  "m",  "0",     "1",     "-1", "2",    "1.5",  "abc",        "EX",
      "100", "NX", "XX", "LIMIT", "BYLEX", "[a", "(1",   "+inf", "WITHSCORES", "COUNT",
      "GET", "ON", "3",  "MATCH", "*",     "",   "LEFT", "PX",   "STORE",      "GT"};
  const size_t least = command->spec->arity < 0 ? static_cast<size_t>(-command->spec->arity)
                                                : static_cast<size_t>(command->spec->arity);
  const size_t count = random.Below(8) == 0 ? random.Below(7) : least + random.Below(2);
  while (args.size() < count) args.push_back(kWords[random.Below(std::size(kWords))]);
  resp::AppendRequest(&bytes, args);
  return bytes;
}

// Reset() leaves no trace of the previous run: the same requests give the same bytes.
TEST_F(ServerTest, ResetGivesAFreshServer) {
  const auto run = [&](uint64_t seed) {
    Random random;
    for (uint64_t i = 0; i < seed; ++i) random.Next();
    uint64_t clients[] = {server.Connect(), server.Connect()};
    std::string transcript;
    for (int i = 0; i < 60; ++i) {
      uint64_t& client = clients[random.Below(2)];
      if (!server.IsOpen(client)) client = server.Connect();
      server.Receive(client, RandomRequest(random));
      if (random.Below(10) == 0) server.Advance(random.Below(300));
      for (const uint64_t id : clients) transcript += std::exchange(server.Output(id), {}) + "|";
    }
    EXPECT_EQ(server.keyspace().CheckIntegrity(), "");
    return transcript;
  };
  for (uint64_t seed = 0; seed < 300; ++seed) {
    server.Reset();
    const std::string first = run(seed);
    server.Reset();
    EXPECT_EQ(server.keyspace().used_memory(), 0u);
    run(seed + 1000);
    server.Reset();
    ASSERT_EQ(run(seed), first) << "seed " << seed;
  }
}

TEST_F(ServerTest, ResetForgetsWhoListens) {
  uint64_t client = server.Connect();
  Ask(client, {"HELLO", "3"});
  Ask(client, {"CLIENT", "TRACKING", "ON"});
  Ask(client, {"GET", "k"});
  Ask(client, {"WATCH", "k"});
  Ask(client, {"SUBSCRIBE", "ch"});
  Ask(client, {"PSUBSCRIBE", "c*"});
  server.Advance(1000);
  server.Reset();
  EXPECT_EQ(server.now_ms(), 1'700'000'000'000u);
  client = server.Connect();
  EXPECT_EQ(Ask(client, {"PUBLISH", "ch", "x"}), ":0\r\n");
  EXPECT_EQ(Ask(client, {"PUBSUB", "NUMPAT"}), ":0\r\n");
  EXPECT_FALSE(server.Tracks(client, "k"));
  EXPECT_EQ(Ask(client, {"MULTI"}) + Ask(client, {"EXEC"}), "+OK\r\n*0\r\n");
}

TEST_F(ServerTest, ResetThrowsTheSameDice) {
  const auto throws = [&] {
    const uint64_t client = server.Connect();
    Ask(client, {"MSET", "a", "1", "b", "2", "c", "3", "d", "4"});
    std::string keys;
    for (int i = 0; i < 20; ++i) keys += Ask(client, {"RANDOMKEY"});
    return keys;
  };
  const std::string first = throws();
  EXPECT_NE(first.find("a\r\n"), std::string::npos);
  EXPECT_NE(first.find("d\r\n"), std::string::npos);
  server.Reset();
  EXPECT_EQ(throws(), first);
}

// Every request gets one well-formed reply, as long as no pushes can occur.
TEST_F(ServerTest, AnswersEveryRequestOnce) {
  Random random;
  for (int run = 0; run < 300; ++run) {
    server.Reset();
    uint64_t client = server.Connect();
    for (int i = 0; i < 60; ++i) {
      const std::string request = RandomRequest(random);
      // These commands have no reply, or several, by design.
      if (request.find("subscribe") != std::string::npos ||
          request.find("reply") != std::string::npos) {
        continue;
      }
      const std::string output = Ask(client, request);
      if (server.FindClient(client)->blocked) {  // the reply comes later
        ASSERT_EQ(output, "") << request;
        client = server.Connect();
        continue;
      }
      resp::ReplyParser parser;
      const auto result = parser.Parse(output);
      ASSERT_EQ(result.status, resp::ReplyParser::Status::kValue) << request << output;
      std::string_view rest = std::string_view(output).substr(result.consumed);
      while (!rest.empty()) {
        const auto more = parser.Parse(rest);
        ASSERT_EQ(more.status, resp::ReplyParser::Status::kValue) << request << output;
        ASSERT_EQ(parser.reply().root().type(), resp::Type::kPush) << request << output;
        rest.remove_prefix(more.consumed);
      }
      if (!server.IsOpen(client)) client = server.Connect();
    }
    ASSERT_EQ(server.keyspace().CheckIntegrity(), "");
  }
}

TEST_F(ServerTest, TheClockIsTheCallers) {
  const uint64_t client = server.Connect();
  const uint64_t start = server.now_ms();
  EXPECT_EQ(start, 1'700'000'000'000u);
  server.Advance(1234);
  EXPECT_EQ(server.now_ms(), start + 1234);
  EXPECT_EQ(Ask(client, {"TIME"}), "*2\r\n$10\r\n1700000001\r\n$6\r\n234000\r\n");
  Ask(client, {"SET", "k", "v", "PX", "10"});
  EXPECT_EQ(Ask(client, {"PTTL", "k"}), ":10\r\n");
  server.Advance(10);
  EXPECT_EQ(Ask(client, {"GET", "k"}), "$1\r\nv\r\n");
  server.Advance(1);
  EXPECT_EQ(Ask(client, {"DBSIZE"}), ":1\r\n");
  EXPECT_EQ(Ask(client, {"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(Ask(client, {"DBSIZE"}), ":0\r\n");
}

TEST_F(ServerTest, WhatAsksForNothingEndsATurn) {
  const uint64_t client = server.Connect();
  EXPECT_EQ(Ask(client, "CLIENT REPLY SKIP\r\nPING a\r\nPING b\r\n"), "$1\r\nb\r\n");
  EXPECT_EQ(Ask(client, "CLIENT REPLY SKIP\r\n\r\nPING a\r\nPING b\r\n"), "$1\r\na\r\n$1\r\nb\r\n");
  Ask(client, "CLIENT TRACKING ON OPTIN\r\nCLIENT CACHING YES\r\n*0\r\nGET a\r\n");
  EXPECT_FALSE(server.Tracks(client, "a"));
  Ask(client, "CLIENT CACHING YES\r\nMULTI\r\n*0\r\nGET b\r\nEXEC\r\n");
  EXPECT_TRUE(server.Tracks(client, "b"));
}

// redis 7.0 ends the WAIT, and with it the skipping, before it replies.
TEST_F(ServerTest, TheReplyOfAWaitThatIsOverIsSkippedByValkeyOnly) {
  constexpr std::string_view kRequests = "CLIENT REPLY SKIP\r\nWAIT 6854775807 0\r\nPING\r\n";
  EXPECT_EQ(Ask(server.Connect(), kRequests), ":0\r\n+PONG\r\n");
  Server valkey({.profile = Profile::kValkey80});
  const uint64_t client = valkey.Connect();
  valkey.Receive(client, kRequests);
  EXPECT_EQ(valkey.Output(client), "+PONG\r\n");
}

// OBJECT IDLETIME follows the clock, with a resolution of one second.
TEST_F(ServerTest, KnowsWhenAKeyWasUsed) {
  const uint64_t client = server.Connect();
  const auto idle = [&] { return Ask(client, {"OBJECT", "IDLETIME", "k"}); };
  Ask(client, {"SET", "k", "v"});
  EXPECT_EQ(idle(), ":0\r\n");
  server.Advance(999);
  EXPECT_EQ(idle(), ":0\r\n");
  server.Advance(1);
  EXPECT_EQ(idle(), ":1\r\n");
  // These do not count as a use of the value.
  for (const char* command : {"EXISTS k\r\n", "TYPE k\r\n", "TTL k\r\n", "KEYS *\r\n"}) {
    Ask(client, command);
    EXPECT_EQ(idle(), ":1\r\n") << command;
  }
  Ask(client, {"GET", "k"});
  for (const char* command : {"GET k\r\n", "TOUCH k\r\n", "STRLEN k\r\n", "EXPIRE k 100\r\n"}) {
    server.Advance(5000);
    EXPECT_EQ(idle(), ":5\r\n");
    Ask(client, command);
    EXPECT_EQ(idle(), ":0\r\n") << command;
  }
}

TEST(ServerProfileTest, ValkeysNoTouchLeavesKeysUnused) {
  Server server({.profile = Profile::kValkey80});
  const uint64_t client = server.Connect();
  server.Receive(client, "SET k v\r\nCLIENT NO-TOUCH ON\r\n");
  server.Output(client).clear();
  server.Advance(3000);
  server.Receive(client, "GET k\r\nOBJECT IDLETIME k\r\nTOUCH k\r\nOBJECT IDLETIME k\r\n");
  EXPECT_EQ(std::exchange(server.Output(client), {}), "$1\r\nv\r\n:3\r\n:1\r\n:0\r\n");
  server.Advance(2000);
  server.Receive(client, "RESET\r\nGET k\r\nOBJECT IDLETIME k\r\n");
  EXPECT_EQ(server.Output(client), "+RESET\r\n$1\r\nv\r\n:0\r\n");
}

// The recordings cover pauses with WRITE; this test needs a clock.
TEST_F(ServerTest, APauseOfAllEndsWithItsTime) {
  const uint64_t a = server.Connect();
  const uint64_t b = server.Connect();
  EXPECT_EQ(Ask(a, "CLIENT PAUSE 100\r\nPING\r\n"), "+OK\r\n");
  EXPECT_EQ(Ask(b, "PING 1\r\nPING 2\r\n"), "");
  EXPECT_EQ(Ask(b, "CLIENT UNPAUSE\r\n"), "");
  server.Advance(100);
  EXPECT_EQ(Ask(a, ""), "");
  server.Advance(1);
  EXPECT_EQ(Ask(a, ""), "+PONG\r\n");
  EXPECT_EQ(Ask(b, ""), "$1\r\n1\r\n$1\r\n2\r\n+OK\r\n");
}

TEST_F(ServerTest, ThePostponedCanBePausedAgain) {
  const uint64_t a = server.Connect();
  const uint64_t b = server.Connect();
  const uint64_t c = server.Connect();
  Ask(a, "CLIENT PAUSE 100 WRITE\r\n");
  EXPECT_EQ(Ask(b, "MULTI\r\nCLIENT PAUSE 100 WRITE\r\nSET k 1\r\n"), "+OK\r\n+QUEUED\r\n");
  EXPECT_EQ(Ask(c, "SET k 2\r\nGET k\r\n"), "");
  server.Advance(101);
  EXPECT_EQ(Ask(b, ""), "+QUEUED\r\n");
  EXPECT_EQ(Ask(c, ""), "+OK\r\n$1\r\n2\r\n");
  EXPECT_EQ(Ask(b, "EXEC\r\n"), "*2\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(Ask(c, "DEL k\r\n"), "");
  EXPECT_EQ(Ask(a, "CLIENT UNBLOCK 3\r\n"), ":0\r\n");
  EXPECT_EQ(Ask(a, "CLIENT UNPAUSE\r\n"), "+OK\r\n");
  EXPECT_EQ(Ask(c, ""), ":1\r\n");
}

// docs/findings/pause-expired-key.md: the servers crash when a write finds such a key.
TEST_F(ServerTest, KeysThatExpireInAPauseStayUnseen) {
  const uint64_t a = server.Connect();
  Ask(a, "SET k v PX 50\r\nCLIENT PAUSE 1000 WRITE\r\n");
  server.Advance(500);
  EXPECT_EQ(Ask(a, "GET k\r\nDBSIZE\r\nEXISTS k\r\n"), "$-1\r\n:1\r\n:0\r\n");
  EXPECT_EQ(Ask(a, "RANDOMKEY\r\n"), "$1\r\nk\r\n");
  EXPECT_EQ(Ask(a, "CLIENT UNPAUSE\r\nGET k\r\nDBSIZE\r\n"), "+OK\r\n$-1\r\n:0\r\n");
  for (const char* write : {"SET k w", "LPUSH k w", "APPEND k w", "RENAME s k", "COPY s k"}) {
    Ask(a, "DEL k\r\nSET s w\r\nSET k v PX 50\r\nMULTI\r\nCLIENT PAUSE 1000 WRITE\r\n");
    server.Advance(60);
    Ask(a, std::string(write) + "\r\n");
    Ask(a, "EXEC\r\nCLIENT UNPAUSE\r\n");
    EXPECT_EQ(Ask(a, "TTL k\r\n"), ":-1\r\n") << write;
    EXPECT_EQ(server.keyspace().CheckIntegrity(), "") << write;
  }
}

// docs/findings/valkey-auth-without-reply.md, seen on valkey 8.0.1.
TEST(ServerProfileTest, ValkeyDoesNotAnswerAFailedAuthBehindAReply) {
  for (const Profile profile : {Profile::kRedis70, Profile::kValkey80}) {
    Server server({.profile = profile});
    const uint64_t client = server.Connect();
    const auto ask = [&](std::string_view bytes) {
      server.Receive(client, bytes);
      return std::exchange(server.Output(client), {});
    };
    const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    const std::string behind = profile == Profile::kValkey80 ? "" : wrong;
    EXPECT_EQ(ask("AUTH no pass\r\n"), wrong);
    EXPECT_EQ(ask("PING\r\nAUTH no pass\r\nPING\r\n"), "+PONG\r\n" + behind + "+PONG\r\n");
    EXPECT_EQ(ask("MULTI\r\nHELLO 3 AUTH no pass\r\nPING\r\nEXEC\r\n"),
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + behind + "+PONG\r\n");
  }
}

TEST(ServerConfigTest, LimitsStringsAndArguments) {
  Server server({.max_bulk = 1000});
  const auto ask = [&](uint64_t client, std::initializer_list<std::string_view> args) {
    server.Receive(client, Request(args));
    return std::exchange(server.Output(client), {});
  };
  const uint64_t client = server.Connect();
  const std::string most(1000, 'x');
  EXPECT_EQ(ask(client, {"SET", "k", most}), "+OK\r\n");
  EXPECT_TRUE(ask(client, {"APPEND", "k", "y"}).starts_with("-ERR string exceeds"));
  EXPECT_TRUE(ask(client, {"SETRANGE", "k", "1000", "y"}).starts_with("-ERR string exceeds"));
  EXPECT_EQ(ask(client, {"SETRANGE", "k", "999", "y"}), ":1000\r\n");
  EXPECT_TRUE(ask(client, {"SETBIT", "k", "8000", "1"}).starts_with("-ERR bit offset"));
  EXPECT_EQ(ask(client, {"SETBIT", "k", "7999", "1"}), ":1\r\n");
  EXPECT_EQ(ask(client, {"STRLEN", "k"}), ":1000\r\n");
  EXPECT_EQ(ask(client, {"SET", "k", most + "y"}), "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_FALSE(server.IsOpen(client));
}

TEST(ServerConfigTest, FewerDatabases) {
  Server server({.databases = 2});
  const uint64_t client = server.Connect();
  server.Receive(client, Request({"SELECT", "1"}) + Request({"SELECT", "2"}));
  EXPECT_EQ(server.Output(client), "+OK\r\n-ERR DB index is out of range\r\n");
}

}  // namespace
}  // namespace resprobe
