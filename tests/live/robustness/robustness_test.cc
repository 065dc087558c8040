#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <set>

#include "engine/ops_text.h"
#include "engine/shrink.h"
#include "live/oracle/oracle.h"
#include "live/robustness/robustness_generate.h"
#include "live/robustness/robustness_rules.h"
#include "live/robustness/robustness_runner.h"

namespace resprobe::live {
namespace {

using CommandCase = Case<CommandWorld>;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Fault::Kind;

CommandCase ParseCase(std::string_view ops, Arena* arena) {
  CommandCase c;
  EXPECT_EQ(Parse("ops command_handler\n" + std::string(ops), arena, &c), "");
  return c;
}

// A server with injected faults (faulty_server.cc), or a real one.
class RobustnessRunnerTest : public testing::Test {
 protected:
  // Each fault is "COMMAND=KIND".
  void Start(std::vector<std::string> faults) {
    faults.emplace_back("x.sound=sound");
    TargetOptions options{.start = RESPROBE_FAULTY_SERVER};
    for (const std::string& fault : faults) {
      options.arguments.insert(options.arguments.end(), {"--fault", fault});
    }
    Open(options);
  }
  void Open(const TargetOptions& options) {
    std::string error;
    target_ = LiveServer::Open(options, &error);
    ASSERT_NE(target_, nullptr) << error;
    Profile profile = Profile::kRedis70;
    target_->ProfileOf(&profile);
    const std::optional<DocTable> table = AskForDocs(*target_, profile, &error);
    ASSERT_TRUE(table) << error;
    table_ = *table;
    caller_ = std::make_unique<RobustnessRunner>(
        target_.get(), &table_, RobustnessOptions{.hang_ms = 1000, .memory_mb = 150});
  }
  std::optional<Fault> Run(const CommandCase& c) {
    std::string error;
    if (caller_->stale()) EXPECT_TRUE(caller_->Prepare(false, &error)) << error;
    return caller_->Run(c);
  }
  std::optional<Fault> Run(std::string_view ops) {
    Arena arena;
    return Run(ParseCase(ops, &arena));
  }

