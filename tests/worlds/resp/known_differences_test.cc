#include "worlds/resp/known_differences.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace resprobe {
namespace {

TEST(KnownDifferences, AreDescribedOnce) {
  std::set<std::string_view> ids;
  for (const KnownDifference& known : KnownDifferences()) {
    EXPECT_TRUE(ids.insert(known.id).second) << known.id;
    EXPECT_FALSE(known.what.empty()) << known.id;
    EXPECT_FALSE(known.why.empty()) << known.id;
    EXPECT_LT(known.from, known.to) << known.id;
  }
}

std::string_view IdOf(const Divergence& seen) {
  const KnownDifference* known = Explain(seen);
  return known == nullptr ? "" : known->id;
}

TEST(KnownDifferences, HoldForTheirVersionsOnly) {
  Divergence seen = {.core = Outcome::kNeedMore,
                     .hiredis = Outcome::kError,
                     .hiredis_error = "Protocol error, got \"|\" as reply type byte",
                     .token = "|"};
  seen.version = HiredisVersion(0, 14, 1);
  EXPECT_EQ(IdOf(seen), "resp3_types");
  seen.version = HiredisVersion(1, 2, 0);
  EXPECT_EQ(IdOf(seen), "attribute_type");
  seen.version = HiredisVersion(1, 3, 0);
  EXPECT_EQ(IdOf(seen), "");
}

TEST(KnownDifferences, HoldForWhatIsSeenOnly) {
  const Divergence seen = {.version = HiredisVersion(1, 2, 0),
                           .core = Outcome::kError,
                           .hiredis = Outcome::kValue,
                           .core_error = {resp::ParseErrorCode::kBadBoolean, 0, 0},
                           .token = "#T\r\n"};
  EXPECT_EQ(IdOf(seen), "boolean_case");
  Divergence other = seen;
  other.token = "#x\r\n";
  EXPECT_EQ(IdOf(other), "");
  other = seen;
  other.core_error.code = resp::ParseErrorCode::kBadInteger;
  EXPECT_EQ(IdOf(other), "");
  other = seen;
  other.core = Outcome::kNeedMore;
  EXPECT_EQ(IdOf(other), "");
}

// If both outcomes agree, no known difference applies: then the values differ.
TEST(KnownDifferences, NoneIsAboutValues) {
  for (const int version : {HiredisVersion(0, 14, 1), HiredisVersion(1, 2, 0)}) {
    for (const std::string_view token : {"$1\r\n", ":+5\r\n", "#T\r\n", ",1\r\n", "+a\r\n"}) {
      const Divergence seen = {
          .version = version, .core = Outcome::kValue, .hiredis = Outcome::kValue, .token = token};
      EXPECT_EQ(IdOf(seen), "") << token;
    }
  }
}

}  // namespace
}  // namespace resprobe
