// How dialect 1 differs. The expected trees follow the explain plans of the "Query dialects" page
// of redis.io, of Redis Search's own tests and of its issues 1086 and 1190.
#include <ostream>

#include "core/query/parser.h"
#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

struct Case {
  const char* query;
  const char* shape;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }
};

class Dialect1Test : public testing::TestWithParam<Case> {};
TEST_P(Dialect1Test, Parses) { EXPECT_EQ(Shape1(GetParam().query), GetParam().shape); }

INSTANTIATE_TEST_SUITE_P(
    OrAndAnd, Dialect1Test,
    testing::Values(
        Case{"hello world | goodbye moon", "(or (and hello world) (and goodbye moon))"},
        Case{"hello world | \"goodbye\" moon", "(and (or (and hello world) \"goodbye\") moon)"},
        Case{"hello world | goodbye \"moon\"", "(and (or (and hello world) goodbye) \"moon\")"},
        Case{"\"hello\" \"world\" | \"goodbye\" \"moon\"",
             "(and \"hello\" (or \"world\" \"goodbye\") \"moon\")"},
        Case{"hello | \"world\" again", "(and (or hello \"world\") again)"},
        Case{"window (kiosk) | (veranda)", "(and window (or kiosk veranda))"},
        Case{"window kiosk | veranda", "(or (and window kiosk) veranda)"},
        Case{"(foo bar)|(hello world) @date:[100 200]|@date:[500 +inf]",
             "(and (or (and foo bar) (and hello world)) (or (range @date 100 200) (range @date 500 "
             "inf)))"},
        Case{"foo bar \"baz\"", "(and foo bar \"baz\")"},
        Case{"\"baz\" foo bar", "(and \"baz\" foo bar)"},
        Case{"\"foo\" foo bar|baz", "(and \"foo\" (or (and foo bar) baz))"},
        Case{"a1|b1|c1", "(or a1 b1 c1)"}));

