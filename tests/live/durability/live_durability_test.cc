// Cases of the harness durability on real servers, on a simulated disk.

#include "live/durability/live_durability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>

#include "engine/ops_text.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;

struct Subject {
  const char* variable;
  Profile profile;
};

// The name of the test's instance.
std::string NameOf(const Subject& subject) {
  return subject.profile == Profile::kRedis70 ? "redis" : "valkey";
}
void PrintTo(const Subject& subject, std::ostream* out) { *out << NameOf(subject); }

class LiveDurabilityTest : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam().variable);
    if (program == nullptr) GTEST_SKIP() << GetParam().variable << " is not set";
    options_.program = program;
  }

  void Read(std::string_view text) { ASSERT_EQ(Parse(text, &arena_, &case_), ""); }

  DurableServerOptions options_;
  Arena arena_;
  Case<DurabilityWorld> case_;
};

TEST_P(LiveDurabilityTest, GeneratedCasesHoldTheSameWayTwice) {
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  uint64_t crashes = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    arena_.Reset();
    Generate(seed, &arena_, &case_);
    uint64_t hash = 0;
    for (int round = 0; round < 2; ++round) {
      RunContext run(Trace::Mode::kHash);
      EXPECT_TRUE(world.Run(case_.config, case_.ops, run))
          << "seed " << seed << ": " << world.unsupported() << run.violation().invariant
          << "\nexpected " << run.violation().expected << "\nseen " << run.violation().seen;
      if (round == 1) EXPECT_EQ(run.trace().hash(), hash) << "seed " << seed;
      hash = run.trace().hash();
    }
    crashes += world.counts().crashes;
  }
  EXPECT_GT(crashes, 30);
}

constexpr std::string_view kTwoWrites = R"(ops durability
config policy=always valkey=no level=prefix sectors=no aof_base=no timestamps=no
call client=0 SET a 1
call client=0 SET b 2
advance ms=100
)";

TEST_P(LiveDurabilityTest, EachCallToTheDiskIsCrashed) {
  Read(kTwoWrites);
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  std::string calls;
  world.set_probes({.wants = [&](const DiskCall& call, SandboxRole) {
    calls += std::string(kDiskOpNames[static_cast<size_t>(call.op)]) + " ";
    return true;
  }});
  RunContext run;
  ASSERT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
  EXPECT_FALSE(world.probes().failure());
  EXPECT_THAT(calls, HasSubstr("write fsync write fsync"));
  EXPECT_GT(world.counts().probes, 8);
}

TEST_P(LiveDurabilityTest, AServerWithoutFsyncLosesWhatItAcknowledged) {
  Read(kTwoWrites);
  options_.ignores_fsync = true;
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  // At the end of the case the power fails.
  RunContext run;
  EXPECT_FALSE(world.Run(case_.config, case_.ops, run));
  EXPECT_EQ(run.violation().invariant, "acknowledged_kept");
  EXPECT_THAT(run.violation().expected, HasSubstr("acknowledged under appendfsync always"));
  EXPECT_THAT(run.violation().seen, HasSubstr("lost"));

  world.set_probes({.wants = [](const DiskCall&, SandboxRole) { return true; }, .kill = false});
  RunContext probed;
  world.Run(case_.config, case_.ops, probed);
  ASSERT_TRUE(world.probes().failure());
  EXPECT_EQ(world.probes().failure()->kind, CrashKind::kMachine);
  // It replays as a case of its own.
  const Case<DurabilityWorld> crashed =
      CrashedCase(case_, *world.probes().failure(), CrashLevel::kPrefix, &arena_);
  world.set_probes({});
  RunContext replayed;
  EXPECT_FALSE(world.Run(crashed.config, crashed.ops, replayed));
  EXPECT_EQ(replayed.violation().invariant, "acknowledged_kept");
}

TEST_P(LiveDurabilityTest, AFullDiskIsToldAndHeals) {
  Read(R"(ops durability
config policy=everysec valkey=no level=prefix sectors=no aof_base=no timestamps=no
advance ms=1
fault kind=no_space after=0 times=0 variant=0
call client=0 SET a 1
advance ms=1000
call client=0 SET b 2
heal
advance ms=2000
call client=0 SET c 3
)");
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  RunContext run(Trace::Mode::kText);
  EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
  EXPECT_THAT(run.trace().text(), HasSubstr("ENOSPC"));
  EXPECT_THAT(run.trace().text(), HasSubstr("MISCONF Errors writing to the AOF file"));
  EXPECT_GT(world.counts().fired[static_cast<size_t>(DiskFaultKind::kNoSpace)], 0);
}

// At level `weak`, too, where much is pending: what an fsync has covered is no excuse.
TEST_P(LiveDurabilityTest, WithoutFsyncItIsFoundAtLevelWeak) {
  Read(kTwoWrites);
  case_.config.level = CrashLevel::kWeak;
  for (const bool broken : {false, true}) {
    options_.ignores_fsync = broken;
    PreparedServers prepared(options_);
    LiveDurability world(&prepared, GetParam().profile);
    world.set_probes(
        {.wants = [](const DiskCall&, SandboxRole) { return true; }, .kill = false, .states = 40});
    RunContext run;
    world.Run(case_.config, case_.ops, run);
    EXPECT_EQ(world.probes().failure().has_value(), broken)
        << (world.probes().failure() ? world.probes().failure()->violation.seen : "");
  }
}

