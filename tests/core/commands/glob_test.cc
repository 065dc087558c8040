#include "core/table/glob.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "core/keyspace/random.h"

namespace resprobe {
namespace {

// A naive matcher for patterns without classes: a star tries every length. Unlike GlobMatch() it
// backtracks into every star.
bool Naive(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (Naive(pattern.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '\\' && pattern.size() > 1) {
    return pattern[1] == text[0] && Naive(pattern.substr(2), text.substr(1));
  }
  return (pattern[0] == '?' || pattern[0] == text[0]) && Naive(pattern.substr(1), text.substr(1));
}

TEST(GlobTest, AgreesWithTheNaiveMeaning) {
  Random random;
  int matches = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string pattern;
    std::string text;
    for (uint64_t n = random.Below(8); n > 0; --n) pattern += "ab*?\\"[random.Below(5)];
    for (uint64_t n = 1 + random.Below(8); n > 0; --n) text += "ab*"[random.Below(3)];
    const bool expected = Naive(pattern, text);
    matches += expected;
    ASSERT_EQ(GlobMatch(pattern, text), expected) << pattern << " on " << text;
  }
  EXPECT_GT(matches, 1000);
}

// generic.txt has recordings of these from redis-server, too; here are the ones that need
// explaining.
TEST(GlobTest, TheServersCorners) {
  EXPECT_FALSE(GlobMatch("*", ""));  // the server's loop does not run on an empty text
  EXPECT_TRUE(GlobMatch("", ""));
  EXPECT_FALSE(GlobMatch("[", "["));
  EXPECT_TRUE(GlobMatch("[^", "x"));
  EXPECT_FALSE(GlobMatch("[]", "]"));
  EXPECT_TRUE(GlobMatch("[a-c", "b"));
  EXPECT_TRUE(GlobMatch("[c-a]", "b"));
  EXPECT_TRUE(GlobMatch("[\\]]", "]"));
  EXPECT_TRUE(GlobMatch("\\", "\\"));
  EXPECT_TRUE(GlobMatch("a\\", "a\\"));
  EXPECT_TRUE(GlobMatch("[\x80-\xff]", "\xa0"));
  EXPECT_TRUE(GlobMatch("[a-\xff]", "\xff")) << "bytes compare as signed, in either order";
  EXPECT_FALSE(GlobMatch("[a-z]", "\xff"));
}

// Exponential backtracking here would take longer than the age of the universe.
TEST(GlobTest, DoesNotExplode) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(GlobMatch(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace resprobe
