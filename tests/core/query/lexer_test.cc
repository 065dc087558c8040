#include "core/query/lexer.h"

#include <string>
#include <vector>

#include "core/query/ast.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace resprobe::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Each token as "kind:text"; punctuation as its kind alone.
std::vector<std::string> Lex(std::string_view query, Dialect dialect = Dialect::k2) {
  std::string padded(query);
  padded.append(Ast::kPadding, '\0');
  Lexer lexer(padded.data(), static_cast<uint32_t>(query.size()), dialect);
  std::vector<std::string> tokens;
  const Token& token = lexer.token;
  uint32_t last_end = 0;
  for (; token.kind != Tok::kEnd; lexer.Next()) {
    EXPECT_LE(last_end, token.begin);
    EXPECT_LT(token.begin, token.end);
    EXPECT_LE(token.end, query.size());
    EXPECT_LE(token.begin, token.text_begin);
    EXPECT_LE(token.text_end, token.end);
    last_end = token.end;
    const std::string text = padded.substr(token.text_begin, token.text_end - token.text_begin);
    switch (token.kind) {
      case Tok::kWord:
        tokens.push_back("word:" + text);
        break;
      case Tok::kNumber:
        tokens.push_back("number:" + text);
        break;
      case Tok::kParam:
        tokens.push_back("param:" + text);
        break;
      case Tok::kString:
        tokens.push_back("string:" + text);
        break;
      case Tok::kWildcard:
        tokens.push_back("wildcard:" + text);
        break;
      case Tok::kField:
        tokens.push_back("field:" + text);
        break;
      case Tok::kAffix:
        tokens.push_back(std::string("affix:") + (token.flags & kStarBefore ? "*" : "") + text +
                         (token.flags & kStarAfter ? "*" : ""));
        break;
      default:
        tokens.push_back(NameOf(token.kind));
    }
  }
  EXPECT_EQ(token.begin, query.size());
  EXPECT_EQ(token.end, query.size());
  return tokens;
}

