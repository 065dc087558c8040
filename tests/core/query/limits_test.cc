#include <string>

#include "core/query/parser.h"
#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

Error ErrorOf(std::string_view query, const Options& options) {
  Ast ast;
  Error error;
  EXPECT_FALSE(Parse(query, options, &ast, &error)) << query.substr(0, 60);
  return error;
}

bool Parses(std::string_view query, const Options& options) {
  Ast ast;
  Error error;
  return Parse(query, options, &ast, &error);
}

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

// `(a(a(a...(@mod:a)...)))`, or with `|`, nested as in Redis Search's own tests of its stack.
std::string Nested(int levels, std::string_view separator) {
  std::string out;
  for (int i = 1; i < levels; ++i) out.append("(foo").append(separator);
  return out + "(@mod:foo)" + std::string(static_cast<size_t>(levels - 1), ')');
}

TEST(StackLimitTest, IsThatOfTheServer) {
  // 84 levels of OR are the deepest nesting that the server's tests parse; 200 overflow its stack.
  EXPECT_TRUE(Parses(Nested(84, "|"), Dialect2()));
  EXPECT_TRUE(Parses(Nested(84, " "), Dialect2()));
  EXPECT_EQ(ErrorOf(Nested(200, "|"), Dialect2()).code, ErrorCode::kStack);
  EXPECT_EQ(ErrorOf(Nested(200, " "), Dialect2()).code, ErrorCode::kStack);
  EXPECT_TRUE(Parses(Nested(30, "|"), Dialect1()));
  EXPECT_TRUE(Parses(Nested(30, " "), Dialect1()));
}

