#include "worlds/properties/property_world.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "engine/arena.h"
#include "engine/generate.h"
#include "engine/op_source.h"
#include "worlds/properties/core_property_server.h"

namespace resprobe {
namespace {

// The invariant that the case of this seed violates; "" if none. With `only`, each of its trials is
// of this property.
std::string RunSeed(PropertyWorld* world, uint64_t seed, const Property* only = nullptr) {
  Arena arena;
  Case<PropertyWorld> c;
  Generate(seed, &arena, &c);
  for (PropertyWorld::Op& op : c.ops) {
    auto* const check = std::get_if<PropertyWorld::Check>(&op);
    if (check == nullptr || only == nullptr) continue;
    check->property = static_cast<PropertyId>(only - Properties().data());
  }
  RunContext run;
  CaseSource<PropertyWorld> source(c);
  RunSource(*world, source, run);
  if (!run.violated()) return "";
  return run.violation().invariant + ": expected " + run.violation().expected + ", seen " +
         run.violation().seen;
}

TEST(PropertyWorld, EachHoldsOfTheCore) {
  CorePropertyServer server(/*syncs=*/true);
  PropertyWorld world(&server);
  for (uint64_t seed = 1; seed <= 60; ++seed) EXPECT_EQ(RunSeed(&world, seed), "") << seed;
  for (size_t i = 0; i < kPropertyCount; ++i) {
    const PropertyWorld::Tally& tally = world.tallies()[i];
    EXPECT_GT(tally.held, 0) << kPropertyInfos[i].name;
    EXPECT_EQ(tally.left_out, 0) << kPropertyInfos[i].name << ": " << tally.absent;
  }
}

TEST(PropertyWorld, EachIsBrokenByItsPlantedFault) {
  for (const Property& property : Properties()) {
    CorePropertyServer server(/*syncs=*/property.plant != nullptr);
    PropertyWorld world(&server, {.plant = &property});
    std::string violation;
    constexpr uint64_t kSeeds = 30;
    for (uint64_t seed = 1; seed <= kSeeds && violation.empty(); ++seed) {
      violation = RunSeed(&world, seed, &property);
    }
    EXPECT_TRUE(violation.starts_with(std::string(property.name) + ": "))
        << property.name << ": " << violation;
  }
}

// A server that lacks a command fails no property: it is left out, and the trials after it are none
// of a transaction that was begun.
TEST(PropertyWorld, WhatTheServerLacksIsLeftOut) {
  class Poor : public PropertyServer {
   public:
    bool Reset(Profile profile, std::string* error) override { return core_.Reset(profile, error); }
    std::optional<resp::ReplyView> Ask(std::span<const std::string> words) override {
      std::vector<std::string> asked(words.begin(), words.end());
      if (asked.front() == "EXEC" || asked.front() == "INCRBY") asked.front() = "NOSUCH";
      return core_.Ask(asked);
    }
    std::string WhyNone() const override { return core_.WhyNone(); }
    void Pass(int64_t ms) override { core_.Pass(ms); }
    bool Crash(std::string* /*error*/) override { return false; }

   private:
    CorePropertyServer core_{/*syncs=*/true};
  };
  Poor server;
  PropertyWorld world(&server);
  for (uint64_t seed = 1; seed <= 30; ++seed) EXPECT_EQ(RunSeed(&world, seed), "") << seed;
  std::set<std::string> absent;
  for (size_t i = 0; i < kPropertyCount; ++i) {
    if (world.tallies()[i].left_out > 0) absent.insert(world.tallies()[i].absent);
    EXPECT_EQ(world.tallies()[i].failed, 0);
  }
  EXPECT_EQ(absent, (std::set<std::string>{"EXEC", "INCRBY", "a crash"}));
}

}  // namespace
}  // namespace resprobe
