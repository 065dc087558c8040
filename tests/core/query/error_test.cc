// The position of an error, and what its text says was expected and found.
#include "core/query/error.h"

#include <ostream>
#include <string>

#include "core/query/parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* query;
  uint32_t offset;
  const char* expected;
  const char* found;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }
};

class ErrorTest : public testing::TestWithParam<Case> {};

TEST_P(ErrorTest, SaysWhereAndWhat) {
  const Case& c = GetParam();
  Ast ast;
  Error error;
  ASSERT_FALSE(Parse(c.query, Dialect2(), &ast, &error)) << c.query;
  EXPECT_TRUE(ast.empty());
  EXPECT_EQ(error.code, ErrorCode::kSyntax);
  EXPECT_EQ(error.offset, c.offset) << c.query << ": " << error.ToString(c.query);
  EXPECT_THAT(error.expected, HasSubstr(c.expected)) << c.query;
  EXPECT_THAT(error.found, HasSubstr(c.found)) << c.query;
  EXPECT_LE(error.offset + error.length, std::string_view(c.query).size());
}

constexpr const char* kEnd = "the end of the query";

INSTANTIATE_TEST_SUITE_P(
    Dialect2, ErrorTest,
    testing::Values(
        // Operands and parentheses.
        Case{"(", 1, "an operand", kEnd}, Case{"()", 1, "an operand", "')'"},
        Case{"(foo", 4, "')'", kEnd}, Case{"foo)", 3, "the end of the query", "')'"},
        Case{"foo|", 4, "an operand", kEnd}, Case{"|foo", 0, "an operand", "'|'"},
        Case{"foo||bar", 4, "an operand", "'|'"}, Case{"-", 1, "an operand", kEnd},
        Case{"foo ~", 5, "an operand", kEnd}, Case{"foo *", 4, "the end of the query", "'*'"},
        Case{"* foo", 2, "'=>['", "a word"}, Case{"((*)", 4, "')'", kEnd},
        Case{"foo: bar", 3, "an operand, '|'", "':'"}, Case{"foo]", 3, "an operand, '|'", "']'"},
        Case{"foo == 5", 4, "an operand, '|'", "'=='"},
        // Quotes, fuzzy terms.
        Case{"foo \"bar", 4, "a closing quote", kEnd},
        Case{"@f:{\"bar}", 4, "a closing quote", kEnd}, Case{"%foo", 4, "'%', as often", kEnd},
        Case{"%%foo%", 6, "'%', as often", kEnd}, Case{"%", 1, "a word", kEnd},
        Case{"%%%%foo%%%%", 3, "the distance is 3 at most", "'%'"},
        Case{"%foo*%", 1, "a word", "an affix"}, Case{"%foo%%", 6, "a word", kEnd},
        // Fields.
        Case{"@f", 2, "':', '|' or a comparison", kEnd}, Case{"@f foo", 3, "':'", "a word"},
        Case{"@f:", 3, "an operand", kEnd}, Case{"@f|:foo", 3, "the name of a field", "':'"},
        Case{"@f|@g:foo", 3, "the name of a field", "a field"},
        Case{"@f|g=={1}", 4, "':' or '|'", "'=='"}, Case{"@f|g:{a}", 5, "an operand", "'{'"},
        Case{"@f|g:[1 2]", 5, "an operand", "'['"}, Case{"@f:@g:x", 3, "text", "a field"},
        Case{"@f:(a1 @g:[1 2])", 7, "text", "a field"},
        Case{"@f:(ismissing(@g))", 14, "text", "a field"}, Case{"@f:*", 3, "an operand", "'*'"},
        // Tags.
        Case{"@f:{", 4, "a tag", kEnd}, Case{"@f:{}", 4, "a tag", "'}'"},
        Case{"@f:{a|}", 6, "a tag", "'}'"}, Case{"@f:{a", 5, "'|' or '}'", kEnd},
        Case{"@f:{a-b}", 5, "'|' or '}'", "'-'"}, Case{"@f:{aa*b}", 7, "'|' or '}'", "a word"},
        // Numbers.
        Case{"@n:[", 4, "a number or a parameter", kEnd}, Case{"@n:[1", 5, "a number", kEnd},
        Case{"@n:[1 2", 7, "']', or the radius", kEnd}, Case{"@n:[(1]", 6, "a number", "']'"},
        Case{"@n:[1 x]", 6, "a number", "a word"}, Case{"@n:[x 1]", 4, "WITHIN", "a word"},
        Case{"@n:[--$p 1]", 6, "a number", "a parameter"}, Case{"@n:[((1 2]", 5, "a number", "'('"},
        Case{"@n==", 4, "a number", kEnd}, Case{"@n==(5", 4, "a number", "'('"},
        Case{"@n>foo", 3, "a number", "a word"},
        // Geo, shapes, vectors.
        Case{"@g:[1 2 3]", 9, "a unit (m, km, ft, mi)", "']'"},
        Case{"@g:[1 2 3 yd]", 10, "a unit", "a word"}, Case{"@g:[1 2 3 km", 12, "']'", kEnd},
        Case{"@g:[(1 2 3 km]", 9, "']'", "a number"},
        Case{"@g:[1 2 (3 km]", 8, "']', or the radius", "'('"},
        Case{"@g:[WITHIN poly]", 11, "a parameter", "a word"},
        Case{"@g:[WITHIN $p $q]", 14, "']'", "a parameter"},
        Case{"@v:[VECTOR_RANGE $q]", 19, "a parameter", "']'"},
        Case{"@v:[VECTOR_RANGE (1 $q]", 17, "a number", "'('"},
        // Attributes.
        Case{"foo=>", 5, "'{' or '['", kEnd}, Case{"foo=>{", 6, "the name of an attribute", kEnd},
        Case{"foo=>{weight:1}", 6, "'$' and the name", "a word"},
        Case{"foo=>{$height:1}", 6, "a known attribute", "a parameter"},
        Case{"foo=>{$weight}", 13, "':'", "'}'"}, Case{"foo=>{$weight:}", 14, "the value", "'}'"},
        Case{"foo=>{$weight:1 $slop:2}", 16, "';' or '}'", "a parameter"},
        Case{"foo=>{$weight:1;;", 17, "'$' and the name", kEnd},
        Case{"foo=>{;", 7, "'$' and the name", kEnd}, Case{"=>{$slop:1}", 0, "an operand", "'=>'"},
        // KNN.
        Case{"a1 b1=>[KNN 1 @v $q]", 5, "parentheses around", "'=>'"},
        Case{"a1|b1=>[KNN 1 @v $q]", 5, "parentheses around", "'=>'"},
        Case{"-a1=>[KNN 1 @v $q]", 3, "parentheses around", "'=>'"},
        Case{"(a1=>[KNN 1 @v $q])", 3, "')'", "'=>'"}, Case{"*=>{$slop:1}", 3, "'['", "'{'"},
        Case{"*=>[MNN 1 @v $q]", 4, "KNN", "a word"},
        Case{"*=>[KNN @v $q]", 8, "a number of", "a field"},
        Case{"*=>[KNN 1.5 @v $q]", 8, "a number of", "a number"},
        Case{"*=>[KNN -1 @v $q]", 8, "a number of", "a number"},
        Case{"*=>[KNN 1 v $q]", 10, "a field", "a word"},
        Case{"*=>[KNN 1 @v q]", 13, "a parameter", "a word"},
        Case{"*=>[KNN 1 @v $q EF]", 18, "a value", "']'"},
        Case{"*=>[KNN 1 @v $q $r]", 16, "AS or ']'", "a parameter"},
        Case{"*=>[KNN 1 @v $q AS]", 18, "a name", "']'"},
        Case{"*=>[KNN 1 @v $q AS x y]", 21, "']'", "a word"},
        Case{"*=>[KNN 1 @v $q", 15, "']'", kEnd},
        Case{"*=>[KNN 1 @v $q] foo", 17, "the end of the query, or '=>{'", "a word"},
        Case{"*=>[KNN 1 @v $q]=>[KNN 1 @v $q]", 16, "the end of the query, or '=>{'", "'=>'"}));

TEST(ErrorTest, ReadsWell) {
  EXPECT_EQ(Shape2("foo ("), "error at byte 5: expected an operand, found the end of the query");
  EXPECT_EQ(Shape2("@f bar"),
            "error at byte 3: expected ':', '|' or a comparison, found a word `bar`");
  EXPECT_EQ(Shape2("(foo]"), "error at byte 4: expected an operand, '|', '=>{' or ')', found ']'");
  EXPECT_EQ(Shape2("@f:{\xff\"}"),
            "error at byte 5: expected a closing quote, found the end of the query");
  EXPECT_EQ(Shape2("@f " + std::string(50, 'x')),
            "error at byte 3: expected ':', '|' or a comparison, found a word `" +
                std::string(40, 'x') + "...`");
}

TEST(ErrorTest, IsNotTouchedOnSuccess) {
  Ast ast;
  Error error;
  error.offset = 77;
  ASSERT_TRUE(Parse("foo", Dialect2(), &ast, &error));
  EXPECT_EQ(error.offset, 77u);
}

}  // namespace
}  // namespace resprobe::query
