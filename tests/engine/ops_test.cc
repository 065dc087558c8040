// Tests what the engine derives from the description of the ops, over random tapes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/fields.h"
#include "engine/ops_harness.h"
#include "tests/engine/toy_world.h"

namespace resprobe {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ToyCase = Case<ToyWorld>;

constexpr int kRounds = 3000;

template <class Struct>
bool SameFields(const Struct& a, const Struct& b) {
  return WithFields(a, [&](const auto&... in_a) {
    return WithFields(b, [&](const auto&... in_b) { return (true && ... && (in_a == in_b)); });
  });
}

bool SameOp(const ToyWorld::Op& a, const ToyWorld::Op& b) {
  return a.index() == b.index() &&
         std::visit(
             [&](const auto& in_a) {
               return SameFields(in_a, std::get<std::remove_cvref_t<decltype(in_a)>>(b));
             },
             a);
}

bool operator==(const ToyCase& a, const ToyCase& b) {
  return SameFields(a.config, b.config) && std::ranges::equal(a.ops, b.ops, SameOp);
}

Tape RandomBytes(Rng& rng, size_t max_size) {
  Tape tape(rng.Below(max_size + 1));
  // Generate bytes with a meaning in the codec often.
  constexpr uint8_t kTelling[] = {0xFF, 0xFE, 0xFD, 0, 1, 2, 0x80};
  for (uint8_t& byte : tape) {
    byte = rng.OneIn(2) ? rng.Pick(kTelling) : static_cast<uint8_t>(rng.Next());
  }
  return tape;
}

TEST(Codec, DecodesAnyBytesAndIsCanonicalAfterwards) {
  Rng rng(1);
  for (int round = 0; round < kRounds; ++round) {
    const Tape tape = RandomBytes(rng, 60);
    Arena arena;
    ToyCase first;
    Decode(tape, &arena, &first);
    Tape canonical;
    Encode(first, &canonical);
    ToyCase second;
    Decode(canonical, &arena, &second);
    ASSERT_TRUE(first == second);
    Tape again;
    Encode(second, &again);
    ASSERT_EQ(canonical, again);
  }
}

TEST(Codec, DecodeOfEncodeIsTheSameForGeneratedOps) {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    Arena arena;
    ToyCase generated;
    Generate(seed, &arena, &generated);
    Tape tape;
    Encode(generated, &tape);
    ToyCase decoded;
    Decode(tape, &arena, &decoded);
    ASSERT_TRUE(generated == decoded) << "seed " << seed;
  }
}

TEST(Codec, AnEditInsideOneOpLeavesTheOthersAlone) {
  Rng rng(2);
  int edits = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Arena arena;
    ToyCase c;
    Generate(seed, &arena, &c);
    Tape tape;
    Encode(c, &tape);
    // The first byte of each op is its kind, and is never escaped here.
    std::vector<size_t> starts;
    for (size_t i = 0; i + 1 < tape.size(); ++i) {
      if (tape[i] == codec::kEnd) starts.push_back(i + 1);
    }
    if (starts.size() < 3) continue;
    const size_t edited = rng.Below(starts.size());
    const size_t end = edited + 1 < starts.size() ? starts[edited + 1] - 1 : tape.size() - 1;
    Tape changed = tape;
    switch (rng.Below(3)) {
      case 0:
        changed[starts[edited] + rng.Below(end - starts[edited])] = 7;
        break;
      case 1:
        changed.insert(changed.begin() + static_cast<ptrdiff_t>(end), 7);
        break;
      default:
        if (end - starts[edited] < 2) continue;
        changed.erase(changed.begin() + static_cast<ptrdiff_t>(starts[edited]));
    }
    ToyCase after;
    Decode(changed, &arena, &after);
    ASSERT_EQ(after.ops.size(), c.ops.size());
    for (size_t i = 0; i < c.ops.size(); ++i) {
      if (i != edited)
        ASSERT_TRUE(SameOp(after.ops[i], c.ops[i])) << "seed " << seed << " op " << i;
    }
    ++edits;
  }
  EXPECT_GT(edits, 100);
}

TEST(OpsText, ParseOfPrintIsTheSame) {
  Rng rng(3);
  for (int round = 0; round < kRounds; ++round) {
    Arena arena;
    ToyCase c;
    if (round % 2 == 0) {
      Generate(static_cast<uint64_t>(round), &arena, &c);
    } else {
      const Tape tape = RandomBytes(rng, 60);
      Decode(tape, &arena, &c);
      // The tape must outlive the case.
      const std::string text = Print(c);
      ToyCase parsed;
      ASSERT_EQ(Parse(text, &arena, &parsed), "") << text;
      ASSERT_TRUE(parsed == c) << text;
      continue;
    }
    const std::string text = Print(c);
    ToyCase parsed;
    ASSERT_EQ(Parse(text, &arena, &parsed), "") << text;
    ASSERT_TRUE(parsed == c) << text;
    ASSERT_EQ(Print(parsed), text);
  }
}

