#include "cli/load/soak_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/rng.h"

namespace resprobe::cli {
namespace {

using ::testing::HasSubstr;

const SoakLimits kLimits = {.checks = {std::begin(kSoakChecks), std::end(kSoakChecks)}};

// A sound run of 60 intervals, after which `change` is made to each sample.
std::vector<SoakSample> Samples(const std::function<void(int, SoakSample*)>& change,
                                int count = 60) {
  Rng rng(7);
  std::vector<SoakSample> samples;
  for (int i = 0; i < count; ++i) {
    SoakSample sample;
    sample.at = 10 * i;
    sample.operations = 100'000 + rng.Below(5000);
    sample.seconds = 10;
    sample.values = {{"used_memory", 2e6 + static_cast<double>(rng.Below(2000))},
                     {"resident memory", 9e6 + static_cast<double>(rng.Below(100'000))},
                     {"descriptors", 12},
                     {"threads", 5},
                     {"files", 2}};
    change(i, &sample);
    samples.push_back(std::move(sample));
  }
  return samples;
}

// The results as "name: status", those that pass left out.
std::string Judged(const std::vector<SoakSample>& samples) {
  std::string text;
  for (const report::Result& result : JudgeSoak(samples, kLimits)) {
    if (result.status != report::Status::kPassed) {
      text += result.name + ": " + NameOf(result.status) + "\n";
    }
  }
  return text;
}

const std::string kSkipped = "descriptors: clients: skipped\nthreads: children: skipped\n";

TEST(SoakJudgeTest, PassesWhatIsSteady) {
  EXPECT_EQ(Judged(Samples([](int, SoakSample*) {})), kSkipped);
  // What fills up at the beginning is left out.
  EXPECT_EQ(Judged(Samples([](int i, SoakSample* sample) {
              if (i < 6) sample->values["used_memory"] /= 7 - i;
              if (i < 6) sample->values["threads"] = 1;
            })),
            kSkipped);
  // A sample that is far off is none of a leak.
  EXPECT_EQ(Judged(Samples([](int i, SoakSample* sample) {
              if (i == 50) sample->values["used_memory"] *= 3;
            })),
            kSkipped);
}

TEST(SoakJudgeTest, FindsWhatGrows) {
  EXPECT_THAT(
      Judged(Samples([](int i, SoakSample* sample) { sample->values["used_memory"] += 5000 * i; })),
      HasSubstr("memory: used_memory: failed\n"));
  EXPECT_THAT(Judged(Samples([](int i, SoakSample* sample) {
                sample->values["resident memory"] += 50'000 * i;
              })),
              HasSubstr("memory: resident memory: failed\n"));
  // One descriptor in ten intervals.
  EXPECT_THAT(
      Judged(Samples([](int i, SoakSample* sample) { sample->values["descriptors"] += i / 10; })),
      HasSubstr("descriptors: descriptors: failed\n"));
  EXPECT_THAT(
      Judged(Samples([](int i, SoakSample* sample) { sample->values["threads"] += i > 30; })),
      HasSubstr("threads: threads: failed\n"));
  EXPECT_THAT(Judged(Samples([](int i, SoakSample* sample) { sample->values["files"] += i; })),
              HasSubstr("files: files: failed\n"));
}

TEST(SoakJudgeTest, FindsFallingAndStoppedThroughput) {
  EXPECT_THAT(Judged(Samples([](int i, SoakSample* sample) { sample->seconds *= 1 + 0.01 * i; })),
              HasSubstr("throughput: failed\n"));
  EXPECT_THAT(Judged(Samples([](int i, SoakSample* sample) {
                if (i == 40) sample->operations = 0;
              })),
              HasSubstr("throughput: failed\n"));
}

TEST(SoakJudgeTest, SaysTheSmallestLeakThatItWouldHaveSeen) {
  const auto smallest = [](double noise) {
    Rng rng(3);
    const std::vector<report::Result> results = JudgeSoak(
        Samples([&](int, SoakSample* sample) {
          sample->values["used_memory"] = 2e6 + noise * static_cast<double>(rng.Below(1000)) / 1000;
        }),
        kLimits);
    const std::string& note = results[0].note;
    const std::string head = "the smallest leak that would have been seen: ";
    EXPECT_THAT(note, HasSubstr(head));
    return std::stod(note.substr(head.size()));
  };
  // Five per cent of 2 MB in 54 intervals of 102,500 operations.
  EXPECT_NEAR(smallest(0), 100'000.0 / 53 / 102'500, 0.05);
  EXPECT_GT(smallest(3e6), 3 * smallest(0));
}

TEST(SoakJudgeTest, TooFewSamplesSayNothing) {
  EXPECT_EQ(Judged(Samples([](int, SoakSample*) {}, 22)),
            "memory: used_memory: unknown\nmemory: resident memory: unknown\n"
            "descriptors: descriptors: unknown\ndescriptors: clients: skipped\n"
            "threads: threads: unknown\nthreads: children: skipped\nfiles: files: unknown\n"
            "throughput: unknown\n");
  // Neither does a server of which nothing is known.
  EXPECT_THAT(Judged(Samples([](int, SoakSample* sample) { sample->values.clear(); })),
              HasSubstr("memory: unknown\n"));
}

}  // namespace
}  // namespace resprobe::cli