TEST_P(LiveDurabilityTest, ARequestThatIsCutChangesNothing) {
  Read(R"(ops durability
config policy=always valkey=no level=prefix sectors=no aof_base=no timestamps=no
drop client=0 cut=in-request at=128 SET a 1
drop client=0 cut=in-request at=255 SET a 1
call client=1 GET a
drop client=0 cut=before-reply at=0 SET b 1
drop client=1 cut=in-reply at=0 SET c 1
call client=1 MGET b c
)");
  {
    PreparedServers prepared(options_);
    LiveDurability world(&prepared, GetParam().profile);
    RunContext run(Trace::Mode::kText);
    EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
    EXPECT_THAT(run.trace().text(), HasSubstr("<- \"(nil)\""));
    EXPECT_THAT(run.trace().text(), HasSubstr("<- \"1\\n1\""));
    EXPECT_EQ(world.counts().fired[kRequestCut], 3U);
    EXPECT_EQ(world.counts().fired[kReplyCut], 1U);
    EXPECT_EQ(world.counts().adopted, 0U);
  }
  options_.runs_cut_requests = true;
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  RunContext run;
  EXPECT_FALSE(world.Run(case_.config, case_.ops, run));
  EXPECT_EQ(run.violation().invariant, "cut_request");
}

TEST_P(LiveDurabilityTest, WithoutMemoryWritesAreRefusedOrKeysEvicted) {
  Read(R"(ops durability
config policy=always valkey=no level=prefix sectors=no aof_base=no timestamps=no
call client=0 SET a 1
memory policy=noeviction room=0
call client=0 SET b 2
call client=0 MULTI
call client=0 RPUSH l 1
call client=0 EXEC
memory policy=enough room=0
call client=0 SET c 3
memory policy=allkeys-random room=0
call client=0 SET d 4
kill after=0
call client=0 SET e 5
)");
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  RunContext run(Trace::Mode::kText);
  EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
  EXPECT_THAT(run.trace().text(), HasSubstr("-OOM command not allowed"));
  EXPECT_GT(world.counts().fired[kMemoryRefusal], 1U);
  EXPECT_GT(world.counts().fired[kEviction], 0U);
  EXPECT_GT(world.counts().all.refused_writes, 1U);
}

TEST_P(LiveDurabilityTest, TheFirstStartMeetsFaultsAndCrashes) {
  Read(R"(ops durability
config policy=always valkey=no level=prefix sectors=no aof_base=no timestamps=no
fault kind=rename_error after=0 times=1 variant=0
kill after=1000005
call client=0 SET a 1
)");
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  std::string booting;
  world.set_probes({.wants = [&](const DiskCall& call, SandboxRole) {
    if (world.booting() && world.op() == 2) {
      booting += std::string(kDiskOpNames[static_cast<size_t>(call.op)]) + " ";
    }
    return false;
  }});
  RunContext run(Trace::Mode::kText);
  EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
  EXPECT_THAT(booting, HasSubstr("mkdir"));
  EXPECT_GT(world.counts().fired[static_cast<size_t>(DiskFaultKind::kRenameError)], 0U);
}

// Found on redis and valkey: neither loses what it owes.
constexpr std::string_view kRefusedUnderAlways = R"(ops durability
config policy=everysec valkey=no level=weak sectors=no aof_base=no timestamps=no
advance ms=1456
fault kind=interrupted after=1 times=0 variant=0
call client=0 SET a ""
policy change=always
call client=0 DECR ""
power-loss after=0
)";
constexpr std::string_view kLongTurn = R"(ops durability
config policy=everysec valkey=no level=prefix sectors=no aof_base=no timestamps=no
fault kind=slow_sync after=0 times=0 variant=0
save kind=rewrite
call client=0 SET k a
call client=0 SET k b
kill after=9
advance ms=1100
)";
// A rewrite whose child SHUTDOWN kills has not been made.
constexpr std::string_view kKilledRewrite = R"(ops durability
config policy=everysec valkey=no level=prefix sectors=no aof_base=no timestamps=no
policy change=save-often
call client=0 hincrbyfloat h f 1
save kind=rewrite
fault kind=no_space after=0 times=0 variant=0
call client=0 FLUSHDB
save kind=shutdown
kill after=0
)";

TEST_P(LiveDurabilityTest, WhatIsNotOwedIsNotMissed) {
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  for (const std::string_view text : {kRefusedUnderAlways, kLongTurn, kKilledRewrite}) {
    Read(text);
    RunContext run;
    EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << text << run.violation().expected << "\n"
                                                         << run.violation().seen;
  }
}

TEST_P(LiveDurabilityTest, ACrashInAWriteLeavesAPartOfIt) {
  Read(R"(ops durability
config policy=always valkey=no level=prefix sectors=no aof_base=no timestamps=no
call client=0 SET a 1
crash-in-write after=0 part=128 power=no
call client=0 SET b 2
)");
  PreparedServers prepared(options_);
  LiveDurability world(&prepared, GetParam().profile);
  RunContext run(Trace::Mode::kText);
  EXPECT_TRUE(world.Run(case_.config, case_.ops, run)) << run.violation().seen;
  EXPECT_EQ(world.counts().fired[kCrashInWrite], 1U);
  EXPECT_EQ(world.counts().after[kCrashInWrite].outcomes[0], world.counts().crashes);
  EXPECT_THAT(run.trace().text(), HasSubstr("recovered version 1 of 2"));
}

INSTANTIATE_TEST_SUITE_P(All, LiveDurabilityTest,
                         testing::Values(Subject{"RESPROBE_REDIS_SERVER", Profile::kRedis70},
                                         Subject{"RESPROBE_VALKEY_SERVER", Profile::kValkey80}),
                         [](const testing::TestParamInfo<Subject>& info) {
                           return NameOf(info.param);
                         });

}  // namespace
}  // namespace resprobe::live