TEST(OpsText, ReadsWhatAPersonWrites) {
  Arena arena;
  ToyCase c;
  ASSERT_EQ(Parse("# a case\n\nops toy   # the harness\nconfig strict=yes boxes=3\n"
                  "put box=1 \"a b\\x00\\n\"\nopen lamp=blue\nshake times=all force=-5 x "
                  "\"force=1\" \"\"\n",
                  &arena, &c),
            "");
  ASSERT_EQ(c.ops.size(), 3u);
  EXPECT_TRUE(c.config.strict);
  EXPECT_EQ(std::get<ToyWorld::Put>(c.ops[0]).value.bytes, std::string_view("a b\0\n", 5));
  EXPECT_EQ(std::get<ToyWorld::Open>(c.ops[1]).lamp, Colour::kBlue);
  const auto& shake = std::get<ToyWorld::Shake>(c.ops[2]);
  EXPECT_EQ(shake.force.value, -5);
  ASSERT_EQ(shake.words.words.size(), 3u);
  EXPECT_EQ(shake.words.words[1], "force=1");
  EXPECT_EQ(shake.words.words[2], "");
}

TEST(OpsText, SaysWhatIsWrongWhereAndHowToMendIt) {
  const auto error = [](std::string_view text) {
    Arena arena;
    ToyCase c;
    return Parse(text, &arena, &c);
  };
  EXPECT_THAT(error(""), HasSubstr("line 1: not an .ops text: begin with 'ops toy'"));
  EXPECT_THAT(error("ops other\n"), HasSubstr("line 1: a case of 'other', not of 'toy'"));
  EXPECT_THAT(error("ops toy\nfly\n"),
              HasSubstr("line 2: no op is named 'fly': use one of put, open, shake"));
  EXPECT_THAT(error("ops toy\n\nput box=300 a\n"),
              HasSubstr("line 3: box=300: write a whole number from 0 to 255"));
  EXPECT_THAT(error("ops toy\nopen lamp=pink\n"),
              HasSubstr("lamp=pink: write one of red, green, blue"));
  EXPECT_THAT(error("ops toy\nconfig strict=maybe\n"), HasSubstr("strict=maybe: write yes or no"));
  EXPECT_EQ(error("ops toy\nconfig strict=yes\n\nconfig boxes=3\n"),
            "line 4: config is given already, in line 2: make one line of the two");
  EXPECT_THAT(error("ops toy\nput a b\n"), HasSubstr("no field takes 'b'"));
  EXPECT_THAT(error("ops toy\nput \"a\n"), HasSubstr("a quoted word does not end"));
}

TEST(Generate, ASeedIsAShortNameForATape) {
  OpsHarness<ToyWorld> a;
  OpsHarness<ToyWorld> b;
  EXPECT_EQ(a.Generate(7), b.Generate(7));
  EXPECT_NE(a.Generate(7), a.Generate(8));
}

TEST(Generate, SwarmSwitchesKindsOffInSomeSeedsAndNotInOthers) {
  int without_open = 0;
  int with_open = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Arena arena;
    ToyCase c;
    Generate(seed, &arena, &c);
    if (c.ops.size() < 40) continue;
    bool open = false;
    for (const auto& op : c.ops) open = open || std::holds_alternative<ToyWorld::Open>(op);
    ++(open ? with_open : without_open);
  }
  EXPECT_GT(with_open, 10);
  EXPECT_GT(without_open, 5);
}

// Adds a byte, or removes the last one.
size_t StepBytes(uint8_t* data, size_t size, size_t max_size) {
  if (size < max_size) {
    data[size] = 'm';
    return size + 1;
  }
  return size == 0 ? 0 : size - 1;
}

TEST(Mutate, StaysInBoundsAndAlwaysDecodes) {
  OpsHarness<ToyWorld> harness;
  Rng rng(4);
  for (uint32_t round = 0; round < kRounds; ++round) {
    const size_t max_size = rng.Below(200);
    Tape tape = RandomBytes(rng, max_size);
    const size_t size = tape.size();
    tape.resize(max_size + 1, 0xAA);
    const size_t mutated = harness.Mutate(tape.data(), size, max_size, round, StepBytes);
    ASSERT_LE(mutated, max_size);
    ASSERT_EQ(tape[max_size], size > max_size ? tape[max_size] : 0xAA);
    RunContext run;
    harness.Run({tape.data(), mutated}, run);

    const Tape other = RandomBytes(rng, 100);
    Tape out(max_size + 1, 0xBB);
    const size_t crossed =
        harness.CrossOver({tape.data(), mutated}, other, out.data(), max_size, round);
    ASSERT_LE(crossed, max_size);
    ASSERT_EQ(out[max_size], 0xBB);
  }
}

