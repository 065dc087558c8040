#include "driver/afl_warmup.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/raw_harness.h"

namespace resprobe {
namespace {

// A raw harness that counts its runs and performs `fault` on every tape longer than 5000 bytes.
enum class Fault { kNone, kViolation, kAbort };

struct Counted {
  static constexpr std::string_view kName = "counted";
  static constexpr std::string_view kSummary = "counts";
  static constexpr InvariantInfo kInvariants[] = {{"short", "a tape is short"}};

  Fault fault = Fault::kNone;
  int* runs;
  size_t* longest;

  void Run(Bytes input, RunContext& run) {
    ++*runs;
    *longest = std::max(*longest, input.size());
    if (input.size() <= 5000) return;
    if (fault == Fault::kViolation) run.Check(false, "short", "5000", "more");
    if (fault == Fault::kAbort) std::abort();
  }
  std::string Show(Bytes) { return ""; }
  void Generate(uint64_t seed, Tape& out) { out.assign(1 + seed % 9, 'x'); }
};

class AflWarmupTest : public testing::Test {
 protected:
  bool Try(Fault fault) {
    RawHarness<Counted> harness(std::in_place, Counted{fault, &runs_, &longest_});
    return driver::WarmUp(harness, run_);
  }

  int runs_ = 0;
  size_t longest_ = 0;
  RunContext run_;
};

TEST_F(AflWarmupTest, RunsTapesOfAllSizes) {
  EXPECT_TRUE(Try(Fault::kNone));
  EXPECT_GT(runs_, 100);
  EXPECT_GE(longest_, 8192u);
}

TEST_F(AflWarmupTest, IsNoPlaceForViolations) {
  EXPECT_TRUE(Try(Fault::kViolation));
  EXPECT_FALSE(run_.violated());
}

TEST_F(AflWarmupTest, LeavesACrashToTheFuzzer) {
  EXPECT_FALSE(Try(Fault::kAbort));
  EXPECT_EQ(runs_, 0) << "nothing may run here that fails in a child process";
}

}  // namespace
}  // namespace resprobe
