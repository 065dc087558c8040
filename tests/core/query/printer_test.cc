#include "core/query/printer.h"

#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

struct Case {
  const char* query;
  const char* printed;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }
};

// Checks the text, and that it parses to the same tree and prints as itself.
void ExpectPrints(const Case& c, const Options& options) {
  Ast ast;
  Error error;
  ASSERT_TRUE(Parse(c.query, options, &ast, &error)) << c.query << error.ToString(c.query);
  std::string printed = "kept|";
  Print(ast, options.dialect, &printed);
  ASSERT_EQ(printed, std::string("kept|") + c.printed);
  Ast again;
  ASSERT_TRUE(Parse(c.printed, options, &again, &error)) << error.ToString(c.printed);
  EXPECT_EQ(again, ast) << c.query;
  EXPECT_EQ(Printed(c.printed, options), c.printed);
}

class PrinterTest : public testing::TestWithParam<Case> {};
TEST_P(PrinterTest, Dialect2) { ExpectPrints(GetParam(), Dialect2()); }

INSTANTIATE_TEST_SUITE_P(
    Spacing, PrinterTest,
    testing::Values(Case{"", ""}, Case{" the ", ""}, Case{"( * )", "*"},
                    Case{" foo ,  bar ", "foo bar"}, Case{"foo | bar", "foo|bar"},
                    Case{"@f : ( foo  bar )", "@f:(foo bar)"}, Case{"@f | g : foo", "@f|g:foo"},
                    Case{"@n:[ ( 1 , +inf ]", "@n:[(1 inf]"}, Case{"@t:{ a  b | c }", "@t:{a b|c}"},
                    Case{"foo => { $Weight : 2 ; $slop:1; }", "foo=>{$weight:2;$slop:1}"},
                    Case{"@n >= -5", "@n>=-5"}, Case{"IsMissing( @f )", "ismissing(@f)"},
                    Case{"@g:[1 2 3 KM]", "@g:[1 2 3 km]"},
                    Case{"@g:[within $p]", "@g:[WITHIN $p]"},
                    Case{"@v:[vector_range 1 $p]", "@v:[VECTOR_RANGE 1 $p]"},
                    Case{"(*) => [ knn 5 @v $q ef 1 as x ] => { $slop:1 }",
                         "*=>[KNN 5 @v $q ef 1 AS x]=>{$slop:1}"}));

INSTANTIATE_TEST_SUITE_P(OperandsThatFollow, PrinterTest,
                         testing::Values(Case{"(-a1) 5", "(-a1) 5"}, Case{"-a1 5", "-(a1 5)"},
                                         Case{"(@f:a1) b1*", "(@f:a1) b1*"},
                                         Case{"(~a1) $p b1", "(~a1) $p b1"},
                                         Case{"(-a1) %b1%=>{$slop:1}", "(-a1) %b1%=>{$slop:1}"},
                                         Case{"@f:a1=>{$slop:1} 5", "@f:a1=>{$slop:1} 5"},
                                         Case{"(-a1) -5", "-a1 \\-5"}, Case{"(-a1) b1", "-a1 b1"}));

INSTANTIATE_TEST_SUITE_P(
    Parentheses, PrinterTest,
    testing::Values(Case{"((foo))", "foo"}, Case{"(a1 b1)|(c1 d1)", "a1 b1|c1 d1"},
                    Case{"(a1|b1) c1", "(a1|b1) c1"}, Case{"a1 (b1 c1)", "a1 (b1 c1)"},
                    Case{"a1|(b1|c1)", "a1|(b1|c1)"}, Case{"(-a1) b1", "-a1 b1"},
                    Case{"-(a1)", "-a1"}, Case{"-(a1 b1)", "-(a1 b1)"},
                    Case{"~(a1|b1)", "~(a1|b1)"}, Case{"(-a1)=>{$slop:1}", "(-a1)=>{$slop:1}"},
                    Case{"-(a1=>{$slop:1})", "-a1=>{$slop:1}"},
                    Case{"(@f:a1)=>{$slop:1}", "(@f:a1)=>{$slop:1}"},
                    Case{"@f:(a1=>{$slop:1})", "@f:a1=>{$slop:1}"}, Case{"@f:(-a1)", "@f:-a1"},
                    Case{"(@n:[1 2])=>{$slop:1}", "@n:[1 2]=>{$slop:1}"},
                    Case{"(a1 b1)=>[KNN 1 @v $q]", "(a1 b1)=>[KNN 1 @v $q]"},
                    Case{"(-a1)=>[KNN 1 @v $q]", "(-a1)=>[KNN 1 @v $q]"},
                    Case{"(@f:a1)=>[KNN 1 @v $q]", "@f:a1=>[KNN 1 @v $q]"}));