// An engine begins with one byte: building a case from there op by op takes it thousands of
// executions.
TEST(Mutate, MakesWholeCasesOfNothing) {
  OpsHarness<ToyWorld> harness;
  size_t ops = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    Tape tape(4096, 0);
    tape.resize(harness.Mutate(tape.data(), 1, tape.size(), round, StepBytes));
    ops += harness.OpCount(tape);
  }
  EXPECT_GT(ops, 10 * kRounds);
}

// How many of the cases that an engine gets in place of a long one have nothing of it, of one case
// in kSampled.
constexpr uint32_t kSampled = 8;
size_t CountFresh(OpsHarness<ToyWorld>& harness, const Tape& start, uint32_t rounds, bool cross) {
  size_t fresh = 0;
  Tape tape(4096);
  for (uint32_t round = 0; round < rounds; ++round) {
    std::ranges::copy(start, tape.begin());
    const size_t size =
        cross ? harness.CrossOver(start, start, tape.data(), tape.size(), round)
              : harness.Mutate(tape.data(), start.size(), tape.size(), round, StepBytes);
    if (round % kSampled != 0) continue;
    const std::string shown = harness.Show({tape.data(), size});
    fresh += shown.find("put box=1 apple") == std::string::npos ? 1 : 0;
  }
  return fresh;
}

// The swarm weights of the corpus are not the only ones: a case without a single `open` gets some.
TEST(Mutate, BeginsWithPlainSeedsAndOftenStartsAfreshFromOne) {
  OpsHarness<ToyWorld> harness;
  std::string error;
  std::string text = harness.Show({});
  for (int i = 0; i < 20; ++i) text += "put box=1 apple\n";
  const Tape start = *harness.Parse(text, &error);
  constexpr uint32_t kHalf = OpsHarness<ToyWorld>::kFirstSeeds / 2;
  EXPECT_EQ(CountFresh(harness, start, kHalf, false), kHalf / kSampled);
  EXPECT_EQ(CountFresh(harness, start, kHalf, true), kHalf / kSampled);
  for (const bool cross : {false, true}) {
    const size_t fresh = CountFresh(harness, start, kRounds, cross);
    EXPECT_GT(fresh, kRounds / kSampled / 3) << cross;
    EXPECT_LT(fresh, kRounds / kSampled * 3 / 4) << cross;
  }
}

// An engine keeps what is longer, since it reaches more: if cases also grew by themselves, all
// would be long soon.
TEST(Mutate, CasesDoNotGrow) {
  Rng rng(1);
  Arena arena;
  Case<ToyWorld> c;
  size_t ops = 0;
  constexpr uint32_t kCases = 300;
  for (uint32_t round = 0; round < kCases; ++round) {
    Generate(round, &arena, &c);
    c.ops.resize(40);
    Gen gen(round, &arena);
    for (int i = 0; i < 20; ++i) Mutate(gen, StepBytes, &c);
    ops += c.ops.size();
  }
  EXPECT_LT(ops, 43 * kCases);
  EXPECT_GT(ops, 20 * kCases);
  size_t longest = 0;
  for (uint32_t round = 0; round < kCases; ++round) {
    c.ops.resize(1000);
    LimitOps(rng, &c);
    longest = std::max(longest, c.ops.size());
    EXPECT_LE(c.ops.size(), 512);
    EXPECT_GE(c.ops.size(), 16);
  }
  EXPECT_EQ(longest, 512);
}

TEST(Shrink, FindsTheTwoOpsThatMatterAndKeepsTheInvariant) {
  OpsHarness<ToyWorld> harness;
  int shrunk = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    // A generated case with the fault inserted somewhere.
    std::string error;
    std::string text = harness.Show(harness.Generate(seed));
    text += "put box=11 \"bad apple\"\nshake times=4 force=9 a b c\nput box=2 \"bad too\"\n";
    text += "open box=3 lamp=green\n";
    const Tape tape = *harness.Parse(text, &error);
    const auto broken = [&](Bytes candidate) {
      RunContext run;
      OpsHarness<ToyWorld> judge;
      judge.Run(candidate, run);
      return run.violated() ? run.violation().invariant : std::string();
    };
    const std::string invariant = broken(tape);
    ASSERT_FALSE(invariant.empty());
    const Tape small = harness.Shrink(
        tape, [&](Bytes candidate) { return broken(candidate) == invariant; }, 20000);
    ASSERT_EQ(broken(small), invariant) << harness.Show(small);
    if (invariant != "no_bad_box") continue;
    ASSERT_EQ(harness.Show(small),
              "ops toy\nconfig strict=no boxes=0\nput box=0 bad\nopen box=0 lamp=red\n");
    ++shrunk;
  }
  EXPECT_GT(shrunk, 300);
}