TEST(StackLimitTest, IsFoundAtTheSymbolThatPassesIt) {
  for (const Options& options : {Dialect1(), Dialect2()}) {
    // The start, 254 parentheses, a word: 256 symbols.
    EXPECT_TRUE(Parses(Repeat("(", 254) + "foo" + Repeat(")", 254), options));
    const Error error = ErrorOf(Repeat("(", 255) + "foo" + Repeat(")", 255), options);
    EXPECT_EQ(error.code, ErrorCode::kStack);
    EXPECT_EQ(error.offset, 255u);
    EXPECT_EQ(ErrorOf(Repeat("(", 100'000), options).offset, 255u);
  }
}

TEST(StackLimitTest, CountsEachKindOfSymbol) {
  Options options = Dialect2();
  options.limits.max_stack = 5;
  EXPECT_TRUE(Parses("(((foo)))", options));
  EXPECT_FALSE(Parses("((((foo))))", options));
  EXPECT_TRUE(Parses("-~-foo", options));
  EXPECT_FALSE(Parses("-~-~foo", options));
  EXPECT_TRUE(Parses("a1 b1 c1 d1 e1 f1", options));
  EXPECT_TRUE(Parses("a1|b1|c1|d1|e1|f1", options));
  EXPECT_TRUE(Parses("a1 ((b1))", options));
  EXPECT_FALSE(Parses("a1 (((b1)))", options));
  EXPECT_TRUE(Parses("a1|(b1)", options));
  EXPECT_FALSE(Parses("a1|((b1))", options));
  EXPECT_TRUE(Parses("a1|b1 c1", options));
  EXPECT_FALSE(Parses("a1|b1 (c1)", options));
  EXPECT_TRUE(Parses("@f:(foo)", options));
  EXPECT_FALSE(Parses("@f:((foo))", options));
  EXPECT_TRUE(Parses("(((*)))", options));
  EXPECT_FALSE(Parses("((((*))))", options));
  options.dialect = Dialect::k1;
  EXPECT_TRUE(Parses("@f:@g:5", Dialect1()));
  EXPECT_FALSE(Parses("@f:@g:5", options));
}

TEST(StackLimitTest, HoldsForDeepNestsOfAnything) {
  for (const Options& options : {Dialect1(), Dialect2()}) {
    for (const char* open : {"(", "-", "~", "(foo ", "(foo|", "foo|(", "-(", "@f:(", "(@f:{a} ",
                             "-~-", "((foo)=>{$slop:1} "}) {
      const std::string query = Repeat(open, 200'000);
      Ast ast;
      Error error;
      EXPECT_FALSE(Parse(query, options, &ast, &error)) << open;
      EXPECT_LE(error.offset, 256u * std::string_view(open).size()) << open;
    }
  }
  EXPECT_EQ(ErrorOf(Repeat("@f:", 1000) + "foo", Dialect1()).code, ErrorCode::kStack);
}

TEST(StackLimitTest, HasATop) {
  Options options = Dialect2();
  options.limits.max_stack = UINT32_MAX;
  EXPECT_TRUE(Parses(
      Repeat("(", Limits::kMaxStack - 2) + "foo" + Repeat(")", Limits::kMaxStack - 2), options));
  EXPECT_EQ(ErrorOf(Repeat("(", 1'000'000), options).offset, Limits::kMaxStack - 1);
}

TEST(StackLimitTest, ListsAreFlat) {
  // None of these nests, so the length does not matter.
  for (const char* part : {"foo ", "\"x\" ", "%foo% ", "@f:{a} ", "-foo ", "@f:foo "}) {
    Ast ast;
    Error error;
    ASSERT_TRUE(Parse(Repeat(part, 50'000), Dialect2(), &ast, &error)) << part;
    EXPECT_LE(ast.depth(), 3u) << part;
  }
  Ast ast;
  Error error;
  ASSERT_TRUE(Parse("foo" + Repeat("|foo", 50'000), Dialect1(), &ast, &error));
  EXPECT_EQ(ast.depth(), 2u);
  ASSERT_TRUE(Parse("foo" + Repeat("=>{$slop:1}", 50'000), Dialect1(), &ast, &error));
  EXPECT_EQ(ast.depth(), 2u);
}

TEST(PatternLimitTest, AffixesHave2To1024Characters) {
  for (const Options& options : {Dialect1(), Dialect2()}) {
    EXPECT_TRUE(Parses(std::string(1024, 'a') + "*", options));
    EXPECT_TRUE(Parses("*" + std::string(1024, 'a') + "*", options));
    const Error too_long = ErrorOf("foo " + std::string(1025, 'a') + "*", options);
    EXPECT_EQ(too_long.code, ErrorCode::kPattern);
    EXPECT_EQ(too_long.offset, 4u);
    EXPECT_EQ(ErrorOf("*" + std::string(1025, 'a'), options).code, ErrorCode::kPattern);
    EXPECT_TRUE(Parses(std::string(1025, 'a'), options));

    EXPECT_TRUE(Parses("fo*", options));
    const Error too_short = ErrorOf("foo f*", options);
    EXPECT_EQ(too_short.code, ErrorCode::kPattern);
    EXPECT_EQ(too_short.offset, 4u);
    EXPECT_EQ(ErrorOf("*f", options).code, ErrorCode::kPattern);
    EXPECT_EQ(ErrorOf("@t:{*f*}", options).code, ErrorCode::kPattern);
  }
}

TEST(PatternLimitTest, EscapesAndBytesOfACharacterDoNotCount) {
  EXPECT_TRUE(Parses("\\-\\-*", Dialect2()));
  EXPECT_FALSE(Parses("\\-*", Dialect2()));
  EXPECT_FALSE(Parses("\xc3\xa9*", Dialect2()));
  EXPECT_TRUE(Parses("\xc3\xa9t*", Dialect2()));
  EXPECT_TRUE(Parses(Repeat("\xe4\xb8\xad", 1024) + "*", Dialect2()));
  EXPECT_FALSE(Parses(Repeat("\xe4\xb8\xad", 1025) + "*", Dialect2()));
}

TEST(PatternLimitTest, ParametersAreNotMeasured) { EXPECT_TRUE(Parses("$p*", Dialect2())); }

TEST(PatternLimitTest, WildcardsHaveUpTo1024Characters) {
  EXPECT_TRUE(Parses("w'" + std::string(1024, '?') + "'", Dialect2()));
  const Error error = ErrorOf("@t:{w'" + std::string(1025, '?') + "'}", Dialect2());
  EXPECT_EQ(error.code, ErrorCode::kPattern);
  EXPECT_EQ(error.offset, 4u);
}

TEST(PatternLimitTest, AreParameters) {
  Options options = Dialect2();
  options.limits.max_pattern = 4;
  options.limits.min_affix = 3;
  EXPECT_TRUE(Parses("abcd* abc*", options));
  EXPECT_FALSE(Parses("abcde*", options));
  EXPECT_FALSE(Parses("ab*", options));
  EXPECT_FALSE(Parses("w'abcde'", options));
}

TEST(LimitsTest, MemoryIsInProportionToTheQuery) {
  for (const char* part : {"a", "a1 ", "-a1|", "@f:{a|b} ", "%a1%|", "~a1-"}) {
    const std::string query = Repeat(part, 10'000) + "foo";
    Ast ast;
    Error error;
    ASSERT_TRUE(Parse(query, Dialect2(), &ast, &error)) << part;
    EXPECT_LE(ast.MemoryUsed(), (2 * query.size() + 2) * sizeof(Node) + query.size()) << part;
  }
}

}  // namespace
}  // namespace resprobe::query
