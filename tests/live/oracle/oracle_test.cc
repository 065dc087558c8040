#include "live/oracle/oracle.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/keyspace/keyspace.h"
#include "core/persistence/rdb.h"
#include "core/resp/reply_parser.h"
#include "engine/generate.h"
#include "engine/ops_text.h"
#include "engine/shrink.h"
#include "tests/live/lying_server.h"

namespace resprobe::live {
namespace {

using CommandCase = Case<CommandWorld>;

class OracleTest : public testing::Test {
 protected:
  // Starts the core with one piece of its input replaced by another; without arguments it is sound.
  void Serve(const std::string& from = {}, const std::string& to = {}) {
    const auto change = [=](Server&, uint64_t, std::string* bytes) {
      for (size_t at = 0; !from.empty() && (at = bytes->find(from, at)) != std::string::npos;) {
        bytes->replace(at, from.size(), to);
      }
    };
    // The oracle moves the core's clock as real time passes.
    lying_ = std::make_unique<LyingServer>(change, nullptr, ServerListener::Time::kReal);
    Open({.server = lying_->address()});
  }

  void Open(const TargetOptions& options) {
    std::string error;
    target_ = LiveServer::Open(options, &error);
    ASSERT_NE(target_, nullptr) << error;
    OracleOptions oracle;
    target_->ProfileOf(&oracle.profile);
    oracle_ = std::make_unique<Oracle>(target_.get(), oracle);
    ASSERT_TRUE(oracle_->Prepare(&error)) << error;
  }

  CommandCase CaseOf(std::string_view ops) {
    CommandCase c;
    const std::string error = Parse("ops command_handler\n" + std::string(ops), &arena_, &c);
    EXPECT_EQ(error, "");
    return c;
  }

  std::optional<Difference> Run(std::string_view ops) { return oracle_->Run(CaseOf(ops)); }