TEST(LexerTest, WordsAreLettersDigitsUnderscoresHighBytesAndEscapes) {
  EXPECT_THAT(Lex("foo Bar_9 caf\xc3\xa9"),
              ElementsAre("word:foo", "word:Bar_9", "word:caf\xc3\xa9"));
  EXPECT_THAT(Lex("a\\-b\\ c\\\\d"), ElementsAre("word:a\\-b\\ c\\\\d"));
  EXPECT_THAT(Lex("abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
              ElementsAre("word:abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
}

TEST(LexerTest, EveryByteIsInTheClassThatTheGrammarGivesIt) {
  for (int c = 0; c < 256; ++c) {
    const std::string byte(1, static_cast<char>(c));
    // Eight and nine bytes: covers both paths of the scan of words.
    const std::string words = "a" + std::string(7, static_cast<char>(c)) + "b";
    const bool word_byte = std::isalnum(c) || c == '_' || c >= 0x80;
    const std::vector<std::string> tokens = Lex(words);
    EXPECT_EQ(word_byte, tokens.size() == 1 && tokens[0] == "word:" + words) << c;
    const bool escapable = std::ispunct(c) || std::isspace(c);
    EXPECT_EQ(escapable, Lex("a\\" + byte + "b").size() == 1) << c;
  }
}

TEST(LexerTest, UnknownPunctuationSpaceAndControlsSeparateWords) {
  EXPECT_THAT(Lex("foo,bar.baz/x#y&z^_`?"),
              ElementsAre("word:foo", "word:bar", "word:baz", "word:x", "word:y", "word:z"));
  EXPECT_THAT(Lex("_ __ _a \\_ @_ $_"),
              ElementsAre("word:__", "word:_a", "word:\\_", "field:_", "param:_"));
  EXPECT_THAT(Lex(std::string_view("a\0b\x01\x7f\tc\r\n", 9)),
              ElementsAre("word:a", "word:b", "word:c"));
  EXPECT_THAT(Lex("+ . @ $ ! = \\a \\"), ElementsAre("word:a"));
  EXPECT_THAT(Lex(""), IsEmpty());
}

TEST(LexerTest, NumbersHaveSignsFractionsAndExponents) {
  for (const std::string number :
       {"0", "12", "-12", "+12", "1.5", "-1.5", "5.", ".5", "-.5", "1e5", "1E-5", "1.5e+10", "5.e3",
        ".5e3", "inf", "INF", "+inf", "-Inf"}) {
    EXPECT_THAT(Lex(number), ElementsAre("number:" + number));
    EXPECT_THAT(Lex(number + "|" + number),
                ElementsAre("number:" + number, "'|'", "number:" + number));
  }
}

TEST(LexerTest, ANumberEndsWhereNoWordGoesOn) {
  EXPECT_THAT(Lex("5foo"), ElementsAre("word:5foo"));
  EXPECT_THAT(Lex("1e5x"), ElementsAre("word:1e5x"));
  EXPECT_THAT(Lex("5e"), ElementsAre("word:5e"));
  EXPECT_THAT(Lex("1.5foo"), ElementsAre("number:1", "word:5foo"));
  EXPECT_THAT(Lex("5.foo"), ElementsAre("number:5", "word:foo"));
  EXPECT_THAT(Lex("1.2.3"), ElementsAre("number:1.2", "number:.3"));
  EXPECT_THAT(Lex("-5foo"), ElementsAre("'-'", "word:5foo"));
  EXPECT_THAT(Lex("-info"), ElementsAre("'-'", "word:info"));
  EXPECT_THAT(Lex("+info"), ElementsAre("word:info"));
  EXPECT_THAT(Lex("5\\-"), ElementsAre("word:5\\-"));
}

TEST(LexerTest, AffixesTouchTheirStars) {
  EXPECT_THAT(Lex("foo* *foo *foo*"), ElementsAre("affix:foo*", "affix:*foo", "affix:*foo*"));
  EXPECT_THAT(Lex("5* *-5 *1.5*"), ElementsAre("affix:5*", "affix:*-5", "affix:*1.5*"));
  EXPECT_THAT(Lex("$p* *$p \"a b\"* *'a b'*"),
              ElementsAre("affix:p*", "affix:*p", "affix:a b*", "affix:*a b*"));
  EXPECT_THAT(Lex("foo * bar"), ElementsAre("word:foo", "'*'", "word:bar"));
  EXPECT_THAT(Lex("**"), ElementsAre("'*'", "'*'"));
  EXPECT_THAT(Lex("foo**"), ElementsAre("affix:foo*", "'*'"));
}

TEST(LexerTest, Dialect1HasNoParametersOrPhrasesInAffixes) {
  EXPECT_THAT(Lex("foo* 5* *x", Dialect::k1), ElementsAre("affix:foo*", "affix:5*", "affix:*x"));
  EXPECT_THAT(Lex("$p*", Dialect::k1), ElementsAre("param:p", "'*'"));
  EXPECT_THAT(Lex("*\"x\"", Dialect::k1), ElementsAre("'*'", "string:x"));
  EXPECT_THAT(Lex("\"x\"*", Dialect::k1), ElementsAre("string:x", "'*'"));
}

TEST(LexerTest, PhrasesEndAtTheirQuote) {
  EXPECT_THAT(Lex("\"a 'b' c\""), ElementsAre("string:a 'b' c"));
  EXPECT_THAT(Lex("'a \"b\" c'"), ElementsAre("string:a \"b\" c"));
  EXPECT_THAT(Lex("\"a\\\"b\" c"), ElementsAre("string:a\\\"b", "word:c"));
  EXPECT_THAT(Lex("\"\""), ElementsAre("string:"));
  EXPECT_THAT(Lex(std::string_view("\"\0\"", 3)), ElementsAre(std::string("string:\0", 8)));
  EXPECT_THAT(Lex("\"abc"), ElementsAre("an open quote"));
  EXPECT_THAT(Lex("\"abc\\\""), ElementsAre("an open quote"));
}

TEST(LexerTest, AnUnclosedSingleQuoteSeparates) {
  EXPECT_THAT(Lex("don't"), ElementsAre("word:don", "word:t"));
  EXPECT_THAT(Lex("w'abc"), ElementsAre("word:w", "word:abc"));
  EXPECT_THAT(Lex("'a\\' 'b\\'"), ElementsAre("string:a\\' ", "word:b\\'"));
  EXPECT_THAT(Lex("'a 'b'", Dialect::k1), ElementsAre("word:a", "word:b"));
}

TEST(LexerTest, WildcardsNeedDialect2) {
  EXPECT_THAT(Lex("w'foo*b?r' w\"it's\" w''"),
              ElementsAre("wildcard:foo*b?r", "wildcard:it's", "word:w", "string:"));
  EXPECT_THAT(Lex("w'a\\'b'"), ElementsAre("wildcard:a\\'b"));
  EXPECT_THAT(Lex("W'a' ew'a'"), ElementsAre("word:W", "string:a", "word:ew", "string:a"));
  EXPECT_THAT(Lex("w'foo'", Dialect::k1), ElementsAre("word:w", "word:foo"));
}

TEST(LexerTest, MarksAndComparisons) {
  EXPECT_THAT(Lex("|(){}[]:;%-~=>"), ElementsAre("'|'", "'('", "')'", "'{'", "'}'", "'['", "']'",
                                                 "':'", "';'", "'%'", "'-'", "'~'", "'=>'"));
  EXPECT_THAT(Lex("== != > >= < <= >=="),
              ElementsAre("'=='", "'!='", "'>'", "'>='", "'<'", "'<='", "'>='"));
  EXPECT_THAT(Lex("== != > >= < <= =>", Dialect::k1), ElementsAre("'=>'"));
  EXPECT_THAT(Lex("@a @b\\-c $d"), ElementsAre("field:a", "field:b\\-c", "param:d"));
}

TEST(LexerTest, LongRunsOfQuotesTakeLinearTime) {
  // A scan per `w\'` would be quadratic: two million scans of two million bytes would time out.
  std::string query;
  for (int i = 0; i < 1'000'000; ++i) query += "w\\' ";
  query += "'";
  EXPECT_EQ(Lex(query).size(), 1'000'000u);
}

TEST(LexerTest, IsUnsignedNumberAgreesWithTheLexer) {
  const std::string pieces[] = {"",    "5", "12", ".",   ".5",  "5.", "e", "e5",
                                "E+5", "-", "+",  "inf", "INF", "x",  "_", "*"};
  for (const std::string& a : pieces) {
    for (const std::string& b : pieces) {
      for (const std::string& c : pieces) {
        const std::string text = a + b + c;
        const std::vector<std::string> tokens = Lex(text);
        const bool is_number = tokens.size() == 1 && tokens[0] == "number:" + text;
        const bool has_sign = !text.empty() && (text[0] == '-' || text[0] == '+');
        EXPECT_EQ(IsUnsignedNumber(text), is_number && !has_sign) << text;
      }
    }
  }
}

}  // namespace
}  // namespace resprobe::query