INSTANTIATE_TEST_SUITE_P(
    Escapes, PrinterTest,
    testing::Values(Case{"a\\-b\\ c", "a\\-b\\ c"}, Case{"a\\_b", "a_b"}, Case{"\\\\", "\\\\"},
                    Case{"caf\xc3\xa9", "caf\xc3\xa9"}, Case{"@a\\-b|c\\ d:x1", "@a\\-b|c\\ d:x1"},
                    Case{"$a\\-b", "$a\\-b"},
                    Case{"'it\\'s \"x\" \\\\ \\n'", "\"it's \\\"x\\\" \\\\ \\\\n\""},
                    Case{"w'it\\'s'", "w'it\\'s'"}, Case{"w\"it's\"", "w\"it's\""},
                    Case{"w\"it\\'s\"", "w'it\\'s'"}, Case{"w'\"'", "w'\"'"}, Case{"\\_", "\\_"},
                    Case{"\"a*b\"*", "\"a*b\"*"}, Case{"a\\*\\**", "a\\*\\**"},
                    Case{"@t:{a\\|b|c\\}d}", "@t:{a\\|b|c\\}d}"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, PrinterTest,
    testing::Values(Case{"1.5 1e+5 .5 5.", "1.5 1e+5 .5 5."}, Case{"-5 +5", "\\-5 \\+5"},
                    Case{"1\\.5x 5\\.5", "1\\.5x 5.5"}, Case{"- 5", "- 5"}, Case{"-(5)", "- 5"},
                    Case{"--5", "-\\-5"}, Case{"-(1.5*)", "- 1.5*"}, Case{"-*1.5", "-*1.5"},
                    Case{"-(5=>{$slop:1})", "- 5=>{$slop:1}"}, Case{"-(inf)", "- inf"},
                    Case{"-info", "-info"}, Case{"-5foo", "-5foo"}, Case{"-(5.5.5)", "-(5.5 .5)"},
                    Case{"-(5 6)", "-(5 6)"}, Case{"@f:-(5)", "@f:- 5"}, Case{"a1|-(5)", "a1|- 5"},
                    Case{"%5.5%", "%5.5%"}, Case{"@n:[+1E5 -INF]", "@n:[1e5 -inf]"},
                    Case{"@n:[--1 -$p]", "@n:[1 -$p]"},
                    Case{"foo=>{$weight:2.50}", "foo=>{$weight:2.50}"},
                    Case{"foo=>{$slop:-1}", "foo=>{$slop:\\-1}"}));

class Printer1Test : public testing::TestWithParam<Case> {};
TEST_P(Printer1Test, Dialect1) { ExpectPrints(GetParam(), Dialect1()); }

INSTANTIATE_TEST_SUITE_P(
    Dialect1, Printer1Test,
    testing::Values(Case{"a1 b1|c1 d1", "(a1 b1)|(c1 d1)"}, Case{"a1 (b1|c1)", "a1 (b1|c1)"},
                    Case{"\"a\" \"b\"|\"c\"", "\"a\" (\"b\"|\"c\")"},
                    Case{"a1 b1 \"c\" d1", "a1 b1 \"c\" d1"}, Case{"(a1 b1) c1", "(a1 b1) c1"},
                    Case{"-a1 b1", "-(a1 b1)"}, Case{"(-a1) b1", "(-a1) b1"},
                    Case{"-a1 \"b\"", "(-a1) \"b\""}, Case{"@f:a1 b1", "@f:(a1 b1)"},
                    Case{"(@f:a1) b1", "(@f:a1) b1"}, Case{"@f:a1|@g:b1", "@f:(a1|(@g:b1))"},
                    Case{"@f:@g:a1", "@f:@g:a1"}, Case{"(@f:a1)|(@g:b1)", "(@f:a1)|(@g:b1)"},
                    Case{"@n:[1 2] @t:{a}", "@n:[1 2] @t:{a}"},
                    Case{"a1 b1=>{$slop:1}", "(a1 b1)=>{$slop:1}"},
                    Case{"a1 (b1=>{$slop:1})", "a1 (b1=>{$slop:1})"},
                    Case{"a1|b1=>{$slop:1}", "a1|b1=>{$slop:1}"}, Case{"~-~a1", "~-~a1"},
                    Case{"-(5)", "- 5"}, Case{"- 5 6", "-(5 6)"}));

TEST(PrinterTest, AnEmptyTreePrintsAsNothing) {
  std::string out = "x";
  Print(Ast(), Dialect::k2, &out);
  EXPECT_EQ(out, "x");
}

TEST(PrinterTest, TextsOfAllLengths) {
  // Texts are copied in pieces; each length ends at another position in its last piece.
  for (size_t length = 1; length < 70; ++length) {
    const std::string word(length, 'x');
    const std::string query = word + " \"" + word + "\" $" + word + " w'" + word + "' @" + word +
                              ":{" + word + "|" + word + "-}";
    EXPECT_EQ(Shape2(query).substr(0, 5), "error");
    const std::string fine = query.substr(0, query.size() - 2) + "}";
    EXPECT_EQ(Printed(fine, Dialect2()), fine);
  }
}

}  // namespace
}  // namespace resprobe::query