INSTANTIATE_TEST_SUITE_P(
    Prefixes, Dialect1Test,
    testing::Values(Case{"-hello world", "(not (and hello world))"},
                    Case{"-(hello world)", "(not (and hello world))"},
                    Case{"hello | -\"world\" again", "(or hello (not (and \"world\" again)))"},
                    Case{"hello ~-\"world\" ~again",
                         "(and hello (optional (not \"world\")) (optional again))"},
                    Case{"-a1|b1", "(not (or a1 b1))"}, Case{"-a1 \"b1\"", "(and (not a1) \"b1\")"},
                    Case{"~a1 \"b1\"", "(optional (and a1 \"b1\"))"},
                    Case{"-a1 -b1", "(and (not a1) (not b1))"},
                    Case{"~a1 -b1", "(optional (and a1 (not b1)))"},
                    Case{"~a1 -b1 \"c1\"", "(optional (and a1 (not b1) \"c1\"))"},
                    Case{"-a1 ~b1", "(and (not a1) (optional b1))"},
                    Case{"-a1 (b1) c1* %d1% @f:e1", "(not (and a1 b1 c1* %1:d1 (field @f e1)))"},
                    Case{"-a1=>{$weight:2}", "(not (attr a1 weight=2))"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, Dialect1Test,
    testing::Values(
        Case{"@t1:hello world @t2:howdy", "(and (field @t1 (and hello world)) (field @t2 howdy))"},
        Case{"@t1:(hello|world|mars)", "(field @t1 (or hello world mars))"},
        Case{"@name:James Brown", "(field @name (and James Brown))"},
        Case{"@f:a1 b1|c1 \"d1\"", "(and (field @f (or (and a1 b1) c1)) \"d1\")"},
        Case{"@a:x1|@b:y1", "(field @a (or x1 (field @b y1)))"},
        Case{"@a:@b:x1", "(field @a (field @b x1))"},
        Case{"@a:(x1 @b:[1 2])", "(field @a (and x1 (range @b 1 2)))"},
        Case{"@t1:hello=>{$weight:5} world", "(and (field @t1 (attr hello weight=5)) world)"},
        Case{"a1 b1=>{$weight:5} c1", "(and (attr (and a1 b1) weight=5) c1)"},
        Case{"very simple | @t:hello @t2:{ free\\ world } (@n:[1 2]|@n:[3 4]) (@g:[1.5 0.5 0.5 km] "
             "-@g:[2.5 1.5 0.5 km])",
             "(and (or (and very simple) (field @t hello)) (tag @t2 free world) (or (range @n 1 2) "
             "(range @n 3 4)) (and (geo @g 1.5 0.5 0.5 km) (not (geo @g 2.5 1.5 0.5 km))))"}));

INSTANTIATE_TEST_SUITE_P(
    Leaves, Dialect1Test,
    testing::Values(Case{"", "empty"}, Case{"*", "star"}, Case{"don't", "(and don t)"},
                    Case{"w'foo'", "(and w foo)"}, Case{"foo*", "foo*"}, Case{"%%x1%%", "%2:x1"},
                    Case{"\"a 'b'\"", "\"a 'b'\""}, Case{"@n:[(1 (-inf]", "(range @n (1 (-inf)"},
                    Case{"@f:{a|b c|d1*}", "(tag @f a (and b c) d1*)"},
                    Case{"foo=>{$weight:2;$slop:1}", "(attr foo weight=2 slop=1)"},
                    Case{"a1 > b1 != c1", "(and a1 b1 c1)"}, Case{"ismissing", "ismissing"}));

// Met by comparing with RediSearch 1.2 (docs/query-oracle.md).
INSTANTIATE_TEST_SUITE_P(
    AsTheServer, Dialect1Test,
    testing::Values(Case{"@f:{x1", "(tag @f x1)"}, Case{"@f:{x1}}}", "(tag @f x1)"},
                    Case{"@f:{x1}|y1", "(tag @f x1 y1)"},
                    Case{"@f:{x1|y1}|z1*", "(tag @f x1 y1 z1*)"},
                    Case{"(@f:{x1})|y1", "(or (tag @f x1) y1)"},
                    Case{"@f:{x1-y1", "(and (tag @f x1) (not y1))"},
                    Case{"@f:{x1}=>{$weight:2}|y1", "(or (attr (tag @f x1) weight=2) y1)"},
                    Case{"0|x1 0 1", "(and (or 0 (and x1 0)) 1)"},
                    Case{"x1 y1 z1|w1", "(or (and x1 y1 z1) w1)"},
                    Case{"x1 y1 5 6|w1", "(and x1 y1 (or (and 5 6) w1))"},
                    Case{"x1 ~_ ~y1", "(and x1 (optional (optional y1)))"}, Case{"_", "empty"},
                    Case{"@n:[-(5 ((6]", "(range @n (-5 (6)"},
                    Case{"@g:[(1 2 3 km]", "(geo @g (1 2 3 km)"},
                    Case{"@g:[1 2 (3 km]", "(geo @g 1 2 3 km)"}));

TEST(Dialect1Test, LacksWhatCameLater) {
  EXPECT_EQ(Shape1("$p"),
            "error at byte 0: expected an operand (parameters need dialect 2), found a "
            "parameter `$p`");
  EXPECT_EQ(Shape1("(*)"), "error at byte 1: expected an operand, found '*'");
  EXPECT_EQ(Shape1("@t1:(hello world)=>[KNN 10 @v $B]"),
            "error at byte 19: expected '{', found '['");
  EXPECT_EQ(Shape1("*=>[KNN 10 @v $B]"),
            "error at byte 1: expected the end of the query, found '=>'");
  EXPECT_EQ(Shape1("@n==5"), "error at byte 4: expected ':' or '|', found a number `5`");
  EXPECT_EQ(Shape1("@n:[5]"), "error at byte 5: expected a number, found ']'");
  EXPECT_EQ(Shape1("@n:[$a 5]"), "error at byte 4: expected a number, found a parameter `$a`");
  EXPECT_EQ(Shape1("@g:[WITHIN $p]"), "error at byte 4: expected a number, found a word `WITHIN`");
  EXPECT_EQ(Shape1("ismissing(@f)"), "error at byte 12: expected ':' or '|', found ')'");
  EXPECT_EQ(Shape1("@g:[1 2 3 $u]"),
            "error at byte 10: expected a unit (m, km, ft, mi), found a parameter `$u`");
  EXPECT_EQ(Shape1("foo=>{$weight:$w}"),
            "error at byte 14: expected the value of the attribute, found a parameter `$w`");
  EXPECT_EQ(Shape1("@f:{\"e\"}"),
            "error at byte 4: expected a tag (phrases need dialect 2), found a quoted phrase "
            "`\"e\"`");
  EXPECT_EQ(Shape1("@f:{x1}|-y1"), "error at byte 8: expected a tag, found '-'");
  EXPECT_EQ(Shape1("@f:{$p}"), "error at byte 4: expected a tag, found a parameter `$p`");
}

}  // namespace
}  // namespace resprobe::query
