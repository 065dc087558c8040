// Every production of the grammar, in the dialect that has it.
#include "core/query/parser.h"

#include <ostream>

#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

struct Case {
  const char* query;
  const char* shape;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }
};

class ParserTest : public testing::TestWithParam<Case> {};
TEST_P(ParserTest, Dialect2) { EXPECT_EQ(Shape2(GetParam().query), GetParam().shape); }

INSTANTIATE_TEST_SUITE_P(WholeQueries, ParserTest,
                         testing::Values(Case{"", "empty"}, Case{" ,\t", "empty"},
                                         Case{"*", "star"}, Case{"(*)", "star"},
                                         Case{"( ( * ) )", "star"}, Case{"foo", "foo"}));

INSTANTIATE_TEST_SUITE_P(
    Text, ParserTest,
    testing::Values(Case{"foo", "foo"}, Case{"2020", "2020"}, Case{"-5", "-5"}, Case{"+5", "+5"},
                    Case{"inf", "inf"}, Case{"$p", "$p"}, Case{"a\\-b\\ c", "a-b c"},
                    Case{"\"hello world\"", "\"hello world\""}, Case{"'hello'", "\"hello\""},
                    Case{"\"a\\\"b\\x\\\\\"", "\"a\"b\\x\\\""}, Case{"\"\"", "\"\""},
                    Case{"foo*", "foo*"}, Case{"*foo", "*foo"}, Case{"*foo*", "*foo*"},
                    Case{"20*", "20*"}, Case{"$p*", "$p*"}, Case{"*$p*", "*$p*"},
                    Case{"\"a b\"*", "\"a b\"*"}, Case{"*'a b'", "*\"a b\""},
                    Case{"w'foo*b?r'", "w'foo*b?r'"}, Case{"w\"a'b\"", "w'a'b'"},
                    Case{"w''", "(and w \"\")"}, Case{"w'a\\'b'", "w'a\\'b'"},
                    Case{"%foo%", "%1:foo"}, Case{"%%foo%%", "%2:foo"}, Case{"%%%foo%%%", "%3:foo"},
                    Case{"% foo %", "%1:foo"}, Case{"%$p%", "%1:$p"}, Case{"%5%", "%1:5"},
                    Case{"%the%", "%1:the"}));

INSTANTIATE_TEST_SUITE_P(
    Operators, ParserTest,
    testing::Values(Case{"foo bar baz", "(and foo bar baz)"},
                    Case{"foo|bar|baz", "(or foo bar baz)"}, Case{"-foo", "(not foo)"},
                    Case{"~foo", "(optional foo)"}, Case{"- 5", "(not 5)"},
                    Case{"--foo", "(not (not foo))"}, Case{"-~foo", "(not (optional foo))"},
                    Case{"(foo)", "foo"}, Case{"((foo) (bar))", "(and foo bar)"},
                    Case{"(a1 b1) c1", "(and (and a1 b1) c1)"},
                    Case{"a1 (b1 c1)", "(and a1 (and b1 c1))"},
                    Case{"a1|(b1|c1)", "(or a1 (or b1 c1))"}, Case{"foo,bar", "(and foo bar)"}));

INSTANTIATE_TEST_SUITE_P(
    Precedence, ParserTest,
    testing::Values(
        Case{"a1 b1|c1 d1", "(or (and a1 b1) (and c1 d1))"},
        Case{"hello world | \"goodbye\" moon", "(or (and hello world) (and \"goodbye\" moon))"},
        Case{"hello | -\"world\" again", "(or hello (and (not \"world\") again))"},
        Case{"-hello world", "(and (not hello) world)"},
        Case{"hello ~-\"world\" ~again", "(and hello (optional (not \"world\")) (optional again))"},
        Case{"-a1|b1", "(or (not a1) b1)"}, Case{"@f:a1 b1", "(and (field @f a1) b1)"},
        Case{"@f:a1|b1", "(or (field @f a1) b1)"},
        Case{"@f:-a1 b1", "(and (field @f (not a1)) b1)"},
        Case{"-@f:a1 b1", "(and (not (field @f a1)) b1)"},
        Case{"a1 b1=>{$weight:2}", "(and a1 (attr b1 weight=2))"},
        Case{"-a1=>{$weight:2}", "(not (attr a1 weight=2))"},
        Case{"@f:a1=>{$weight:2}", "(field @f (attr a1 weight=2))"}));

