#include <cstdio>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/server/server.h"
#include "gtest/gtest.h"
#include "tests/worlds/faulty_subject.h"
#include "worlds/command/command_generate.h"
#include "worlds/command/command_harness.h"
#include "worlds/command/reply_model.h"

namespace resprobe {
namespace {

using Harness = OpsHarness<CommandWorld>;

std::string RunOps(Harness& harness, std::string_view ops) {
  std::string error;
  const std::optional<Tape> tape =
      harness.Parse("ops command_handler\n" + std::string(ops), &error);
  EXPECT_TRUE(tape.has_value()) << error;
  if (!tape) return error;
  RunContext run;
  harness.Run(*tape, run);
  return run.violated() ? run.violation().invariant : "";
}

// Changes bytes of replies, and modifies the core once a request contains `trigger`.
class Fault : public FaultySubject {
 public:
  using Alter = std::function<std::string(std::string)>;
  using Hit = std::function<void(Server&)>;

  Fault(std::string trigger, Alter alter, Hit hit = nullptr)
      : trigger_(std::move(trigger)), alter_(std::move(alter)), hit_(std::move(hit)) {}

  void Send(uint64_t connection, std::string_view bytes) override {
    FaultySubject::Send(connection, bytes);
    struck_ = bytes.find(trigger_) != std::string_view::npos;
    if (struck_ && hit_) hit_(*core());
  }
  std::string Altered(uint64_t, std::string received) override {
    return struck_ && alter_ && !received.empty() ? alter_(std::move(received)) : received;
  }

 private:
  std::string trigger_;
  Alter alter_;
  Hit hit_;
  bool struck_ = false;
};

// A foreign server that lacks the commands that contain `unknown`.
class Foreign : public Fault {
 public:
  explicit Foreign(std::string unknown, std::string trigger = "?", Alter alter = nullptr)
      : Fault(std::move(trigger), std::move(alter)), unknown_(std::move(unknown)) {}

  void Send(uint64_t connection, std::string_view bytes) override {
    std::string sent(bytes);
    for (size_t at = 0; (at = sent.find(unknown_, at)) != std::string::npos;) sent[at] = '_';
    Fault::Send(connection, sent);
  }
  Server* core() override { return nullptr; }