// Fails at a `look` once ten milliseconds have passed.
class WaitingWorld {
 public:
  static constexpr std::string_view kName = "waiting";
  static constexpr std::string_view kSummary = "time that passes";
  static constexpr InvariantInfo kInvariants[] = {{"not_late", "it is not late"}};

  struct Config {};
  struct Wait {
    static constexpr std::string_view kName = "wait";
    static constexpr bool kAddsUp = true;
    Count ms;
    Number more;
  };
  struct Look {
    static constexpr std::string_view kName = "look";
  };
  using Op = std::variant<Wait, Look>;

  void Start(const Config&, RunContext&) { now_ = 0; }
  void Apply(const Wait& op, RunContext&) { now_ += op.ms.value + op.more.value; }
  void Apply(const Look&, RunContext& run) { run.Check(now_ < 10, "not_late", "early", "late"); }
  void Settle(RunContext&) {}

 private:
  int64_t now_ = 0;
};

// None of the waits can be left out, and they are merged all the same, over what is between them.
TEST(Shrink, OpsThatAddUpAreMerged) {
  OpsHarness<WaitingWorld> harness;
  std::string error;
  const Tape tape = *harness.Parse(
      "ops waiting\nwait ms=4 more=0\nlook\nwait ms=1 more=1\nlook\nwait ms=2 more=2\nlook\n",
      &error);
  const Tape small = harness.Shrink(
      tape,
      [&](Bytes candidate) {
        RunContext run;
        OpsHarness<WaitingWorld> judge;
        judge.Run(candidate, run);
        return run.violated();
      },
      20000);
  EXPECT_EQ(harness.Show(small), "ops waiting\nconfig\nwait ms=7 more=3\nlook\n");
}

// For a field that does not matter shrinking ends at its simplest value, and does not revert it.
TEST(Shrink, ComesToAnEnd) {
  OpsHarness<ToyWorld> harness;
  std::string error;
  const Tape tape = *harness.Parse("ops toy\nshake times=7 force=-9 a b c\nopen box=1\n", &error);
  size_t tried = 0;
  const Tape small = harness.Shrink(
      tape,
      [&](Bytes candidate) {
        ++tried;
        return harness.Show(candidate).find("shake") != std::string::npos;
      },
      20000);
  EXPECT_EQ(harness.Show(small), "ops toy\nconfig strict=no boxes=0\nshake times=all force=0\n");
  EXPECT_LT(tried, 200u);
}

TEST(Runner, TheTraceNamesTheRunAndChangesWithIt) {
  OpsHarness<ToyWorld> harness;
  const Tape tape = harness.Generate(5);
  const auto hash = [&](Bytes bytes) {
    RunContext run(Trace::Mode::kHash);
    harness.Run(bytes, run);
    return run.trace().hash();
  };
  EXPECT_EQ(hash(tape), hash(tape));
  EXPECT_NE(hash(tape), hash(harness.Generate(6)));

  RunContext run(Trace::Mode::kText);
  harness.Run(tape, run);
  EXPECT_THAT(run.trace().text(), HasSubstr("#0 "));
  EXPECT_EQ(run.trace().hash(), hash(tape));
}

TEST(Runner, StopsAtTheFirstViolationAndSaysWhere) {
  OpsHarness<ToyWorld> harness;
  std::string error;
  const Tape tape =
      *harness.Parse("ops toy\nput box=1 bad\nopen box=2\nopen box=1\nopen box=1\n", &error);
  RunContext run;
  harness.Run(tape, run);
  ASSERT_TRUE(run.violated());
  EXPECT_EQ(run.violation().invariant, "no_bad_box");
  EXPECT_EQ(run.violation().op, 2u);
  EXPECT_EQ(run.violation().seen, "something bad");
}

// The results of RunContext::Makes() in a run of each of some tapes.
std::vector<bool> MadeOver(uint32_t one_in, bool samples) {
  OpsHarness<ToyWorld> harness;
  std::vector<bool> made;
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    RunContext run;
    run.set_samples(samples);
    harness.Run(harness.Generate(seed), run);
    made.push_back(run.Makes(one_in));
  }
  return made;
}

TEST(Sampling, WhoLooksAtOneInputGetsEveryCheck) {
  EXPECT_THAT(MadeOver(4, /*samples=*/false), Each(true));
}

TEST(Sampling, AnEngineGetsAShareThatTheInputsDecide) {
  const std::vector<bool> made = MadeOver(4, /*samples=*/true);
  EXPECT_EQ(made, MadeOver(4, /*samples=*/true));
  const auto share = static_cast<double>(std::count(made.begin(), made.end(), true)) / kRounds;
  EXPECT_NEAR(share, 0.25, 0.05);
}

}  // namespace
}  // namespace resprobe