// A field reaches the numbers after its operand, unless attributes end its scope: not any brace.
INSTANTIATE_TEST_SUITE_P(
    Scope, ParserTest,
    testing::Values(Case{"@f:a1 5", "(field @f (and a1 5))"},
                    Case{"@f:a\\] 5", "(field @f (and a] 5))"},
                    Case{"@f:a\\} 5", "(field @f (and a} 5))"},
                    Case{"@f:*a\\} 5", "(field @f (and *a} 5))"},
                    Case{"@f:a1=>{} 5", "(and (field @f a1) 5)"},
                    Case{"@f:a1=>{$weight:2} 5", "(and (field @f (attr a1 weight=2)) 5)"},
                    Case{"@f:(a1=>{$weight:2}) 5", "(field @f (and (attr a1 weight=2) 5))"}));

INSTANTIATE_TEST_SUITE_P(
    Attributes, ParserTest,
    testing::Values(Case{"(foo bar) => { $weight: 2.0; $slop: 1; $inorder: true; }",
                         "(attr (and foo bar) weight=2.0 slop=1 inorder=true)"},
                    Case{"foo=>{}", "foo"}, Case{"foo=>{ }=>{}", "foo"},
                    Case{"foo=>{$WEIGHT:$w}", "(attr foo weight=$w)"},
                    Case{"foo=>{$weight:1}=>{$slop:2}", "(attr foo weight=1 slop=2)"},
                    Case{"(foo=>{$weight:1})=>{$slop:-2}", "(attr foo weight=1 slop=-2)"},
                    Case{"((foo=>{$weight:1}) bar)=>{$slop:2}",
                         "(attr (and (attr foo weight=1) bar) slop=2)"},
                    Case{"foo=>{$phonetic:as;$yield_distance_as:the;$ef_runtime:1;$epsilon:.5;"
                         "$hybrid_policy:BATCHES;$batch_size:1;$shard_k_ratio:0.6;$rerank:true}",
                         "(attr foo phonetic=as yield_distance_as=the ef_runtime=1 epsilon=.5 "
                         "hybrid_policy=BATCHES batch_size=1 shard_k_ratio=0.6 rerank=true)"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, ParserTest,
    testing::Values(
        Case{"@f:foo", "(field @f foo)"}, Case{"@f : foo", "(field @f foo)"},
        Case{"@a\\-b:foo", "(field @a-b foo)"}, Case{"@f:(foo bar)", "(field @f (and foo bar))"},
        Case{"@f|g|5:foo", "(field @f g 5 foo)"}, Case{"@as|is:foo", "(field @as is foo)"},
        Case{"@f:$p", "(field @f $p)"},
        Case{"@f:~(foo|-bar)", "(field @f (optional (or foo (not bar))))"},
        Case{"ismissing(@f)", "(missing @f)"}, Case{"IsMissing ( @a\\-b )", "(missing @a-b)"},
        Case{"-ismissing(@f)", "(not (missing @f))"}, Case{"@f:ismissing", "(field @f ismissing)"},
        Case{"@f:{ismissing}", "(tag @f ismissing)"}));

INSTANTIATE_TEST_SUITE_P(
    Tags, ParserTest,
    testing::Values(Case{"@f:{foo}", "(tag @f foo)"},
                    Case{"@cities:{ New York | Los Angeles | Barcelona }",
                         "(tag @cities (and New York) (and Los Angeles) Barcelona)"},
                    Case{"@f:{as is the}", "(tag @f (and as is the))"},
                    Case{"@f:{the}", "(tag @f the)"},
                    Case{"@f:{$p|5|-5 x}", "(tag @f $p 5 (and -5 x))"},
                    Case{"@f:{fo*|*ba|w'*'|\"a b\"|'c'|\"\"}",
                         "(tag @f fo* *ba w'*' \"a b\" \"c\" \"\")"},
                    Case{"@f:{a}=>{$weight:2}", "(attr (tag @f a) weight=2)"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, ParserTest,
    testing::Values(
        Case{"@n:[1 2]", "(range @n 1 2)"}, Case{"@n:[1,2]", "(range @n 1 2)"},
        Case{"@n:[(1 (2]", "(range @n (1 (2)"}, Case{"@n:[(-inf +INF]", "(range @n (-inf inf)"},
        Case{"@n:[-1 --2]", "(range @n -1 2)"}, Case{"@n:[- - 1 ---2]", "(range @n 1 -2)"},
        Case{"@n:[1E5 -.5e-3]", "(range @n 1e5 -.5e-3)"}, Case{"@n:[$a -$b]", "(range @n $a -$b)"},
        Case{"@n:[($a (-$b]", "(range @n ($a (-$b)"}, Case{"@n:[270]", "(range @n 270)"},
        Case{"@n:[$p]", "(range @n $p)"}, Case{"@n:[-0]", "(range @n -0)"},
        Case{"@n==270", "(@n== 270)"}, Case{"@n != -5", "(@n!= -5)"}, Case{"@n>5", "(@n> 5)"},
        Case{"@n>=$p", "(@n>= $p)"}, Case{"@n<-$p", "(@n< -$p)"}, Case{"@n<=+inf", "(@n<= inf)"},
        Case{"@n>1 @n<5", "(and (@n> 1) (@n< 5))"},
        Case{"@n>1=>{$weight:2}", "(attr (@n> 1) weight=2)"}));

INSTANTIATE_TEST_SUITE_P(
    GeoAndVectors, ParserTest,
    testing::Values(Case{"@loc:[-122.41 37.77 5 km]", "(geo @loc -122.41 37.77 5 km)"},
                    Case{"@loc:[1 2 3 m]", "(geo @loc 1 2 3 m)"},
                    Case{"@loc:[1 2 3 FT]", "(geo @loc 1 2 3 ft)"},
                    Case{"@loc:[$lon $lat $r $unit]", "(geo @loc $lon $lat $r $unit)"},
                    Case{"@loc:[1 2 3 mi]=>{$weight:2}", "(attr (geo @loc 1 2 3 mi) weight=2)"},
                    Case{"@g:[WITHIN $poly]", "(WITHIN @g $poly)"},
                    Case{"@g:[contains $p]", "(CONTAINS @g $p)"},
                    Case{"@g:[INTERSECTS $p]", "(INTERSECTS @g $p)"},
                    Case{"@g:[DISJOINT $p]", "(DISJOINT @g $p)"},
                    Case{"@v:[VECTOR_RANGE 0.5 $q]", "(vrange @v 0.5 $q)"},
                    Case{"@v:[vector_range $r $q]=>{$yield_distance_as:d}",
                         "(attr (vrange @v $r $q) yield_distance_as=d)"}));

INSTANTIATE_TEST_SUITE_P(
    Knn, ParserTest,
    testing::Values(Case{"*=>[KNN 10 @v $q]", "(knn @v star 10 $q)"},
                    Case{"(*) => [ knn $k @v $q ]", "(knn @v star $k $q)"},
                    Case{"@year:[2020 2022]=>[KNN 10 @v $q]",
                         "(knn @v (range @year 2020 2022) 10 $q)"},
                    Case{"@t1:hello=>[KNN 1 @v $q]", "(knn @v (field @t1 hello) 1 $q)"},
                    Case{"@t1:-hello=>[KNN 1 @v $q]", "(knn @v (field @t1 (not hello)) 1 $q)"},
                    Case{"(foo bar)=>[KNN 1 @v $q]", "(knn @v (and foo bar) 1 $q)"},
                    Case{"foo=>{$weight:2}=>[KNN 1 @v $q]", "(knn @v (attr foo weight=2) 1 $q)"},
                    Case{"*=>[KNN 10 @v $q EF_RUNTIME 5 HYBRID_POLICY ADHOC_BF BATCH_SIZE $b]",
                         "(knn @v star 10 $q EF_RUNTIME 5 HYBRID_POLICY ADHOC_BF BATCH_SIZE $b)"},
                    Case{"*=>[KNN 10 @v $q AS score]", "(knn @v star 10 $q AS:score)"},
                    Case{"*=>[KNN 10 @v $q EF as as $name]", "(knn @v star 10 $q EF as AS:$name)"},
                    Case{"*=>[KNN 100 @v $q]=>{$SHARD_K_RATIO: 0.6; $YIELD_DISTANCE_AS: score}",
                         "(attr (knn @v star 100 $q) shard_k_ratio=0.6 yield_distance_as=score)"}));

TEST(ParserTest, SpansCoverWhatANodeStandsFor) {
  Ast ast;
  Error error;
  const std::string query = " (foo -@f:{a b}) ~\"x\"=>{$slop:1} ";
  ASSERT_TRUE(Parse(query, Dialect2(), &ast, &error));
  std::string dump;
  ast.Dump(&dump);
  EXPECT_EQ(dump,
            "And [1,32)\n"
            "  And [2,15)\n"
            "    Term \"foo\" [2,5)\n"
            "    Not [6,15)\n"
            "      Tag \"f\" [7,15)\n"
            "        And [11,14)\n"
            "          Term \"a\" [11,12)\n"
            "          Term \"b\" [13,14)\n"
            "  Optional [17,32)\n"
            "    Attributed [18,32)\n"
            "      Exact \"x\" [18,21)\n"
            "      Attribute slop \"1\" [24,31)\n");
}

TEST(ParserTest, AReusedTreeBecomesWhatAFreshOneBecomes) {
  Ast reused;
  Error error;
  const char* const queries[] = {
      "@f|g:(foo bar)=>{$slop:1} a\\-b", "foo", "(((", "", "*", "foo|bar", "@n:[(1E5 -inf] the"};
  for (int round = 0; round < 2; ++round) {
    for (const char* query : queries) {
      Ast fresh;
      const bool parsed = Parse(query, Dialect2(), &reused, &error);
      EXPECT_EQ(Parse(query, Dialect2(), &fresh, &error), parsed);
      EXPECT_EQ(reused, fresh) << query;
      EXPECT_EQ(reused.empty(), !parsed);
    }
  }
}

TEST(ParserTest, TreesDifferInShapeKindFlagAndText) {
  const char* const queries[] = {"foo",
                                 "fop",
                                 "\"foo\"",
                                 "foo*",
                                 "*foo",
                                 "*foo*",
                                 "%foo%",
                                 "%%foo%%",
                                 "$foo",
                                 "w'foo'",
                                 "foo bar",
                                 "foo|bar",
                                 "foo bar x1",
                                 "foo (bar x1)",
                                 "(foo bar) x1",
                                 "@f:foo",
                                 "@g:foo",
                                 "@f|g:foo",
                                 "@n:[1 2]",
                                 "@n:[(1 2]",
                                 "@n:[-1 2]",
                                 "@n:[1 3]",
                                 "@n>1",
                                 "@n>=1",
                                 "foo=>{$slop:1}",
                                 "foo=>{$weight:1}",
                                 "foo=>{$slop:$p}",
                                 "",
                                 "*",
                                 "-foo",
                                 "~foo",
                                 "longerthaneightbytes",
                                 "longerthaneightbytez",
                                 "longerthaneightbyte"};
  for (const char* a : queries) {
    for (const char* b : queries) {
      Ast x;
      Ast y;
      Error error;
      ASSERT_TRUE(Parse(a, Dialect2(), &x, &error)) << a;
      ASSERT_TRUE(Parse(b, Dialect2(), &y, &error)) << b;
      EXPECT_EQ(x == y, std::string_view(a) == b) << a << " and " << b;
    }
  }
}

TEST(ParserTest, EqualTreesMayStandElsewhere) {
  Ast a;
  Ast b;
  Error error;
  ASSERT_TRUE(Parse("foo @f:a\\_b", Dialect2(), &a, &error));
  ASSERT_TRUE(Parse("  (foo)   ( @f : a_b )", Dialect2(), &b, &error));
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace resprobe::query