 private:
  std::string unknown_;
};

std::string RunWith(Fault&& fault, std::string_view ops) {
  Harness harness(std::in_place, &fault);
  return RunOps(harness, ops);
}

Fault::Alter Always(const std::string& reply) {
  return [reply](const std::string&) { return reply; };
}

Fault::Alter Replace(const std::string& from, const std::string& to) {
  return [from, to](std::string text) {
    const size_t at = text.find(from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
  };
}

TEST(CommandWorldTest, SeedsAreClean) {
  Harness harness;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Tape tape = harness.Generate(seed);
    RunContext run;
    harness.Run(tape, run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ", "
                                 << run.violation().expected << ", " << run.violation().seen << "\n"
                                 << harness.Show(tape);
  }
}

TEST(CommandWorldTest, SeedsReachEveryGroup) {
  Harness harness;
  RunContext run(Trace::Mode::kText);
  for (uint64_t seed = 0; seed < 800; ++seed) harness.Run(harness.Generate(seed), run);
  for (const std::string_view sign : {"QUEUED", "WRONGTYPE", "+OK", "~", "%7", "EXECABORT"}) {
    EXPECT_NE(run.trace().text().find(sign), std::string::npos) << sign;
  }
}

TEST(CommandWorldTest, WellFormed) {
  EXPECT_EQ(RunWith(Fault("GET", Always("$3\r\nab\r\n")), "call GET s0"), "well_formed");
  EXPECT_EQ(RunWith(Fault("GET", Always("?\r\n")), "call GET s0"), "well_formed");
}

TEST(CommandWorldTest, ReplyHasShape) {
  EXPECT_EQ(RunWith(Fault("GET", Always(":1\r\n")), "call GET s0"), "reply_has_shape");
  EXPECT_EQ(RunWith(Fault("GET", Always("*-1\r\n")), "call GET s0"), "reply_has_shape");
  EXPECT_EQ(RunWith(Fault("GET", Always("-what\r\n")), "call GET s0"), "reply_has_shape");
  EXPECT_EQ(RunWith(Fault("NOPE", Always("+OK\r\n")), "call NOPE"), "reply_has_shape");
  EXPECT_EQ(RunWith(Fault("PING", Always("+PONG\r\n")), "call MULTI\ncall PING"),
            "reply_has_shape");
}

TEST(CommandWorldTest, OneReplyPerRequest) {
  EXPECT_EQ(RunWith(Fault("PING", Always("")), "call PING"), "one_reply_per_request");
  EXPECT_EQ(RunWith(Fault("PING", Always("+PONG\r\n+PONG\r\n")), "call PING"),
            "one_reply_per_request");
  EXPECT_EQ(RunWith(Fault("ECHO", Always("$1\r\nb\r\n$1\r\na\r\n")),
                    "queue ECHO a\nqueue ECHO b\ndeliver"),
            "one_reply_per_request");
}

TEST(CommandWorldTest, PushesAreAskedFor) {
  EXPECT_EQ(RunWith(Fault("GET",
                          [](const std::string& reply) {
                            return ">2\r\n$10\r\ninvalidate\r\n_\r\n" + reply;
                          }),
                    "config protocol3=1\ncall GET s0"),
            "pushes_are_asked_for");
}

TEST(CommandWorldTest, ConnectionStaysOpen) {
  EXPECT_EQ(RunWith(Fault("PING", nullptr,
                          [](Server& server) { server.Kill(*server.FindOpenClient(1)); }),
                    "call PING"),
            "connection_stays_open");
}

TEST(CommandWorldTest, AConnectionMayCloseAfterResetAndNonsense) {
  Harness harness;
  EXPECT_EQ(RunOps(harness, "queue RESET\nraw \"\\\"a\\n\"\ndeliver"), "");
}

TEST(CommandWorldTest, AForeignServerMayKnowFewerCommands) {
  EXPECT_EQ(RunWith(Foreign("SUBSCRIBE"),
                    "call CLIENT REPLY OFF\ncall SUBSCRIBE a\n"
                    "call CLIENT REPLY ON\ncall ECHO a"),
            "");
  EXPECT_EQ(RunWith(Foreign("RESET"), "call CLIENT REPLY OFF\ncall RESET\ncall CLIENT REPLY ON"),
            "");
  EXPECT_EQ(RunWith(Foreign("CLIENT"),
                    "call CLIENT REPLY OFF\ncall ECHO a\n"
                    "call CLIENT REPLY SKIP\ncall ECHO b"),
            "");
  EXPECT_EQ(RunWith(Foreign("CLIENT"), "queue CLIENT REPLY OFF\nqueue ECHO a\ndeliver"), "");
  EXPECT_EQ(RunWith(Foreign("POST"), "call POST\ncall ECHO a"), "");
}

TEST(CommandWorldTest, AForeignServerMayKnowMoreCommands) {
  EXPECT_EQ(RunWith(Foreign("?", "FT.INFO", Always("*1\r\n:7\r\n")), "call FT.INFO\ncall GET a"),
            "");
}

TEST(CommandWorldTest, AForeignServerHasToKeepWhatItKnows) {
  EXPECT_EQ(RunWith(Foreign("?"),
                    "call CLIENT REPLY OFF\ncall SUBSCRIBE a\ncall RESET\n"
                    "call CLIENT REPLY SKIP\ncall ECHO a\ncall POST"),
            "");
  EXPECT_EQ(RunWith(Foreign("CLIENT", "OFF", Always("+OK\r\n")), "call CLIENT REPLY OFF"),
            "one_reply_per_request");
  EXPECT_EQ(RunWith(Foreign("SUBSCRIBE", "_UBSCRIBE", Always("")), "call SUBSCRIBE a"),
            "one_reply_per_request");
}

TEST(CommandWorldTest, PromisesKept) {
  EXPECT_EQ(RunWith(Fault("LPOS", Always(":7\r\n")), ""), "promises_kept");
  EXPECT_EQ(RunWith(Fault("BITFIELD_RO", Always("*1\r\n:1\r\n")), ""), "promises_kept");
  // A pause that ends at once, and one that holds nothing.
  EXPECT_EQ(RunWith(Fault("PAUSE", nullptr, [](Server& server) { server.Unpause(); }), ""),
            "promises_kept");
  EXPECT_EQ(
      RunWith(Fault("PAUSE", nullptr,
                    [](Server& server) { server.Pause(server.keyspace().now_ms() + 1000, true); }),
              ""),
      "promises_kept");
  EXPECT_EQ(RunWith(Fault("nothing", nullptr), ""), "");
}

TEST(CommandWorldTest, NoEmptyAggregate) {
  EXPECT_EQ(RunWith(Fault("RPUSH", nullptr,
                          [](Server& server) {
                            server.keyspace().Overwrite(0, "l0", ObjectType::kList);
                          }),
                    "call RPUSH l0 a"),
            "no_empty_aggregate");
}

TEST(CommandWorldTest, SortedSetsSorted) {
  // The score found by a lookup differs from the one by which the member is ranked.
  EXPECT_EQ(RunWith(Fault("ZADD", nullptr,
                          [](Server& server) {
                            const ZSet& zset = server.keyspace().Peek(0, "z0")->zset();
                            *const_cast<double*>(zset.Find("a")) = 9;
                          }),
                    "call ZADD z0 1 a 2 b"),
            "sorted_sets_sorted");
}

TEST(CommandWorldTest, ExpiredUnseen) {
  EXPECT_EQ(RunWith(Fault("GET", Always("$1\r\nx\r\n")),
                    "call SET s0 x PX 5\nadvance ms=10\ncall GET s0"),
            "expired_unseen");
}

TEST(CommandWorldTest, ExecAllOrNothing) {
  EXPECT_EQ(RunWith(Fault("EXEC", Always("*1\r\n+PONG\r\n")),
                    "call MULTI\ncall PING\ncall PING\ncall EXEC"),
            "exec_all_or_nothing");
  EXPECT_EQ(RunWith(Fault("EXEC", Always("*1\r\n+PONG\r\n")),
                    "call MULTI\ncall PING\ncall NOPE\ncall EXEC"),
            "exec_all_or_nothing");
  EXPECT_EQ(RunWith(Fault("EXEC", Always("*1\r\n+OK\r\n")),
                    "config clients=1\ncall WATCH s0\ncall client=1 SET s0 x\ncall MULTI\n"
                    "call SET s1 y\ncall EXEC"),
            "exec_all_or_nothing");
}

// A transaction ends with null exactly if a watched key has changed, were it to what it was before,
// or has expired.
TEST(CommandWorldTest, ExecAbortsForTheRightReason) {
  const auto runs = [] { return Fault("EXEC", Always("*1\r\n+OK\r\n")); };
  const auto aborts = [] { return Fault("EXEC", Always("*-1\r\n")); };
  constexpr std::string_view kEnd = "call MULTI\ncall SET s1 y\ncall EXEC";
  const std::string back =
      "call SET s0 a\ncall WATCH s0\ncall SET s0 b\ncall SET s0 a\n" + std::string(kEnd);
  EXPECT_EQ(RunWith(aborts(), back), "promises_kept");
  EXPECT_EQ(RunWith(runs(), back), "exec_all_or_nothing");
  const std::string expires =
      "call SET s0 a PX 5\ncall WATCH s0\nadvance ms=10\n" + std::string(kEnd);
  EXPECT_EQ(RunWith(runs(), expires), "exec_all_or_nothing");
  for (const std::string_view before :
       {"call WATCH s0", "call WATCH s0\ncall DEL s0", "call WATCH s0\ncall SET s1 x",
        "call WATCH s0\ncall SELECT 1\ncall SET s0 x\ncall SELECT 0",
        "call SET s0 a PX 5\nadvance ms=10\ncall WATCH s0\ncall GET s0"}) {
    const std::string ops = std::string(before) + "\n" + std::string(kEnd);
    // An EXEC that always does the same breaks a promise at the end, but nothing in the case.
    EXPECT_EQ(RunWith(runs(), ops), "promises_kept") << before;
    EXPECT_EQ(RunWith(aborts(), ops), "exec_all_or_nothing") << before;
  }
}

void Touch(Server& server) {
  server.keyspace().SetString(0, "s1", "changed");
  server.keyspace().Modified(0, "s1");
}

TEST(CommandWorldTest, ErrorChangesNothing) {
  EXPECT_EQ(RunWith(Fault("INCR", nullptr, Touch), "call SET s0 x\ncall INCR s0"),
            "error_changes_nothing");
}

TEST(CommandWorldTest, ReadingChangesNothing) {
  EXPECT_EQ(RunWith(Fault("STRLEN", nullptr, Touch), "call STRLEN s0"), "reading_changes_nothing");
}

TEST(CommandWorldTest, ChangesAreReported) {
  const auto change = [](Server& server) { server.keyspace().SetString(0, "s1", "changed"); };
  EXPECT_EQ(RunWith(Fault("PERSIST", nullptr, change), "call SET s1 x\ncall PERSIST s1"),
            "changes_are_reported");
  EXPECT_EQ(RunWith(Fault("RENAME", nullptr, nullptr), "call SET s1 x\ncall RENAME s1 s0"), "");
  EXPECT_EQ(RunWith(Fault("DEL", nullptr, nullptr), "call SET s1 x\ncall DEL s1 s1"), "");
  // Another key than the one that was changed, and a key that is not there.
  const auto other = [](Server& server) {
    server.keyspace().SetString(0, "s1", "changed");
    server.keyspace().Modified(0, "s0");
  };
  EXPECT_EQ(RunWith(Fault("PERSIST", nullptr, other), "call SET s1 x\ncall PERSIST s1"),
            "changes_are_reported");
  const auto nothing = [](Server& server) { server.keyspace().Modified(0, "s1"); };
  EXPECT_EQ(RunWith(Fault("DEL", nullptr, nothing), "call DEL s1"), "changes_are_reported");
}

TEST(CommandWorldTest, TimeoutsAreKept) {
  constexpr std::string_view kWait = "call BLPOP l0 0.0105\nadvance ms=";
  EXPECT_EQ(RunWith(Fault("?", nullptr), std::string(kWait) + "10\nadvance ms=1"), "");
  const auto until = [](int64_t more) {
    return [more](Server& server) {
      Client* const client = const_cast<Client*>(server.FindClient(1));
      if (client == nullptr) return;
      client->wait.until += more;
      server.Advance(0);
    };
  };
  EXPECT_EQ(RunWith(Fault("BLPOP", nullptr, until(1)), std::string(kWait) + "11"),
            "timeouts_are_kept");
  EXPECT_EQ(RunWith(Fault("PING", nullptr, until(-10)),
                    "config clients=1\n" + std::string(kWait) + "5\ncall client=1 PING"),
            "timeouts_are_kept");
}

TEST(CommandWorldTest, ScanIsComplete) {
  constexpr std::string_view kKeys = "call MSET s0 x s1 y\ncall SADD u0 a b c d e f\n";
  EXPECT_EQ(RunWith(Fault("?", nullptr), kKeys), "");
  EXPECT_EQ(
      RunWith(Fault("TYPE\r\n", Replace("*2\r\n$2\r\ns1\r\n$2\r\ns0\r\n", "*1\r\n$2\r\ns0\r\n")),
              kKeys),
      "scan_is_complete");
  EXPECT_EQ(RunWith(Fault("SSCAN", Replace("$1\r\nd\r\n", "$1\r\na\r\n")), kKeys),
            "scan_is_complete");
  EXPECT_EQ(RunWith(Fault("\r\nCOUNT\r\n$1\r\n", Replace("$2\r\ns1\r\n", "$2\r\ns0\r\n")), kKeys),
            "scan_is_complete");
}

TEST(CommandWorldTest, TimeIsTheClocks) {
  EXPECT_EQ(RunWith(Fault("TIME", Replace("$10\r\n1700000000", "$10\r\n1700000001")), ""),
            "time_is_the_clocks");
}

TEST(CommandWorldTest, ViewsAgree) {
  // KEYS, SCAN and DBSIZE are requested together, then EXISTS and TYPE.
  constexpr std::string_view kSet = "call SET s0 x";
  EXPECT_EQ(RunWith(Fault("KEYS", Replace("*1\r\n$2\r\ns0\r\n", "*0\r\n")), kSet), "views_agree");
  EXPECT_EQ(RunWith(Fault("SCAN", Replace("0\r\n*1\r\n$2\r\ns0\r\n", "0\r\n*0\r\n")), kSet),
            "views_agree");
  EXPECT_EQ(RunWith(Fault("DBSIZE", Replace(":1\r\n", ":7\r\n")), kSet), "views_agree");
  EXPECT_EQ(RunWith(Fault("TYPE", Replace("+string\r\n", "+list\r\n")), kSet), "views_agree");
  EXPECT_EQ(RunWith(Fault("EXISTS", Replace(":1\r\n", ":0\r\n")), kSet), "views_agree");
  EXPECT_EQ(RunWith(Fault("SCAN", Replace(":1\r\n", "-ERR no\r\n")), kSet), "views_agree");
}

// Closes the connection that requests KEYS.
class ClosesAtKeys : public FaultySubject {
 public:
  void Send(uint64_t connection, std::string_view bytes) override {
    FaultySubject::Send(connection, bytes);
    if (bytes.find("KEYS") != std::string_view::npos) Close(connection);
  }
};

TEST(CommandWorldTest, AskingEndsWhereTheServerMayClose) {
  ClosesAtKeys subject;
  Harness harness(std::in_place, &subject);
  EXPECT_EQ(RunOps(harness, "call SET s0 x"), "connection_stays_open");
  EXPECT_EQ(RunOps(harness, "call SET s0 x\ncall CLIENT KILL ID 999"), "");
}

TEST(CommandWorldTest, MemoryReturns) {
  EXPECT_EQ(RunWith(Fault("FLUSHALL", nullptr, Touch), ""), "memory_returns");
}

// The names of the commands that the seed's generator calls in `requests` requests.
std::set<std::string, std::less<>> Called(uint64_t seed, int requests) {
  std::set<std::string, std::less<>> names;
  Arena arena;
  Gen gen(seed, &arena);
  for (int i = 0; i < requests; ++i) {
    if (i % 1000 == 0) arena.Reset();
    for (size_t profile = 0; profile < kProfileCount; ++profile) {
      const Command* const command =
          ReplyModel::Find(GenerateCommand(gen), static_cast<Profile>(profile));
      if (command != nullptr) names.emplace(command->full_name());
    }
  }
  return names;
}

TEST(GenerateCommandTest, CallsWhatTheSeedGivesAnyWeight) {
  constexpr uint64_t kLittle = 4;  // out of 256
  size_t liked_little = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const auto called = Called(seed, 100'000);
    Arena arena;
    for (const auto& [command, weight] : CommandWeights(Gen(seed, &arena))) {
      if (weight == 0) continue;
      liked_little += weight < kLittle ? 1 : 0;
      EXPECT_TRUE(called.contains(command->full_name()))
          << command->full_name() << " of weight " << weight << " with seed " << seed;
    }
  }
  EXPECT_GT(liked_little, 0u);
}

TEST(GenerateCommandTest, CallsTheWholeTable) {
  std::set<std::string, std::less<>> called;
  for (uint64_t seed = 1; seed <= 60; ++seed) called.merge(Called(seed, 2000));
  std::set<std::string_view> left_out;
  for (size_t profile = 0; profile < kProfileCount; ++profile) {
    for (const Command& command : Commands(static_cast<Profile>(profile))) {
      if (command.HasTrait(kNotCompared)) {
        // Names are generated at random, too; no such call has an effect on other servers.
        EXPECT_TRUE(!command.Has(kAdmin) || !called.contains(command.full_name()))
            << command.full_name();
        continue;
      }
      if (command.spec->handler == nullptr) {
        left_out.insert(command.full_name());
      } else {
        EXPECT_TRUE(called.contains(command.full_name())) << command.full_name();
      }
      for (const Command& subcommand : command.subcommands) {
        EXPECT_TRUE(called.contains(subcommand.full_name())) << subcommand.full_name();
      }
    }
  }
  std::printf("left out, since they are nothing without a subcommand:");
  for (const std::string_view name : left_out) {
    std::printf(" %.*s", static_cast<int>(name.size()), name.data());
  }
  std::printf("\n");
}

TEST(CommandWorldTest, KeyspaceSound) {
  EXPECT_EQ(RunWith(Fault("SET", nullptr,
                          [](Server& server) {
                            // A change that was not reported: the memory account is wrong.
                            server.keyspace().SetString(0, "s0", std::string(99, 'x'));
                          }),
                    "call SET s0 x"),
            "keyspace_sound");
}

}  // namespace
}  // namespace resprobe