  std::unique_ptr<LiveServer> target_;
  DocTable table_;
  std::unique_ptr<RobustnessRunner> caller_;
};

struct Planted {
  const char* fault;
  Kind kind;
  const char* signature;
};
void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.fault; }

class PlantedTest : public RobustnessRunnerTest, public testing::WithParamInterface<Planted> {};
INSTANTIATE_TEST_SUITE_P(
    Faults, PlantedTest,
    testing::Values(
        Planted{"crash", Kind::kEnded, "server has ended: signal 11: faultyCommand|call: x.fault"},
        Planted{"exit", Kind::kEnded, "server has ended: exit code 3: x.fault"},
        Planted{"hang", Kind::kHangs, "server hangs: x.fault"},
        Planted{"report", Kind::kReport, "crash report: signal 11: faultyCommand|call: x.fault"},
        Planted{"memory", Kind::kMemory, "memory: x.fault"},
        Planted{"garbage", Kind::kNoResp, "no RESP: "},
        Planted{"silent", Kind::kNoReply, "no reply: x.fault"},
        Planted{"twice", Kind::kExtraReply, "a reply too many: x.fault"},
        Planted{"close", Kind::kClosed, "connection closed: x.fault"}),
    [](const auto& i) { return std::string(i.param.fault); });

TEST_P(PlantedTest, IsFoundAndShrunkToOneCall) {
  Start({"x.fault=" + std::string(GetParam().fault)});
  // Only faults that show as silence need a short limit. The others need a long one: a slow server
  // on a busy machine would look silent.
  const bool is_silent = GetParam().kind == Kind::kHangs || GetParam().kind == Kind::kNoReply;
  caller_->set_hang_ms(is_silent ? 1000 : 60'000);
  Arena arena;
  CommandCase c = ParseCase(
      "config clients=1 audit=yes\ncall client=0 SET k 1\ncall client=1 X.SOUND k\n"
      "call client=1 GET k\ncall client=0 x.fault a b c\ncall client=0 GET k\n",
      &arena);
  const std::optional<Fault> found = Run(c);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, GetParam().kind) << found->Signature();
  EXPECT_THAT(found->Signature(), testing::StartsWith(GetParam().signature));
  EXPECT_EQ(found->op, 3u);
  // In a batch it is the same kind of fault.
  c.config.audit = false;
  const std::optional<Fault> together = Run(c);
  ASSERT_TRUE(together);
  EXPECT_EQ(together->kind, GetParam().kind) << together->Signature();

  if (is_silent) caller_->set_hang_ms(400);
  c.config.audit = true;
  Shrink<CommandWorld>(
      [&](const CommandCase& candidate) {
        const std::optional<Fault> again = Run(candidate);
        return again && again->Key() == found->Key();
      },
      &arena, &c);
  EXPECT_EQ(c.ops.size(), 1u) << Print(c);
  EXPECT_THAT(Print(c), HasSubstr("x.fault")) << Print(c);
  // The next case runs.
  EXPECT_FALSE(Run("call client=0 X.SOUND k\ncall client=0 GET k\n"));
}

TEST_F(RobustnessRunnerTest, WaitsForAReplyThatComesAfterThoseToOthers) {
  Start({"x.fault=late"});
  caller_->set_hang_ms(60'000);
  EXPECT_FALSE(Run("call client=0 SET k 1\ncall client=0 x.fault k\ncall client=0 GET k\n"));
}

TEST_F(RobustnessRunnerTest, TellsWhoseReplyIsMissingInAPipeline) {
  Start({"x.fault=silent"});
  const auto fault =
      Run("call client=0 SET k 1\ncall client=0 x.fault k\ncall client=0 GET k\n"
          "call client=0 GET k\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->Signature(), "no reply: x.fault");
  EXPECT_EQ(fault->op, 1u);
  EXPECT_THAT(fault->session,
              ElementsAre("0> CLIENT ID", "0> SET k 1", "0> x.fault k", "0> GET k", "0> GET k"));
}

TEST_F(RobustnessRunnerTest, TellsWhoseReplyIsMissingInATransaction) {
  Start({"x.fault=lost"});
  for (const std::string config : {"", "config audit=yes\n"}) {
    const auto fault =
        Run(config + "call client=0 MULTI\ncall client=0 PING\ncall client=0 x.fault k\n" +
            "call client=0 GET k\ncall client=0 EXEC\ncall client=0 WATCH k\n");
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->Signature(), "no reply: x.fault") << config;
    EXPECT_EQ(fault->op, 2u) << config;
  }
  EXPECT_FALSE(
      Run("call client=0 MULTI\ncall client=0 PING\ncall client=0 EXEC\n"
          "call client=0 WATCH k\n"));
}

TEST_F(RobustnessRunnerTest, LetsClientsWaitCloseAndSubscribe) {
  Start({});
  EXPECT_FALSE(
      Run("config clients=1 protocol3=2\ncall client=0 SUBSCRIBE a b\n"
          "call client=1 PUBLISH a hello\ncall client=1 SUBSCRIBE c\n"
          "call client=0 PUBLISH c hello\ncall client=0 CLIENT REPLY OFF\n"
          "call client=0 PING\ncall client=0 CLIENT KILL ID 2\ncall client=1 QUIT\n"
          "raw client=0 \"*nonsense\\r\\n\"\ndeliver client=0\ncall client=0 PING\n"));
  EXPECT_EQ(caller_->counts().cases, 1u);
}

TEST_F(RobustnessRunnerTest, NeverSendsWhatIsDenied) {
  Start({"shutdown=exit", "migrate=exit"});
  EXPECT_FALSE(
      Run("call client=0 SHUTDOWN\ncall client=0 debug segfault\n"
          "raw client=0 \"shutdown NOSAVE\\r\\n\"\ndeliver client=0\n"
          "call client=0 MULTI\nqueue client=0 sHuTdOwN\ndeliver client=0 bytes=3\n"));
  EXPECT_EQ(caller_->counts().left_out.at("shutdown: it ends the server"), 3u);
  // Unless `dangerous` permits it.
  caller_ = std::make_unique<RobustnessRunner>(target_.get(), &table_,
                                               RobustnessOptions{.dangerous = true});
  const auto fault = Run("call client=0 SHUTDOWN\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->Signature(), "server has ended: exit code 3: shutdown");
}

// A connection that receives every request of others always has more output.
TEST_F(RobustnessRunnerTest, HearsAnEchoOfItsOwnFencesToAnEnd) {
  Start({"monitor=echo"});
  caller_ = std::make_unique<RobustnessRunner>(target_.get(), &table_,
                                               RobustnessOptions{.dangerous = true});
  EXPECT_FALSE(
      Run("config clients=1\ncall client=0 MONITOR\ncall client=0 PING\n"
          "call client=1 SET k 1\ncall client=0 PING\n"));
  EXPECT_FALSE(Run("call client=0 MONITOR\ncall client=0 PING\n"));
}

TEST_F(RobustnessRunnerTest, EndsWhenItIsToStop) {
  Start({"x.fault=hang"});
  int looks = 0;
  // True only after the request has been sent, while the runner waits for the server.
  const auto stop = [&] { return caller_->counts().writes > 0 && ++looks > 20; };
  caller_ = std::make_unique<RobustnessRunner>(
      target_.get(), &table_, RobustnessOptions{.hang_ms = 3'600'000, .stop = stop});
  EXPECT_FALSE(Run("call client=0 x.fault\n"));
  EXPECT_TRUE(caller_->stale());
}

TEST_F(RobustnessRunnerTest, FindsAPlantedFaultFromSeeds) {
  Start({"x.fault=exit", "x.a=sound", "x.b=sound", "x.c=sound"});
  const CallGenerator calls(&table_, {});
  EXPECT_EQ(calls.callable().size(), 5u);
  for (uint64_t seed = 1;; ++seed) {
    ASSERT_LT(seed, 50u);
    Arena arena;
    CommandCase c;
    calls.Generate(seed, &arena, &c);
    if (const auto fault = Run(c)) {
      EXPECT_THAT(fault->Signature(), HasSubstr("exit code 3"));
      return;
    }
  }
}

// The comparing oracle handles such a server in the same way.
class FaultyOracleTest : public RobustnessRunnerTest {
 protected:
  std::optional<Difference> Compare(std::string_view ops) {
    Arena arena;
    if (oracle_ == nullptr) {
      oracle_ = std::make_unique<Oracle>(target_.get(), OracleOptions{.hang_ms = 2000});
      std::string error;
      EXPECT_TRUE(oracle_->Prepare(&error)) << error;
    }
    return oracle_->Run(ParseCase(ops, &arena));
  }
  std::unique_ptr<Oracle> oracle_;
};

TEST_F(FaultyOracleTest, TellsWhichRequestItWas) {
  Start({"incr=hang"});
  EXPECT_FALSE(Compare("call client=0 PING\n"));
  oracle_->set_one_by_one(true);
  const auto difference =
      Compare("call client=0 SET k 1\ncall client=0 INCR k\ncall client=0 GET k\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "incr: server hangs");
  EXPECT_EQ(difference->op, 1u);
}

TEST_F(FaultyOracleTest, FindsTheEndOfAServer) {
  Start({"incr=crash"});
  const auto difference = Compare("call client=0 SET k 1\ncall client=0 INCR k\n");
  ASSERT_TRUE(difference);
  EXPECT_TRUE(difference->fatal);
  EXPECT_EQ(difference->kind, "server has ended: signal 11: faultyCommand|call");
  std::string error;
  ASSERT_TRUE(oracle_->Prepare(&error)) << error;
  EXPECT_FALSE(Compare("call client=0 SET k 1\ncall client=0 GET k\n"));
}

// The server has ended, or has logged its report, some cases before the oracle notices.
TEST_F(FaultyOracleTest, SuspectsAllCasesUnderWay) {
  for (const char* fault : {"incr=crash", "incr=report"}) {
    Start({fault});
    oracle_.reset();
    EXPECT_FALSE(Compare("call client=0 PING\n"));
    Arena arena;
    const auto before = ParseCase("call client=0 SET k 1\n", &arena);
    EXPECT_FALSE(oracle_->RunAhead(before));
    EXPECT_FALSE(oracle_->RunAhead(ParseCase("call client=0 INCR k\n", &arena)));
    EXPECT_FALSE(oracle_->RunAhead(before));
    const auto difference = oracle_->CatchUp();
    ASSERT_TRUE(difference) << fault;
    EXPECT_TRUE(difference->fatal);
    EXPECT_GE(difference->suspects, 2u) << fault;
    EXPECT_LE(difference->suspects, 3u) << fault;
  }
}

TEST_F(FaultyOracleTest, FindsAServerThatHangs) {
  Start({"incr=hang"});
  const auto difference = Compare("call client=0 SET k 1\ncall client=0 INCR k\n");
  ASSERT_TRUE(difference);
  EXPECT_TRUE(difference->fatal);
  EXPECT_EQ(difference->kind, "server hangs");
  std::string error;
  ASSERT_TRUE(oracle_->Prepare(&error)) << error;
  EXPECT_FALSE(Compare("call client=0 SET k 1\ncall client=0 GET k\n"));
}

TEST_F(FaultyOracleTest, FindsACrashReportOfAServerThatGoesOn) {
  Start({"incr=report"});
  const auto logged = Compare("call client=0 SET k 1\ncall client=0 INCR k\n");
  ASSERT_TRUE(logged);
  EXPECT_TRUE(logged->fatal);
  EXPECT_EQ(logged->kind, "crash report: signal 11: faultyCommand|call");
}

class RealRobustnessRunnerTest : public RobustnessRunnerTest,
                                 public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Servers, RealRobustnessRunnerTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(RealRobustnessRunnerTest, BearsCallsOfWhatItDocuments) {
  const char* program = std::getenv(GetParam());
  if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  Open({.start = program, .arguments = {"--hz", "500"}});
  const DocCommand* xadd = table_.Find("xadd");
  ASSERT_NE(xadd, nullptr);
  EXPECT_EQ(xadd->group, "stream");
  EXPECT_FALSE(xadd->modelled);
  EXPECT_TRUE(table_.Find("get")->modelled);
  EXPECT_TRUE(table_.Find("eval")->counted_keys);
  EXPECT_TRUE(table_.Find("xreadgroup")->blocking);
  EXPECT_THAT(table_.Find("xgroup|create")->words, ElementsAre("XGROUP", "CREATE"));
  EXPECT_EQ(table_.Find("xgroup"), nullptr);  // a bare container

  const CallGenerator calls(&table_, {.groups = {"stream", "geo", "hyperloglog"}});
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Arena arena;
    CommandCase c;
    calls.Generate(seed, &arena, &c);
    // Leave out commands that the core has, too, which the oracle covers, and known issues:
    // valkey's AUTH (docs/findings) and SUBSCRIBE inside EXEC.
    std::erase_if(c.ops, [&](const CommandWorld::Op& op) {
      const auto* call = std::get_if<CommandWorld::Call>(&op);
      const Command* known = call == nullptr ? nullptr : FindCommand(call->args.words[0]);
      return known != nullptr && (known->spec->group == CommandGroup::kConnection ||
                                  known->spec->group == CommandGroup::kPubSub);
    });
    const std::optional<Fault> fault = Run(c);
    ASSERT_FALSE(fault) << "seed " << seed << ": " << fault->Signature() << "\n" << fault->log;
  }
  std::set<std::string> accepted;
  for (const auto& [name, count] : caller_->counts().commands) {
    if (count.accepted > 0) accepted.insert(name);
  }
  EXPECT_THAT(accepted, testing::IsSupersetOf({"xadd", "xgroup|create", "pfadd", "geosearch"}));
}

TEST_P(RealRobustnessRunnerTest, ReadsTheCrashReport) {
  const char* program = std::getenv(GetParam());
  if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  Open({.start = program});
  caller_ = std::make_unique<RobustnessRunner>(target_.get(), &table_,
                                               RobustnessOptions{.dangerous = true});
  auto fault = Run("call client=0 DEBUG SEGFAULT\n");
  ASSERT_TRUE(fault);
  EXPECT_THAT(fault->Signature(), HasSubstr("signal 11: debugCommand|call"));
  EXPECT_THAT(fault->Signature(), testing::EndsWith(": debug"));
  EXPECT_THAT(fault->log, HasSubstr("BUG REPORT START"));
  fault = Run("call client=0 PING\ncall client=0 DEBUG ASSERT\n");
  ASSERT_TRUE(fault);
  EXPECT_THAT(fault->Signature(), HasSubstr("assertion debug.c:"));
  fault = Run("call client=0 DEBUG PANIC\n");
  ASSERT_TRUE(fault);
  EXPECT_THAT(fault->Signature(), HasSubstr("panic debug.c:"));
  fault = Run("call client=0 DEBUG OOM\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->Signature(), "memory: debug");
  caller_->set_hang_ms(200);
  fault = Run("call client=0 DEBUG SLEEP 20\n");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->Signature(), "server hangs: debug");
  EXPECT_THAT(target_->Log(1 << 20), HasSubstr("debugCommand"));  // in its stack
  EXPECT_FALSE(Run("call client=0 PING\n"));
}

TEST(CallGeneratorTest, MakesTheSameOfASeed) {
  DocTable table;
  DocCommand& command = table.commands.emplace_back();
  command.words = {"X.CALL"};
  command.full_name = "x.call";
  command.group = "x";
  command.least_words = 3;
  const CallGenerator calls(&table, {});
  for (uint64_t seed = 1; seed < 20; ++seed) {
    Arena arena;
    CommandCase a;
    CommandCase b;
    calls.Generate(seed, &arena, &a);
    calls.Generate(seed, &arena, &b);
    EXPECT_EQ(Print(a), Print(b));
    EXPECT_THAT(Print(a), testing::Not(IsEmpty()));
  }
}

TEST(RulesTest, DeniesWhatEndsOrLeavesTheServer) {
  const auto denied = [](std::vector<std::string> args, bool own = true) {
    return !WhyDenied(args, own).empty();
  };
  EXPECT_TRUE(denied({"SHUTDOWN", "NOSAVE"}));
  EXPECT_TRUE(denied({"Debug", "SEGFAULT"}));
  EXPECT_TRUE(denied({"CONFIG", "SET", "maxmemory", "1", "DIR", "/tmp"}));
  EXPECT_FALSE(denied({"CONFIG", "SET", "maxmemory", "1"}));
  EXPECT_FALSE(denied({"CONFIG", "GET", "dir"}));
  EXPECT_TRUE(denied({"ACL", "SETUSER", "default", "off"}));
  EXPECT_FALSE(denied({"ACL", "SETUSER", "alice", "off"}));
  EXPECT_TRUE(denied({"EVAL", "return redis.call('MIGRATE', '10.0.0.1')", "0"}));
  EXPECT_TRUE(denied({"FCALL", "f0", "0", "migrate", "10.0.0.1"}));
  EXPECT_TRUE(denied({"SRANDMEMBER", "k", "-9223372036854775807"}));
  EXPECT_TRUE(
      denied({"EVAL", "return redis.call(unpack(ARGV))", "0", "HRANDFIELD", "k", "-99999999"}));
  EXPECT_FALSE(denied({"SRANDMEMBER", "k", "-9"}));
  EXPECT_FALSE(denied({"BGSAVE"}));
  EXPECT_TRUE(denied({"BGSAVE"}, false));
  EXPECT_TRUE(denied({"CONFIG", "SET", "save", "1 1"}, false));
}

TEST(RulesTest, BoundsPauses) {
  std::vector<std::string> args = {"CLIENT", "PAUSE", "100000", "ALL"};
  EXPECT_TRUE(BoundTimes(args));
  EXPECT_THAT(args, ElementsAre("CLIENT", "PAUSE", "5", "ALL"));
  args = {"CLIENT", "PAUSE", "1e9"};
  EXPECT_FALSE(BoundTimes(args));
}

TEST(RulesTest, NamesClientsByNumber) {
  std::vector<std::string> unblock = {"CLIENT", "UNBLOCK", "2"};
  EXPECT_EQ(ClientNumber(unblock), &unblock[2]);
  std::vector<std::string> kill = {"client", "kill", "SKIPME", "yes", "id", "4"};
  EXPECT_EQ(ClientNumber(kill), &kill[5]);
  std::vector<std::string> other = {"CLIENT", "UNBLOCK", "17"};
  EXPECT_EQ(ClientNumber(other), nullptr);
}

}  // namespace
}  // namespace resprobe::live
