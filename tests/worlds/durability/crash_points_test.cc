#include "worlds/durability/crash_points.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/persistence/forwarding_files.h"
#include "engine/op_source.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe {
namespace {

// Reports every fsync of a file as done, and makes none.
class NoFsync : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  int Sync(int) override { return 0; }
  int SyncUpTo(int, uint64_t) override { return 0; }
};

constexpr std::string_view kFirst[] = {"SET", "a", "1"};
constexpr std::string_view kSecond[] = {"SET", "b", "1"};

std::vector<DurabilityWorld::Op> Ops() {
  return {DurabilityWorld::Call{.client = {}, .args = {kFirst}},
          DurabilityWorld::Call{.client = {}, .args = {kSecond}},
          DurabilityWorld::Save{.kind = SaveKind::kRewrite}, DurabilityWorld::Child{.calls = {}}};
}

TEST(CrashPointsTest, ASoundServerIsCrashedEverywhere) {
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak}) {
    CrashPoints points;
    RunContext run;
    ASSERT_TRUE(points.Run({}, Ops(), {.level = level}, run)) << run.violation().seen;
    EXPECT_FALSE(points.failure());
    EXPECT_EQ(points.counts().failed, 0U);
    EXPECT_GT(points.counts().points, 20U);
    EXPECT_GT(points.counts().run, 20U);
    EXPECT_GT(points.counts().all, 0U);
    EXPECT_GT(points.counts().prefix, 0U);
  }
}

// Also the process that loads what a kill has left.
TEST(CrashPointsTest, AProcessThatLoadsIsCrashedToo) {
  std::vector<DurabilityWorld::Op> ops = Ops();
  ops.emplace_back(DurabilityWorld::Kill{.after = {}});
  CrashPoints points;
  RunContext run;
  ASSERT_TRUE(points.Run({}, ops, {.level = CrashLevel::kReordered}, run)) << run.violation().seen;
  EXPECT_EQ(points.counts().failed, 0U);
  // Three processes load: after the kill, and two at the end of each run.
  EXPECT_GT(points.counts().starting, 3 * 5U);
}

// The op by which a world crashes its next process there.
TEST(CrashPointsTest, ACrashAtAStartIsAnOp) {
  DurabilityWorld world;
  RunContext run(Trace::Mode::kText);
  world.Start({}, run);
  world.Apply(DurabilityWorld::Call{.client = {}, .args = {kFirst}}, run);
  world.Apply(DurabilityWorld::Kill{.after = {DurabilityWorld::kAtNextStart + 2}}, run);
  world.Apply(DurabilityWorld::Kill{.after = {}}, run);
  ASSERT_FALSE(run.violated()) << run.violation().seen;
  const std::string trace(run.trace().text());
  EXPECT_NE(trace.find("kill -9 at its start"), std::string::npos);
  EXPECT_NE(trace.find("process 3 has started"), std::string::npos);
  world.Settle(run);
  EXPECT_FALSE(run.violated()) << run.violation().seen;
}

TEST(CrashPointsTest, AMissingFsyncIsFound) {
  CrashPoints points([](FileSystem* real) { return std::make_unique<NoFsync>(real); });
  RunContext run;
  points.Run({}, Ops(), {}, run);
  ASSERT_TRUE(points.failure());
  EXPECT_EQ(points.failure()->violation.invariant, "acknowledged_kept");
  EXPECT_EQ(points.failure()->kind, CrashKind::kMachine);
}

// --- Ops of chaos, on the core.

DurabilityCounts CountsOf(std::vector<DurabilityWorld::Op> ops, RunContext* run,
                          bool runs_cut_requests = false) {
  DurabilityWorld world(nullptr, {}, runs_cut_requests);
  world.Start({}, *run);
  for (const DurabilityWorld::Op& op : ops) {
    if (!run->violated()) std::visit([&](const auto& one) { world.Apply(one, *run); }, op);
  }
  if (!run->violated()) world.Settle(*run);
  return world.counts();
}

TEST(DurabilityOpsTest, ARequestThatIsCutChangesNothing) {
  const std::vector<DurabilityWorld::Op> ops = {
      DurabilityWorld::Drop{
          .client = {}, .cut = Cut::kInRequest, .at = {UINT8_MAX}, .args = {kFirst}},
      DurabilityWorld::Drop{.client = {}, .cut = Cut::kInReply, .at = {}, .args = {kSecond}}};
  RunContext run;
  const DurabilityCounts counts = CountsOf(ops, &run);
  EXPECT_FALSE(run.violated()) << run.violation().seen;
  EXPECT_EQ(counts.fired[kRequestCut], 1U);
  EXPECT_EQ(counts.fired[kReplyCut], 1U);
  RunContext broken;
  CountsOf(ops, &broken, /*runs_cut_requests=*/true);
  ASSERT_TRUE(broken.violated());
  EXPECT_EQ(broken.violation().invariant, "cut_request");
}

// The words of an op of a stream are gone when the next op comes; a crash at the next start, which
// it has armed, comes later.
TEST(DurabilityOpsTest, ACrashAtAStartOutlivesItsOp) {
  DurabilityWorld world;
  RunContext run;
  EXPECT_TRUE(RunStream(world, 1, 1000, run).empty());
  EXPECT_FALSE(run.violated()) << run.violation().seen;
}

TEST(DurabilityOpsTest, WithoutMemoryWritesAreRefusedOrKeysEvicted) {
  RunContext run;
  const DurabilityCounts counts = CountsOf(
      {DurabilityWorld::Call{.client = {}, .args = {kFirst}},
       DurabilityWorld::Memory{.policy = MemoryPolicy::kNoEviction, .room = {}},
       DurabilityWorld::Call{.client = {}, .args = {kSecond}},
       DurabilityWorld::Memory{.policy = MemoryPolicy::kVolatileTtl, .room = {}},
       DurabilityWorld::Call{.client = {}, .args = {kSecond}},
       DurabilityWorld::Memory{.policy = MemoryPolicy::kAllKeysRandom, .room = {}},
       DurabilityWorld::Call{.client = {}, .args = {kSecond}}, DurabilityWorld::Kill{.after = {}}},
      &run);
  EXPECT_FALSE(run.violated()) << run.violation().seen;
  EXPECT_EQ(counts.fired[kMemoryRefusal], 2U);  // no key has a time to live
  EXPECT_EQ(counts.all.refused_writes, 2U);
  EXPECT_EQ(counts.fired[kEviction], 1U);
}

TEST(DurabilityOpsTest, ACrashInAWriteIsCountedWithWhatFollows) {
  RunContext run;
  const DurabilityCounts counts =
      CountsOf({DurabilityWorld::CrashInWrite{
                    .after = {}, .part = {UINT8_MAX / 2}, .power = false, .choices = {}},
                DurabilityWorld::Call{.client = {}, .args = {kFirst}}},
               &run);
  EXPECT_FALSE(run.violated()) << run.violation().seen;
  EXPECT_EQ(counts.fired[kCrashInWrite], 1U);
  EXPECT_EQ(counts.after[kCrashInWrite].outcomes[0], counts.crashes);
}

}  // namespace
}  // namespace resprobe
