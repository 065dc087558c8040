#include "engine/op_source.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/ops_harness.h"

namespace resprobe {
namespace {

// Adds numbers, and fails in two ways: soon after what brings it about, and long after.
class Adder {
 public:
  static constexpr std::string_view kName = "adder";
  static constexpr std::string_view kSummary = "adds";
  static constexpr InvariantInfo kInvariants[] = {
      {"no_two_marks", "no two marked texts in a row"},
      {"few_ops", "a run has fewer ops than its limit"},
  };
  static uint64_t limit;  // of few_ops

  struct Config {
    bool strict = false;
  };
  struct Add {
    static constexpr std::string_view kName = "add";
    Number number;
    Text text;
  };
  struct Skip {
    static constexpr std::string_view kName = "skip";
    Index index;
  };
  using Op = std::variant<Add, Skip>;

  void Start(const Config&, RunContext&) { ops_ = marks_ = 0; }
  void Apply(const Add& op, RunContext& run) {
    Count(run);
    marks_ = op.text.bytes == "abc" && op.number.value == 1 ? marks_ + 1 : 0;
    run.Check(marks_ < 2 || limit != 0, "no_two_marks", "one at most", "two");
  }
  void Apply(const Skip&, RunContext& run) { Count(run); }
  void Settle(RunContext&) { ++settled_; }

  int settled_ = 0;

 private:
  void Count(RunContext& run) {
    run.Check(limit == 0 || ++ops_ < limit, "few_ops", "fewer ops", "as many");
  }

  uint64_t ops_ = 0;
  int marks_ = 0;
};
uint64_t Adder::limit = 0;

std::string Printed(const Adder::Op& op) {
  std::string text;
  PrintOp(op, &text);
  return text;
}

bool Fails(Adder& world, const Tape& tape, std::string_view invariant) {
  Arena arena;
  Case<Adder> c;
  Decode(Bytes(tape), &arena, &c);
  CaseSource<Adder> source(c);
  RunContext run;
  RunSource(world, source, run);
  return run.violated() && run.violation().invariant == invariant;
}

TEST(OpSourceTest, AStreamIsAFunctionOfItsSeed) {
  SeedStream<Adder> a(7);
  SeedStream<Adder> b(7);
  SeedStream<Adder> c(8);
  int same = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string op = Printed(*a.Next());
    EXPECT_EQ(op, Printed(*b.Next()));
    same += op == Printed(*c.Next()) ? 1 : 0;
  }
  EXPECT_LT(same, 1500);
}

TEST(OpSourceTest, TheWindowHoldsTheLastOps) {
  constexpr size_t kWindow = SeedStream<Adder>::kWindow;
  for (const size_t count : {size_t{0}, size_t{1}, kWindow, kWindow + 1, 5 * kWindow + 17}) {
    SeedStream<Adder> stream(3);
    for (size_t i = 0; i < count; ++i) stream.Next();
    Arena arena;
    Arena again_arena;
    Case<Adder> window;
    Case<Adder> again;
    const Tape kept = stream.window();
    const Tape made = stream.Again(count);
    Decode(Bytes(kept), &arena, &window);
    Decode(Bytes(made), &again_arena, &again);
    EXPECT_EQ(again.ops.size(), count);
    EXPECT_GE(window.ops.size(), std::min(count, kWindow));
    EXPECT_LE(window.ops.size(), 2 * kWindow);
    const size_t skipped = again.ops.size() - window.ops.size();
    for (size_t i = 0; i < window.ops.size(); ++i)
      EXPECT_EQ(Printed(window.ops[i]), Printed(again.ops[skipped + i]));
  }
}

TEST(OpSourceTest, MemoryDoesNotGrowOverAMillionOps) {
  SeedStream<Adder> stream(1);
  for (int i = 0; i < 1'000'000; ++i) stream.Next();
  EXPECT_EQ(stream.count(), 1'000'000u);
  EXPECT_LT(stream.memory(), size_t{256} << 10);
}

TEST(OpSourceTest, AFailureOfAStreamBecomesACaseThatFailsTheSame) {
  Adder::limit = 0;
  Adder world;
  int found = 0;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    RunContext run;
    const Tape tape = RunStream(world, seed, 1'000'000, run);
    if (!run.violated()) continue;
    ++found;
    EXPECT_GT(run.op(), 1000u);  // so that the case is a part of the stream
    EXPECT_TRUE(Fails(world, tape, "no_two_marks"));
    EXPECT_LT(tape.size(), size_t{256} << 10);
  }
  EXPECT_GT(found, 0);
}

TEST(OpSourceTest, OpsThatAreNotKeptAnyMoreAreMadeAgain) {
  Adder::limit = 20'000;
  Adder world;
  RunContext run;
  const Tape tape = RunStream(world, 5, 1'000'000, run);
  EXPECT_EQ(run.op(), 19'999u);
  EXPECT_TRUE(Fails(world, tape, "few_ops"));
  // Those that no case may be long enough for are not: nothing is returned that does not fail.
  RunContext other;
  EXPECT_TRUE(RunStream(world, 5, 1'000'000, other, /*longest=*/10'000).empty());
  EXPECT_TRUE(other.violated());
  Adder::limit = 0;
}

TEST(OpSourceTest, AHarnessRunsStreamsAndReplaysTheirCases) {
  Adder::limit = 5000;
  OpsHarness<Adder> harness;
  RunContext run;
  const Tape tape = harness.RunStream(2, 1'000'000, run);
  ASSERT_TRUE(run.violated());
  RunContext again;
  harness.Run(tape, again);
  EXPECT_EQ(again.violation().invariant, run.violation().invariant);
  Adder::limit = 0;
}

TEST(OpSourceTest, AStreamWithoutAFailureSettles) {
  Adder world;
  RunContext run;
  EXPECT_TRUE(RunStream(world, 1, 100, run).empty());
  EXPECT_EQ(world.settled_, 1);
  EXPECT_EQ(run.op(), 100u);
}

}  // namespace
}  // namespace resprobe
