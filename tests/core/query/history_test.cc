// Queries that crashed real parsers of this language.
#include <string>

#include "core/query/parser.h"
#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

TEST(HistoryTest, NotOfStopwordsUnderOr) {
  EXPECT_EQ(Shape2("(-@a:NULL|-@b:NULL)"), "(or (not (field @a NULL)) (not (field @b NULL)))");
  EXPECT_EQ(Shape1("(-@a:NULL|-@b:NULL)"), "(not (field @a (or NULL (not (field @b NULL)))))");
  EXPECT_EQ(Shape2("(-@a:the|-@b:is)"), "empty");
}

TEST(HistoryTest, NotOfAStopword) {
  EXPECT_EQ(Shape2("no-as"), "empty");
  EXPECT_EQ(Shape1("no-as"), "empty");
  Options options = Dialect2();
  options.stopwords = &Stopwords::None();
  EXPECT_EQ(Shape("no-as", options), "(and no (not as))");
}

TEST(HistoryTest, OptionalStopword) {
  EXPECT_EQ(Shape2("~A"), "empty");
  EXPECT_EQ(Shape1("~A"), "empty");
}

TEST(HistoryTest, UnionOfStopwords) {
  EXPECT_EQ(Shape2("(is|the|a|of|in|and)"), "empty");
  EXPECT_EQ(Shape1("(is|the|a|of|in|and)"), "empty");
}

TEST(HistoryTest, PrefixOrFuzzy) {
  EXPECT_EQ(Shape2("foo*|%foo%"), "(or foo* %1:foo)");
  EXPECT_EQ(Shape1("foo*|%foo%"), "(or foo* %1:foo)");
}

TEST(HistoryTest, LongPrefix) {
  const std::string query = std::string(1025, 'a') + "*";
  EXPECT_EQ(Shape2(query).substr(0, 51), "error at byte 0: expected a shorter pattern, found ");
  EXPECT_EQ(Shape1(query).substr(0, 51), "error at byte 0: expected a shorter pattern, found ");
}

TEST(HistoryTest, EmptyWildcard) {
  EXPECT_EQ(Shape2("w''"), "(and w \"\")");
  EXPECT_EQ(Shape1("w''"), "w");
}

TEST(HistoryTest, RangeThenNothing) {
  EXPECT_EQ(Shape2("@n:[0 10]|"),
            "error at byte 10: expected an operand, found the end of the query");
  EXPECT_EQ(Shape1("@n:[0 10]|"),
            "error at byte 10: expected an operand, found the end of the query");
}

TEST(HistoryTest, DeepParentheses) {
  for (const size_t depth : {255u, 256u, 1000u, 1'000'000u}) {
    EXPECT_EQ(Shape2(std::string(depth, '(')).substr(0, 18), "error at byte 255:") << depth;
    EXPECT_EQ(Shape1(std::string(depth, '(')).substr(0, 18), "error at byte 255:") << depth;
  }
}

}  // namespace
}  // namespace resprobe::query