  std::unique_ptr<LyingServer> lying_;  // outlives what talks to it
  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<Oracle> oracle_;
  Arena arena_;  // of the cases
};

std::string Text(const std::optional<Difference>& difference) {
  if (!difference) return "";
  std::string text = difference->Signature() + "\ncore: " + difference->core +
                     "\nserver: " + difference->server + "\n";
  for (const std::string& line : difference->session) text += line + "\n";
  return text;
}

TEST_F(OracleTest, FindsNothingBetweenTheCoreAndItself) {
  Serve();
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Arena arena;
    CommandCase c;
    Generate(seed, &arena, &c);
    const std::optional<Difference> difference = oracle_->Run(c);
    ASSERT_FALSE(difference) << "seed " << seed << ": " << Text(difference);
  }
  EXPECT_EQ(oracle_->counts().cases, 400u);
  EXPECT_GT(oracle_->counts().requests, 2000u);
  EXPECT_GT(oracle_->counts().state, 2000u);
  // Several requests are sent in one write.
  EXPECT_LT(oracle_->counts().writes * 2, oracle_->counts().requests + oracle_->counts().state);
}

TEST_F(OracleTest, FindsALieAndShrinksToIt) {
  Serve("\r\nINCR\r\n", "\r\nDECR\r\n");
  // Some seed calls INCR; the case is shrunk to that call.
  for (uint64_t seed = 1;; ++seed) {
    ASSERT_LT(seed, 2000u) << "no seed calls INCR";
    Arena arena;
    CommandCase c;
    Generate(seed, &arena, &c);
    const std::optional<Difference> found = oracle_->Run(c);
    if (!found) continue;
    Shrink<CommandWorld>(
        [&](const CommandCase& candidate) {
          const std::optional<Difference> again = oracle_->Run(candidate);
          return again && again->Signature() == found->Signature();
        },
        &arena, &c);
    const std::optional<Difference> smallest = oracle_->Run(c);
    ASSERT_TRUE(smallest);
    EXPECT_EQ(smallest->Signature(), found->Signature());
    ASSERT_LE(c.ops.size(), 2u) << Print(c);
    EXPECT_NE(Print(c).find("INCR"), std::string::npos) << Print(c);
    return;
  }
}

TEST_F(OracleTest, ShowsBothRepliesAndTheLinesThatLeadToThem) {
  Serve("\r\nINCR\r\n", "\r\nDECR\r\n");
  const auto difference =
      Run("config clients=1\ncall client=0 SET a 5\ncall client=1 GET a\ncall client=0 INCR a\n"
          "call client=1 GET a\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "incr: value of integer");
  EXPECT_EQ(difference->op, 2u);
  EXPECT_EQ(difference->core, "(integer) 6");
  EXPECT_EQ(difference->server, "(integer) 4");
  EXPECT_EQ(difference->session, (std::vector<std::string>{"0> SET a 5", "1> GET a", "0> INCR a"}));
  // The next case starts fresh.
  EXPECT_EQ(Text(Run("call client=0 GET a\ncall client=0 DBSIZE\n")), "");
}

TEST_F(OracleTest, RunsAheadWithoutWaiting) {
  Serve();
  const CommandCase c = CaseOf("call client=0 SET a 5\ncall client=0 HSET h a 1 b 2\n");
  for (int i = 0; i < 60; ++i) ASSERT_FALSE(oracle_->RunAhead(c));
  EXPECT_GT(oracle_->unsettled(), 1u);
  EXPECT_EQ(Text(oracle_->CatchUp()), "");
  EXPECT_EQ(oracle_->unsettled(), 0u);
  EXPECT_EQ(oracle_->counts().cases, 60u);
  EXPECT_EQ(oracle_->counts().requests, 120u);
  EXPECT_EQ(oracle_->counts().commands.at(FindCommand("hset")).requests, 60u);
  EXPECT_LT(oracle_->counts().writes, 20u);
}

TEST_F(OracleTest, TellsWhichOfTheCasesUnderWayDiffers) {
  Serve("\r\nINCR\r\n", "\r\nDECR\r\n");
  const CommandCase before = CaseOf("call client=0 SET a 5\n");
  const CommandCase lied_to =
      CaseOf("config protocol3=1\ncall client=0 SET a 5\ncall client=0 INCR a\n");
  EXPECT_FALSE(oracle_->RunAhead(before));
  EXPECT_FALSE(oracle_->RunAhead(lied_to));
  EXPECT_FALSE(oracle_->RunAhead(before));
  EXPECT_FALSE(oracle_->RunAhead(before));
  EXPECT_EQ(oracle_->unsettled(), 4u);
  const auto difference = oracle_->CatchUp();
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "incr: value of integer");
  EXPECT_EQ(difference->op, 1u);
  EXPECT_EQ(difference->cases_ago, 2u);
  EXPECT_EQ(difference->suspects, 3u);
  EXPECT_EQ(difference->session,
            (std::vector<std::string>{"0> HELLO 3", "0> SET a 5", "0> INCR a"}));
  EXPECT_FALSE(oracle_->RunAhead(before));
  EXPECT_EQ(Text(oracle_->CatchUp()), "");
}

// Two clients whose order matters take turns, in cases that begin on each other's connections.
TEST_F(OracleTest, KeepsTheOrderBetweenClientsWhenItRunsAhead) {
  Serve();
  const CommandCase turns = CaseOf(
      "config clients=2 protocol3=2\ncall client=1 SET a 5\ncall client=0 APPEND a x\n"
      "call client=2 GET a\ncall client=1 APPEND a y\ncall client=1 SUBSCRIBE c\n"
      "call client=0 PUBLISH c m\ncall client=2 GETRANGE a 0 -1\n");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(Text(oracle_->RunAhead(turns)), "");
  EXPECT_EQ(Text(oracle_->CatchUp()), "");
  EXPECT_EQ(oracle_->counts().requests, 700u);
}

// A client that other clients name has sent HELLO, also on a connection of the previous case.
TEST_F(OracleTest, GreetsForAClientThatIsNamed) {
  Serve();
  const CommandCase named = CaseOf(
      "config clients=1 protocol3=2\ncall client=0 CLIENT TRACKING ON REDIRECT 2\n"
      "call client=0 GET k\ncall client=0 SET k v\ncall client=1 PING\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Text(oracle_->Run(named)), "");
}

TEST_F(OracleTest, FindsWhatOnlyTheFinalStateShows) {
  Serve("\r\nRPUSH\r\n", "\r\nLPUSH\r\n");
  const auto difference = Run("call client=0 RPUSH l a b\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "state: lrange: order of elements");
}

TEST_F(OracleTest, FindsAMissingReply) {
  Serve("\r\nAPPEND\r\n", "\r\nCLIENT\r\n");
  const auto difference =
      Run("config clients=1\ncall client=0 APPEND REPLY OFF\ncall client=1 PING\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "append: no reply");
}

TEST_F(OracleTest, FindsAConnectionThatIsClosed) {
  Serve("\r\nECHO\r\n$1\r\na\r\n", "\r\nECHO\r\n$x\r\na\r\n");
  const auto difference = Run("call client=0 PING\ncall client=0 ECHO a\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->command, "echo");
}

TEST_F(OracleTest, ComparesMessagesToOthersInTheOrderOfTheCase) {
  Serve("\r\nhello\r\n", "\r\nworld\r\n");
  EXPECT_EQ(Text(Run("config clients=1\ncall client=0 SUBSCRIBE c\n"
                     "call client=1 PUBLISH c good\ncall client=0 PING\n")),
            "");
  const auto difference =
      Run("config clients=1\ncall client=0 SUBSCRIBE c\n"
          "call client=1 PUBLISH c hello\ncall client=0 PING\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "publish: push: value of array");
}

TEST_F(OracleTest, TakesOverWhatTheServerPops) {
  Serve();
  EXPECT_EQ(Text(Run("call client=0 SADD s a b c d e f\ncall client=0 SPOP s 2\n"
                     "call client=0 SMEMBERS s\ncall client=0 MULTI\ncall client=0 SPOP s\n"
                     "call client=0 SCARD s\ncall client=0 EXEC\ncall client=0 SMEMBERS s\n")),
            "");
  EXPECT_GE(oracle_->counts().replies.freedoms[static_cast<size_t>(Freedom::kPop)], 2u);
}

TEST_F(OracleTest, RefusesAServerThatHoldsKeys) {
  Serve();
  EXPECT_EQ(Text(Run("call client=0 GET a\n")), "");
  std::string error;
  TargetOptions options{.server = target_->CliArguments()};
  const std::string arguments = target_->CliArguments();  // "-h 127.0.0.1 -p PORT"
  options.server = "127.0.0.1:" + arguments.substr(arguments.rfind(' ') + 1);
  const UniqueFd fd = target_->Connect(&error);
  ASSERT_TRUE(SendAll(fd.get(), "SELECT 3\r\nSET a 1\r\n"));
  char replies[10];
  ASSERT_EQ(recv(fd.get(), replies, sizeof(replies), MSG_WAITALL), 10);
  EXPECT_EQ(LiveServer::Open(options, &error), nullptr);
  EXPECT_EQ(error, "the server holds keys, which a run deletes: --flush permits it");
  options.flush = true;
  EXPECT_NE(LiveServer::Open(options, &error), nullptr) << error;
}

// Real servers: the seed corpus and the regressions.
class RealOracleTest : public OracleTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Servers, RealOracleTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(RealOracleTest, AgreesWithTheCoreOnTheSeedCorpus) {
  const char* program = std::getenv(GetParam());
  const char* source = std::getenv("RESPROBE_SOURCE_DIR");
  if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  ASSERT_NE(source, nullptr);
  Open({.start = program});
  ASSERT_TRUE(target_->active_expiry_off());
  for (const char* folder : {"/corpus/command_handler", "/tests/regressions/command_handler"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(source) + folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::ostringstream content;
      content << file.rdbuf();
      const std::string bytes = content.str();
      Arena arena;
      CommandCase c;
      if (bytes.starts_with("ops ")) {
        ASSERT_EQ(Parse(bytes, &arena, &c), "");
      } else {
        Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, &arena, &c);
      }
      const std::optional<Difference> difference = oracle_->Run(c);
      EXPECT_FALSE(difference) << entry.path() << ": " << Text(difference);
    }
  }
  EXPECT_GT(oracle_->counts().requests, 800u);
}

// docs/findings/sort-stale-errno.md
TEST_P(RealOracleTest, SortsAgainInTheCaseBehindANumberOutOfRange) {
  const char* program = std::getenv(GetParam());
  if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  Open({.start = program});
  const CommandCase out_of_range = CaseOf("call client=0 ZCOUNT z0 1e400 2\n");
  const CommandCase sorts = CaseOf("call client=0 RPUSH l0 1.5 0.5\ncall client=0 SORT l0\n");
  EXPECT_EQ(Text(oracle_->RunAhead(out_of_range)), "");
  EXPECT_EQ(Text(oracle_->RunAhead(sorts)), "");
  EXPECT_EQ(Text(oracle_->CatchUp()), "");
  EXPECT_EQ(oracle_->counts().requests, 3u);
  EXPECT_TRUE(oracle_->counts().left_out.empty());
}

TEST(OutOfRangeTest, IsWhatStrtodSays) {
  const auto out_of_range = [](const std::string& word) { return OutOfRange({"ZCOUNT", word}); };
  for (const char* word : {"1e400", "(1e400", " -1e400", "1e-400", "1e400x", "0x1p5000"}) {
    EXPECT_TRUE(out_of_range(word)) << word;
  }
  for (const char* word : {"", "(", "1", "1e4", "e400", "inf", "[1e400", "key1e400"}) {
    EXPECT_FALSE(out_of_range(word)) << word;
  }
  EXPECT_TRUE(out_of_range(std::string(400, '9')));
}

TEST_P(RealOracleTest, RestartsAServerThatHasEnded) {
  const char* program = std::getenv(GetParam());
  if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  Open({.start = program});
  std::string error;
  const UniqueFd fd = target_->Connect(&error);
  ASSERT_TRUE(SendAll(fd.get(), "DEBUG SEGFAULT\r\n"));
  // valkey 8.0.1 sometimes never finishes its crash report: its threads deadlock in dlopen(). Then
  // it hangs, which is as fatal.
  pollfd waiting{.fd = fd.get(), .events = POLLIN, .revents = 0};
  while (target_->Log().find("crashed by signal") == std::string::npos &&
         poll(&waiting, 1, /*timeout=*/10) == 0) {
  }
  const auto difference = Run("call client=0 PING\n");
  ASSERT_TRUE(difference);
  EXPECT_TRUE(difference->fatal) << Text(difference);
  EXPECT_NE(target_->Log().find("crashed by signal"), std::string::npos) << target_->Log();
  ASSERT_TRUE(oracle_->Prepare(&error)) << error;
  EXPECT_EQ(Text(Run("call client=0 PING\n")), "");
}

TEST(TimeRewriterTest, MovesTimesFarAwayAndKeepsTheirOrder) {
  TimeRewriter times;
  times.Reset(1'700'000'000'000, 1'800'000'000'000);
  const auto rewritten = [&](std::vector<std::string> args) {
    const Command* command = FindCommand(args[0]);
    times.Rewrite(*command, &args);
    return args.back();
  };
  EXPECT_EQ(rewritten({"EXPIRE", "k", "3"}), "300000");
  EXPECT_EQ(rewritten({"EXPIRE", "k", "3"}), "320000");
  EXPECT_EQ(rewritten({"PEXPIRE", "k", "3"}), "340000000");
  EXPECT_EQ(rewritten({"EXPIRE", "k", "0"}), "0");
  EXPECT_EQ(rewritten({"EXPIRE", "k", "-1"}), "-1");
  EXPECT_EQ(rewritten({"EXPIRE", "k", "03"}), "03");
  EXPECT_EQ(rewritten({"SET", "k", "v", "PXAT", "1700000000001"}), "4700000000001");
  EXPECT_EQ(rewritten({"SET", "k", "v", "PXAT", "1700000000000"}), "1700000000000");
  times.Advance(1);
  EXPECT_EQ(rewritten({"SET", "k", "v", "PXAT", "1700000000001"}), "1700000000001");
  EXPECT_EQ(rewritten({"EXPIREAT", "k", "1700000005"}), "4700000005");
  EXPECT_EQ(rewritten({"EXPIREAT", "k", "9000000000"}), "9000000000");
}

// Compares two replies to one request, given as RESP.
bool Compare(std::vector<std::string> args, std::string_view core, std::string_view server,
             Comparer* comparer, Mismatch* mismatch) {
  Asked asked;
  asked.began_ms = SteadyMs();
  asked.command = FindCommand(args[0]);
  asked.args = std::move(args);
  resp::Reply a;
  resp::Reply b;
  resp::ReplyParser parser;
  parser.Parse(core);
  parser.Take(&a);
  parser.Parse(server);
  parser.Take(&b);
  return comparer->Same(asked, a.root(), b.root(), mismatch);
}

bool Same(std::vector<std::string> args, std::string_view core, std::string_view server,
          std::string* kind = nullptr) {
  ComparerCounts counts;
  Comparer comparer(&counts);
  Mismatch mismatch;
  const bool same = Compare(std::move(args), core, server, &comparer, &mismatch);
  if (kind != nullptr) *kind = mismatch.kind;
  return same;
}

TEST(ComparerTest, LetsOrderBeFreeOnlyWhereItIs) {
  constexpr std::string_view kAb = "*2\r\n+a\r\n+b\r\n";
  constexpr std::string_view kBa = "*2\r\n+b\r\n+a\r\n";
  EXPECT_TRUE(Same({"SMEMBERS", "k"}, kAb, kBa));
  EXPECT_FALSE(Same({"LRANGE", "k", "0", "-1"}, kAb, kBa));
  EXPECT_FALSE(Same({"SMEMBERS", "k"}, kAb, "*2\r\n+a\r\n+a\r\n"));
  EXPECT_FALSE(Same({"HGETALL", "k"}, kAb, kBa));
  EXPECT_TRUE(Same({"SORT", "k", "BY", "nosort"}, kAb, kBa));
  EXPECT_TRUE(Same({"SORT_RO", "k", "BY", "", "LIMIT", "0", "2"}, kAb, "*2\r\n+c\r\n+a\r\n"));
  EXPECT_FALSE(Same({"SORT", "k", "BY", "nosort"}, kAb, "*2\r\n+c\r\n+a\r\n"));
  EXPECT_FALSE(Same({"SORT", "k", "BY", "w*"}, kAb, kBa));
  EXPECT_FALSE(Same({"SORT", "k", "ALPHA"}, kAb, kBa));
  EXPECT_TRUE(Same({"SORT", "k", "BY", "w*", "ALPHA"}, kAb, kBa));
  EXPECT_TRUE(
      Same({"HGETALL", "k"}, "*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n", "*4\r\n+b\r\n+2\r\n+a\r\n+1\r\n"));
}

TEST(ComparerTest, ComparesWhatDumpsHold) {
  const std::string longer(100, 'x');  // so that the set is a table
  const auto dump = [](const std::vector<std::string>& members) {
    Keyspace keyspace(1);
    Set& set = keyspace.Overwrite(0, "k", ObjectType::kSet).set();
    for (const std::string& member : members) set.Add(member);
    std::string payload;
    AppendDumpPayload(*keyspace.Peek(0, "k"), Profile::kRedis70, /*compress=*/true, &payload);
    return "$" + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  };
  const std::string one = dump({longer, "a"});
  std::string other = dump({"a", longer});
  ASSERT_NE(one, other);
  EXPECT_TRUE(Same({"DUMP", "k"}, one, other));
  EXPECT_FALSE(Same({"DUMP", "k"}, one, dump({"b", longer})));
  other[other.size() - 3] ^= 1;  // its checksum
  EXPECT_FALSE(Same({"DUMP", "k"}, one, other));
}

TEST(ComparerTest, ComparesWhatDebugSaysOfTheValueAlone) {
  constexpr std::string_view kCore =
      "+Value at:0x0 refcount:1 encoding:raw serializedlength:5 lru:0 lru_seconds_idle:0\r\n";
  EXPECT_TRUE(Same({"DEBUG", "OBJECT", "k"}, kCore,
                   "+Value at:0x7f00 refcount:1 encoding:raw serializedlength:5 lru:9 "
                   "lru_seconds_idle:3\r\n"));
  EXPECT_FALSE(Same({"DEBUG", "OBJECT", "k"}, kCore,
                    "+Value at:0x7f00 refcount:1 encoding:raw serializedlength:6 lru:9 "
                    "lru_seconds_idle:3\r\n"));
  EXPECT_FALSE(Same({"DEBUG", "DIGEST"}, "+00\r\n", "+01\r\n"));
}

TEST(ComparerTest, TellsWhatDiffers) {
  std::string kind;
  EXPECT_FALSE(Same({"GET", "k"}, "$-1\r\n", "*-1\r\n", &kind));
  EXPECT_EQ(kind, "null array where the core has null");
  EXPECT_FALSE(Same({"GET", "k"}, "-ERR a\r\n", "-ERR b\r\n", &kind));
  EXPECT_EQ(kind, "error text");
  EXPECT_FALSE(Same({"GET", "k"}, "-ERR a\r\n", "-WRONGTYPE a\r\n", &kind));
  EXPECT_EQ(kind, "error WRONGTYPE where the core has error ERR");
  EXPECT_FALSE(Same({"ZSCORE", "k", "a"}, ",3.10\r\n", ",3.1\r\n", &kind));
  EXPECT_EQ(kind, "value of double");
}

// The cause of a difference, of a server with texts of its own; "" if it is the command's.
std::string CauseOf(std::vector<std::string> args, std::string_view core, std::string_view server) {
  ComparerCounts counts;
  Comparer comparer(&counts);
  comparer.set_groups_errors(true);
  Mismatch mismatch;
  EXPECT_FALSE(Compare(std::move(args), core, server, &comparer, &mismatch));
  return mismatch.cause;
}

TEST(ComparerTest, AnErrorThatRepeatsTheRequestIsOneCause) {
  EXPECT_EQ(CauseOf({"EXPIRE", "k", "1", "soon"}, "-ERR Unsupported option soon\r\n", "-no\r\n"),
            "error \"no\" where the core has \"ERR Unsupported option ?\"");
  EXPECT_EQ(CauseOf({"EXPIRE", "k", "1", ""}, "-ERR Unsupported option \r\n", "-no\r\n"),
            "error \"no\" where the core has \"ERR Unsupported option ?\"");
  EXPECT_EQ(CauseOf({"GET", "k", "l"}, "-ERR x\r\n", "-unknown 'GET' with 'k' 'l' \r\n"),
            "error \"unknown '?' with '?' \" where the core has \"ERR x\"");
}

TEST(ComparerTest, AnotherKindOfNullIsOneCause) {
  constexpr std::string_view kKinds = "null array where the core has null";
  EXPECT_EQ(CauseOf({"GET", "k"}, "$-1\r\n", "*-1\r\n"), kKinds);
  EXPECT_EQ(CauseOf({"MGET", "k", "l"}, "*2\r\n$1\r\na\r\n$-1\r\n", "*2\r\n$1\r\na\r\n*-1\r\n"),
            kKinds);
  EXPECT_EQ(CauseOf({"MGET", "k", "l"}, "*2\r\n$1\r\na\r\n$-1\r\n", "*2\r\n$1\r\nb\r\n*-1\r\n"),
            "");
  EXPECT_EQ(CauseOf({"GET", "k"}, "$-1\r\n", "$0\r\n\r\n"), "");
}

TEST(ComparerTest, ComparesTimesWithinATolerance) {
  EXPECT_TRUE(Same({"TTL", "k"}, ":300000\r\n", ":299999\r\n"));
  // Unless this test is stopped for a minute in between.
  EXPECT_FALSE(Same({"TTL", "k"}, ":300000\r\n", ":299940\r\n"));
  EXPECT_FALSE(Same({"TTL", "k"}, ":300000\r\n", ":300060\r\n"));
  EXPECT_TRUE(Same({"PTTL", "k"}, ":300000000\r\n", ":299999100\r\n"));
  EXPECT_FALSE(Same({"PTTL", "k"}, ":300000000\r\n", ":299940000\r\n"));
  EXPECT_FALSE(Same({"TTL", "k"}, ":1\r\n", ":-1\r\n"));
}

}  // namespace
}  // namespace resprobe::live
