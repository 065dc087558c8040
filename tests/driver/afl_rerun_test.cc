#include "driver/afl_rerun.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/raw_harness.h"

// The symbols of AFL++'s runtime that the driver looks for.
static uint8_t map[64];
extern "C" {
int __afl_persistent_loop(unsigned int) { return 0; }
uint8_t* __afl_area_ptr = map;
uint32_t __afl_map_size = sizeof(map);
}

namespace resprobe {
namespace {

// Stores the longest tape so far in its own memory, and marks in the map whether that memory had to
// grow.
struct Keeper {
  static constexpr std::string_view kName = "keeper";
  static constexpr std::string_view kSummary = "keeps the longest tape";
  static constexpr InvariantInfo kInvariants[] = {{"plain", "a tape has no x"}};

  std::unique_ptr<uint8_t[]>* kept;
  size_t* size;
  int* runs;

  void Run(Bytes input, RunContext& run) {
    ++*runs;
    run.Check(input.empty() || input[0] != 'x', "plain", "", "x");
    if (input.size() > *size) {
      kept->reset(new uint8_t[input.size()]);
      *size = input.size();
      __afl_area_ptr[1] = 1;
    } else {
      __afl_area_ptr[2] = 1;
    }
  }
  std::string Show(Bytes) { return ""; }
  void Generate(uint64_t, Tape&) {}
};

class AflRerunTest : public testing::Test {
 protected:
  int RunsOf(std::string_view tape) {
    runs_ = 0;
    std::fill(std::begin(map), std::end(map), 0);
    run_.Reset();
    driver::RunSteadily(harness_, {reinterpret_cast<const uint8_t*>(tape.data()), tape.size()},
                        run_);
    return runs_;
  }

  std::unique_ptr<uint8_t[]> kept_;
  size_t size_ = 0;
  int runs_ = 0;
  RawHarness<Keeper> harness_{std::in_place, Keeper{&kept_, &size_, &runs_}};
  RunContext run_;
};

TEST_F(AflRerunTest, ShowsAflTheRunInWhichNothingGrows) {
  RunsOf("a");  // takes the once-per-process paths
  EXPECT_EQ(RunsOf("longer"), 2);
  EXPECT_EQ(map[1], 0);
  EXPECT_EQ(map[2], 1);
  EXPECT_EQ(map[0], 1) << "AFL++ wants the first byte set";
}

TEST_F(AflRerunTest, RunsOnceWhereMemoryIsInPlace) {
  RunsOf("longer");
  EXPECT_EQ(RunsOf("short"), 1);
  EXPECT_EQ(map[2], 1);
}

TEST_F(AflRerunTest, StopsAtAViolation) {
  EXPECT_EQ(RunsOf("x violates"), 1);
  EXPECT_TRUE(run_.violated());
}

}  // namespace
}  // namespace resprobe
