// The trees that RediSearch 1.2 prints, as recorded from FT.EXPLAIN … VERBATIM NOSTOPWORDS.
#include <string>

#include "core/query/ast.h"
#include "gtest/gtest.h"
#include "live/query/search_profile.h"

namespace resprobe::live {
namespace {

using Verdict = SearchExpectation::Verdict;

std::string Tree(std::string_view query, bool stopwords = false) {
  query::Ast scratch;
  const SearchExpectation expected = Expect(query, stopwords, &scratch);
  if (expected.verdict == Verdict::kAccepted) return expected.tree;
  const std::string rule =
      expected.rule == nullptr ? "" : " by " + std::string(expected.rule->name);
  return (expected.verdict == Verdict::kRefused ? "refused" : "left out") + rule;
}

TEST(SearchPlanTest, Leaves) {
  EXPECT_EQ(Tree(""), "");
  EXPECT_EQ(Tree("*"), "<WILDCARD>}\n");
  EXPECT_EQ(Tree("Hello"), "hello\n");
  EXPECT_EQ(Tree("foo*"), "PREFIX{foo*}\n");
  EXPECT_EQ(Tree("%foo%"), "FUZZY{foo}\n");
  EXPECT_EQ(Tree("\"a\""), "a\n");
  EXPECT_EQ(Tree("\"a 5\""), "EXACT {\n  a\n  5\n}\n");
  EXPECT_EQ(Tree("@n:[(1 inf]"), "NUMERIC {1.000000 < @n <= inf}\n");
  EXPECT_EQ(Tree("@n:[-5 --5]"), "NUMERIC {-5.000000 <= @n <= 5.000000}\n");
  EXPECT_EQ(Tree("@loc:[1 2 3 KM]"), "GEO loc:{1.000000,2.000000 --> 3.000000 km}\n");
  EXPECT_EQ(Tree("@tag:{a|b c}|d"), "TAG:@tag {\n  a\n  INTERSECT {\n    b\n    c\n  }\n  d\n}\n");
}

TEST(SearchPlanTest, AListWhoseFirstOperandIsAListBecomesPartOfIt) {
  EXPECT_EQ(Tree("(a b) c"), "INTERSECT {\n  a\n  b\n  c\n}\n");
  EXPECT_EQ(Tree("(a b)=>{$weight:2} c"), "INTERSECT {\n  a\n  b\n  c\n} => { $weight: 2; }\n");
  EXPECT_EQ(Tree("\"x y\" a b"),
            "INTERSECT {\n  EXACT {\n    x\n    y\n  }\n  INTERSECT {\n    a\n    b\n  }\n}\n");
  EXPECT_EQ(Tree("(a|b)|c"), "UNION {\n  a\n  b\n  c\n}\n");
  EXPECT_EQ(Tree("a|(b|c)"), "UNION {\n  a\n  UNION {\n    b\n    c\n  }\n}\n");
  EXPECT_EQ(Tree("@title:(a b) c"),
            "INTERSECT {\n  @title:INTERSECT {\n    @title:a\n    @title:b\n  }\n  c\n}\n");
  EXPECT_EQ(Tree("1 0 1"), "INTERSECT {\n  1\n  0\n  1\n}\n");
  EXPECT_EQ(Tree("x* a b 1"),
            "INTERSECT {\n  PREFIX{x*}\n  INTERSECT {\n    a\n    b\n  }\n  1\n}\n");
  EXPECT_EQ(Tree("x* a b 1\\.5"),
            "INTERSECT {\n  PREFIX{x*}\n  INTERSECT {\n    a\n    b\n    1.5\n  }\n}\n");
}

TEST(SearchPlanTest, FieldsAreThoseOfTheSchema) {
  EXPECT_EQ(Tree("@TITLE:a"), "@title:a\n");
  EXPECT_EQ(Tree("@body|title:a"), "@title|body:a\n");
  EXPECT_EQ(Tree("@nofield:a"), "@NULL:a\n");
  EXPECT_EQ(Tree("@title:(a @body:b)"), "@title:INTERSECT {\n  @title:a\n  @NULL:b\n}\n");
  EXPECT_EQ(Tree("@title:(@tag:{a})"), "@title:TAG:@tag {\n  a\n}\n");
  EXPECT_EQ(Tree("~a -b|c"),
            "OPTIONAL{\n  INTERSECT {\n    a\n    NOT{\n      UNION {\n        b\n        c\n      "
            "}\n    }\n  }\n}\n");
}

TEST(SearchPlanTest, Attributes) {
  EXPECT_EQ(Tree("a=>{$weight:2;$slop:1}"), "a => {$weight: 2;}\n");
  EXPECT_EQ(Tree("(a b)=>{$slop:1;$inorder:TRUE}"),
            "INTERSECT {\n  a\n  b\n} => { $slop: 1; $inorder: true; }\n");
  EXPECT_EQ(Tree("(a b)=>{$slop:0}"),
            "INTERSECT {\n  a\n  b\n} => { $slop: 0; $inorder: false; }\n");
}

TEST(SearchProfileTest, RulesDecideWhereTheVersionsDiffer) {
  for (const char* query : {"1.5foo", "-info", "1e5", "+3", ".5", "5.", "'inf", "\"a .5\""}) {
    EXPECT_EQ(Tree(query), "left out by numbers") << query;
  }
  EXPECT_EQ(Tree(std::string_view("a\0b", 3)), "left out by nul");
  EXPECT_EQ(Tree("a\\\\\\-"), "left out by escapes");
  EXPECT_EQ(Tree("\\\\_"), "left out by escapes");
  EXPECT_EQ(Tree(std::string(60, '(') + "a" + std::string(60, ')')), "left out by stack");
  EXPECT_EQ(Tree("@n:[0" + std::string(96, '-')), "left out by stack");
  EXPECT_EQ(Tree("*foo"), "refused by suffix");
  EXPECT_EQ(Tree("%%foo%%"), "refused by fuzzy");
  EXPECT_EQ(Tree("%5%"), "refused by fuzzy");
  EXPECT_EQ(Tree("\"a|b\""), "refused by phrase");
  EXPECT_EQ(Tree("\"\""), "refused by phrase");
  EXPECT_EQ(Tree("a=>{$phonetic:true}"), "refused by attributes");
  EXPECT_EQ(Tree("a=>{$weight:-1}"), "refused by attributes");
  EXPECT_EQ(Tree("@loc:[200 2 3 km]"), "refused by geo");
  EXPECT_EQ(Tree("@tag:{the}", true), "refused by tags");
  EXPECT_EQ(Tree("(foo"), "refused");
}

TEST(SearchProfileTest, NumbersThatTheServerDoesNotKnowAreReplaced) {
  EXPECT_EQ(WithPlainNumbers("+3|1e5 .5 1.5 -7 inf INF"), " 7 | 7   7  1.5 -7 inf  7 ");
  EXPECT_EQ(WithPlainNumbers("-5foo -1.5* @n:[5. (1]"), "- 5foo  7  @n:[ 7  (1]");
  EXPECT_NE(Tree(WithPlainNumbers("@n:[.5 +3] 1e5 -5foo")), "left out by numbers");
}

TEST(SearchProfileTest, StopwordsAreInLowerCase) {
  EXPECT_EQ(Tree("\"the foo\"", true), "refused by phrase");
  EXPECT_EQ(Tree("\"foo bar the\"", true), "EXACT {\n  foo\n  bar\n}\n");
  EXPECT_EQ(Tree("\"THE\"", true), "the\n");
  EXPECT_TRUE(HasStopwords("foo -the"));
  EXPECT_TRUE(HasStopwords("THE"));
  EXPECT_TRUE(HasStopwords("@tag:{foo the"));
  EXPECT_FALSE(HasStopwords("@tag:{foo|the} \"the\""));
}

}  // namespace
}  // namespace resprobe::live
