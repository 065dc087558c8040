// Cases of the hunts without a server: text, tape, generators, shrinker.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <set>
#include <string>

#include "cachelab/hunt/stale_generate.h"
#include "cachelab/hunt/stale_shrink.h"
#include "engine/codec.h"
#include "engine/generate.h"
#include "engine/mutate.h"
#include "engine/ops_text.h"

namespace resprobe::cachelab {
namespace {

using stale::Op;

size_t PlainMutator(uint8_t* data, size_t size, size_t) {
  if (size > 0) data[0] ^= 1;
  return size;
}

void ExpectRoundTrip(const StaleCase& c) {
  Arena arena;
  StaleCase read;
  ASSERT_EQ(Parse(Print(c), &arena, &read), "");
  EXPECT_EQ(read.config, c.config);
  EXPECT_EQ(read.ops, c.ops);
  Tape tape;
  Encode(c, &tape);
  Decode(tape, &arena, &read);
  EXPECT_EQ(read.config, c.config);
  EXPECT_EQ(read.ops, c.ops);
}

TEST(StaleCaseTest, CasesOfAllGeneratorsGoThroughTextAndTape) {
  Arena arena;
  StaleCase c;
  std::set<size_t> kinds;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Generate(seed, &arena, &c);
    ExpectRoundTrip(c);
    Gen gen(seed, &arena);
    Mutate(gen, PlainMutator, &c);
    ExpectRoundTrip(c);
    GenerateRaces(seed, {}, {.kill_percent = 20, .flush_percent = 20}, &c);
    ExpectRoundTrip(c);
    for (const Op& op : c.ops) kinds.insert(op.index());
    GenerateKills(seed, {}, {}, &c);
    ExpectRoundTrip(c);
    for (const Op& op : c.ops) kinds.insert(op.index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Op>);
}

TEST(StaleCaseTest, ASeedIsAlwaysTheSameCaseAndEachSeedAnother) {
  std::set<std::string> texts;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Arena arena;
    StaleCase races[2];
    StaleCase kills[2];
    for (int i = 0; i < 2; ++i) {
      GenerateRaces(seed, {}, {.kill_percent = 20}, &races[i]);
      GenerateKills(seed, {}, {}, &kills[i]);
    }
    EXPECT_EQ(races[0].ops, races[1].ops);
    EXPECT_EQ(kills[0].ops, kills[1].ops);
    texts.insert(Print(races[0]));
    texts.insert(Print(kills[0]));
  }
  EXPECT_EQ(texts.size(), 40u);
}

TEST(StaleCaseTest, TheConfigHoldsTheKeyPlan) {
  KeyPlan keys{
      .keys = 9, .first_key = 1000, .members = 3, .value_size = 100, .types = {"set", "zset"}};
  Arena arena;
  StaleCase c;
  stale::SetKeys(keys, &c.config);
  ASSERT_EQ(Parse(Print(c), &arena, &c), "");
  const KeyPlan read = stale::KeysOf(c.config);
  EXPECT_EQ(read.keys, 9);
  EXPECT_EQ(read.members, 3);
  EXPECT_EQ(read.value_size, 100);
  EXPECT_EQ(read.types, keys.types);
  EXPECT_EQ(read.NameOf(1), "resprobe:zset:1001");
  stale::SetKeys(KeyPlan(), &c.config);
  EXPECT_EQ(stale::KeysOf(c.config).types.size(), LiveTypes().size());
}

TEST(StaleCaseTest, MoreKeysThanAnIndexNamesAreUsedByDifferentCases) {
  Arena arena;
  std::set<int> places;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    StaleCase c;
    GenerateRaces(seed, {.keys = 100'000}, {}, &c);
    const KeyPlan keys = stale::KeysOf(c.config);
    EXPECT_EQ(keys.keys, stale::kMostKeys);
    EXPECT_LE(keys.first_key + keys.keys, 100'000);
    places.insert(keys.first_key);
  }
  EXPECT_GT(places.size(), 15u);
}

TEST(StaleCaseTest, ACommandThatDoesNotFitTheKeyIsReplacedByOneThatDoes) {
  const KeyPlan keys;
  Arena arena;
  StaleCase c;
  // The keys 0 and 3 are a string and a hash.
  ASSERT_EQ(Parse("ops shared_cache\nread key=0 command=hgetall\nread key=3 command=hgetall\n"
                  "direct_write key=3 command=set\n",
                  &arena, &c),
            "");
  const std::vector<Op> before = c.ops;
  stale::NameCommands(keys, c.ops);
  EXPECT_NE(c.ops[0], before[0]);
  EXPECT_EQ(c.ops[1], before[1]);
  EXPECT_NE(c.ops[2], before[2]);
  for (const Op& op : c.ops) {
    std::visit(
        [&](const auto& fields) {
          if constexpr (requires { fields.command; }) {
            const int command = stale::CommandFor(keys, fields.key.value, fields.command);
            const std::string_view type = LiveCommands()[static_cast<size_t>(command)].type;
            EXPECT_TRUE(type == keys.TypeOf(fields.key.value) || type == "generic") << type;
          }
        },
        op);
  }
  const std::vector<Op> named = c.ops;
  stale::NameCommands(keys, c.ops);
  EXPECT_EQ(c.ops, named);
}

TEST(StaleCaseTest, NamesOfCommandsAreUnique) {
  for (const auto names : {EnumNames(stale::ReadCommand{}), EnumNames(stale::WriteCommand{})}) {
    EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  }
  EXPECT_EQ(EnumNames(stale::KillSignal{})[0], "SIGKILL");
  EXPECT_EQ(stale::NumberOf(stale::KillSignalOf(SIGTERM)), SIGTERM);
}

TEST(StaleCaseTest, ARoundOfKillsSaysWhatItKills) {
  Arena arena;
  StaleCase c;
  std::set<std::string> kills;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    GenerateKills(seed, {}, {}, &c);
    size_t begin = 0;
    for (size_t i = 0; i < c.ops.size(); ++i) {
      if (!std::holds_alternative<stale::Settle>(c.ops[i])) continue;
      kills.insert(stale::KillOf(std::span(c.ops).subspan(begin, i + 1 - begin)));
      begin = i + 1;
    }
  }
  // Each point and idle by a signal; by CLIENT KILL without the two points under the lock.
  EXPECT_EQ(kills.size(), 10u);
  EXPECT_TRUE(kills.contains("SIGKILL before-drop"));
  EXPECT_TRUE(kills.contains("CLIENT KILL before-put"));
  EXPECT_TRUE(kills.contains("CLIENT KILL idle"));
}

// A target that fails if a direct write follows a kill, but only every third time, as processes do.
class FakeRuns {
 public:
  StaleOutcome operator()(const StaleCase& c) {
    StaleOutcome outcome;
    bool killed = false;
    for (size_t i = 0; i < c.ops.size(); ++i) {
      killed |= std::holds_alternative<stale::KillWorker>(c.ops[i]);
      if (!killed || !std::holds_alternative<stale::DirectWrite>(c.ops[i])) continue;
      if (++failures % 3 == 0) outcome.violation = Violation{invariant, i, "new", "old"};
      break;
    }
    // Another failure, which must not replace the original one.
    if (!outcome.violation && !c.ops.empty()) {
      outcome.violation = Violation{"bounded_staleness", 0, "", ""};
    }
    return outcome;
  }

  std::string invariant = "no_stale_after_barrier";
  int failures = 0;
};

TEST(StaleCaseTest, TheShrinkerKeepsTheInvariantAndTriesSeveralTimes) {
  Arena arena;
  StaleCase c;
  GenerateRaces(3, {}, {.kill_percent = 100}, &c);
  const auto has = [&](auto tag) {
    return std::any_of(c.ops.begin(), c.ops.end(), [](const Op& op) {
      return std::holds_alternative<typename decltype(tag)::type>(op);
    });
  };
  c.ops.emplace_back(stale::KillWorker{.worker = {3}, .signal = stale::KillSignalOf(SIGTERM)});
  c.ops.emplace_back(stale::DirectWrite{.key = {7}});
  ASSERT_TRUE(has(std::type_identity<stale::Read>{}));
  FakeRuns fake;
  const ShrunkCase shrunk = Shrink([&](const StaleCase& candidate) { return fake(candidate); }, c,
                                   {fake.invariant, 0, "", ""}, {.runs = 5000});
  ASSERT_TRUE(shrunk.reproduced);
  EXPECT_EQ(shrunk.outcome.violation->invariant, fake.invariant);
  StaleCase smallest;
  ASSERT_EQ(Parse("ops shared_cache\nkill_worker\ndirect_write command=set\n", &arena, &smallest),
            "");
  EXPECT_EQ(shrunk.smallest.ops, smallest.ops) << Print(shrunk.smallest);
  // The pool is not shrunk.
  EXPECT_EQ(stale::ShapeOf(shrunk.smallest.config), stale::ShapeOf(c.config));
  EXPECT_EQ(shrunk.smallest.config.keys.value, 0);
}

// A write after a kill that is awaited fails always, another one every second time.
TEST(StaleCaseTest, AReliableCaseStaysReliable) {
  StaleCase c;
  c.ops.emplace_back(stale::KillWorker{});
  stale::CachedWrite awaited;
  awaited.wait = true;
  c.ops.emplace_back(awaited);
  int runs = 0;
  const auto run = [&](const StaleCase& candidate) {
    StaleOutcome outcome;
    ++runs;
    if (candidate.ops.size() != 2) return outcome;
    const auto* write = std::get_if<stale::CachedWrite>(&candidate.ops[1]);
    if (write != nullptr && (write->wait || runs % 2 == 0)) {
      outcome.violation = Violation{"no_stale_after_barrier", 1, "new", "old"};
    }
    return outcome;
  };
  const ShrunkCase shrunk = Shrink(run, c, {"no_stale_after_barrier", 1, "", ""}, {});
  ASSERT_TRUE(shrunk.reproduced);
  EXPECT_EQ(shrunk.smallest.ops, c.ops) << Print(shrunk.smallest);
}

// On an idle machine the read ends before the kill, whether it is awaited or not.
TEST(StaleCaseTest, AReliableCaseAwaitsItsOps) {
  StaleCase c;
  c.ops.emplace_back(stale::Read{});
  c.ops.emplace_back(stale::CachedWrite{});
  c.ops.emplace_back(stale::KillWorker{});
  const auto run = [&](const StaleCase& candidate) {
    StaleOutcome outcome;
    if (candidate.ops.size() == 3) {
      outcome.violation = Violation{"no_stale_after_barrier", 2, "new", "old"};
    }
    return outcome;
  };
  const ShrunkCase shrunk = Shrink(run, c, {"no_stale_after_barrier", 2, "", ""}, {});
  ASSERT_TRUE(shrunk.reproduced);
  ASSERT_EQ(shrunk.smallest.ops.size(), 3u);
  EXPECT_EQ(std::get<stale::Read>(shrunk.smallest.ops[0]).wait, stale::Wait::kAnswer);
  EXPECT_TRUE(std::get<stale::CachedWrite>(shrunk.smallest.ops[1]).wait);
}

TEST(StaleCaseTest, TheShrinkerGivesUpAfterItsRuns) {
  Arena arena;
  StaleCase c;
  GenerateRaces(3, {}, {.kill_percent = 100}, &c);
  FakeRuns fake;
  fake.invariant = "no_torn_entry";
  const ShrunkCase shrunk = Shrink([&](const StaleCase& candidate) { return fake(candidate); }, c,
                                   {"no_lock_left", 0, "", ""}, {.runs = 20});
  EXPECT_FALSE(shrunk.reproduced);
  EXPECT_EQ(shrunk.runs, 20u);
  EXPECT_EQ(shrunk.smallest.ops, c.ops);
}

}  // namespace
}  // namespace resprobe::cachelab
