// What the copies call: which value is used, and what is counted.

#include <gtest/gtest.h>

#include <string>

#include "mutants/mutant_names.h"
#include "mutants/mutant_switch.h"

namespace resprobe::mutants {

// (The harnesses link mutant_switch.cc, which reads them from the environment.)
namespace {
Counts own;
}  // namespace
uint32_t active = 0;
Counts* counts = &own;
void NoteReached() { ++counts->reached; }
void NoteTriggered() { counts->triggered = 1; }

namespace {

constexpr uint32_t kThis = MutantId("this");
constexpr uint32_t kOther = MutantId("other");

bool Less(int a, int b) {
  return Mutated(kThis, [&] { return (a < b); }, [&] { return (a <= b); });
}

TEST(MutantSwitch, OffIsTheOriginal) {
  own = {};
  active = kOther;
  EXPECT_FALSE(Less(1, 1));
  EXPECT_FALSE(IsOn(kThis));
  EXPECT_EQ(own.reached, 0u);
  EXPECT_EQ(own.triggered, 0u);
}

TEST(MutantSwitch, OnIsTheOtherAndCounts) {
  own = {};
  active = kThis;
  EXPECT_TRUE(Less(1, 2));
  EXPECT_EQ(own.reached, 1u);
  EXPECT_EQ(own.triggered, 0u) << "both values are equal";
  EXPECT_TRUE(Less(1, 1));
  EXPECT_EQ(own.reached, 2u);
  EXPECT_EQ(own.triggered, 1u);
}

TEST(MutantSwitch, AStatementIsTriggeredOnceItIsReached) {
  own = {};
  active = kThis;
  EXPECT_TRUE(IsOn(kThis));
  EXPECT_EQ(own.reached, 1u);
  EXPECT_EQ(own.triggered, 1u);
}

TEST(MutantSwitch, TheOriginalIsNotEvaluatedOnceTheyDiffered) {
  own = {};
  active = kThis;
  int evaluated = 0;
  const auto value = [&] {
    return Mutated(
        kThis,
        [&] {
          ++evaluated;
          return std::string("a");
        },
        [] { return "b"; });
  };
  EXPECT_EQ(value(), "b");
  EXPECT_EQ(value(), "b");
  EXPECT_EQ(evaluated, 1);
}

// Somebody may keep a view of it.
TEST(MutantSwitch, AnObjectIsNotCopied) {
  const std::string a = "a";
  const std::string b = "b";
  const auto choose = [&]() -> const std::string& {
    return Mutated(
        kThis, [&]() -> decltype(auto) { return (a); }, [&]() -> decltype(auto) { return (b); });
  };
  const auto make = [&]() -> const std::string& {
    return Mutated(
        kThis, [&]() -> decltype(auto) { return (a); },
        [&]() -> decltype(auto) { return (a + b); });
  };
  active = 0;
  EXPECT_EQ(&choose(), &a);
  active = kThis;
  EXPECT_EQ(&choose(), &b);
  EXPECT_EQ(make(), "ab");
}

TEST(MutantSwitch, TheValueHasTheTypeOfTheOriginal) {
  active = kThis;
  static_assert(std::is_same_v<
                decltype(Mutated(kThis, [] { return uint8_t{1}; }, [] { return 2; })), uint8_t>);
  // A constant stays one.
  static_assert(Mutated(kThis, [] { return 1; }, [] { return 2; }) == 1);
}

}  // namespace
}  // namespace resprobe::mutants
