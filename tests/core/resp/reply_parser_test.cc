#include "core/resp/reply_parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tests/core/resp/parse_events.h"

namespace resprobe::resp {
namespace {

using std::string_view_literals::operator""sv;

// Parses exactly one value.
Reply ParseOne(std::string_view input) {
  ReplyParser parser;
  const auto result = parser.Parse(input);
  EXPECT_EQ(result.status, ReplyParser::Status::kValue) << input << ParseError().message();
  EXPECT_EQ(result.consumed, input.size()) << input;
  Reply reply;
  parser.Take(&reply);
  return reply;
}

struct ValueCase {
  std::string_view input;
  std::string_view text;  // ToText
};

constexpr ValueCase kValues[] = {

    // RESP2
    {"+OK\r\n", "OK"},
    {"+\r\n", ""},
    {"+a long line of more than one word\r\n", "a long line of more than one word"},
    {"+\0x\r\n"sv, "\\x00x"},
    {"-ERR no\r\n", "(error) ERR no"},
    {":0\r\n", "(integer) 0"},
    {":-12\r\n", "(integer) -12"},
    {":+5\r\n", "(integer) 5"},
    {":007\r\n", "(integer) 7"},
    {":-0\r\n", "(integer) 0"},
    {":12345678\r\n", "(integer) 12345678"},
    {":1234567890123456\r\n", "(integer) 1234567890123456"},
    {":9223372036854775807\r\n", "(integer) 9223372036854775807"},
    {":-9223372036854775808\r\n", "(integer) -9223372036854775808"},
    {"$3\r\nfoo\r\n", "\"foo\""},
    {"$0\r\n\r\n", "\"\""},
    {"$4\r\n\r\n\r\n\r\n", "\"\\r\\n\\r\\n\""},
    {"$-1\r\n", "(nil)"},
    {"*-1\r\n", "(nil)"},
    {"*0\r\n", "[]"},
    {"*2\r\n:1\r\n*1\r\n+x\r\n", "[(integer) 1, [x]]"},
    {"*3\r\n*0\r\n*-1\r\n$-1\r\n", "[[], (nil), (nil)]"},
    // RESP3
    {"_\r\n", "(nil)"},
    {"#t\r\n", "(true)"},
    {"#f\r\n", "(false)"},
    {",1.5\r\n", "(double) 1.5"},
    {",-inf\r\n", "(double) -inf"},
    {",nan\r\n", "(double) nan"},
    {",-nan\r\n", "(double) -nan"},
    {",5.\r\n", "(double) 5."},
    {",+1e5\r\n", "(double) +1e5"},
    {"(123456789012345678901234567890\r\n", "(big number) 123456789012345678901234567890"},
    {"(-1\r\n", "(big number) -1"},
    {"!5\r\nERR x\r\n", "(error) ERR x"},
    {"=5\r\ntxt:a\r\n", "txt:\"a\""},
    {"=4\r\nmkd:\r\n", "mkd:\"\""},
    {"%1\r\n+k\r\n:1\r\n", "{k: (integer) 1}"},
    {"%0\r\n", "{}"},
    {"%2\r\n+a\r\n%0\r\n*0\r\n+b\r\n", "{a: {}, []: b}"},
    {"~2\r\n+a\r\n+b\r\n", "~[a, b]"},
    {">2\r\n+invalidate\r\n_\r\n", ">[invalidate, (nil)]"},
    {"|1\r\n+ttl\r\n:9\r\n+v\r\n", "|{ttl: (integer) 9} v"},
    {"|0\r\n+v\r\n", "|{} v"},
    {"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", "[|{a: b} (integer) 1, (integer) 2]"},
    {"|1\r\n+a\r\n+b\r\n>1\r\n+p\r\n", "|{a: b} >[p]"},
    // Streamed
    {"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;2\r\nld\r\n;0\r\n", "\"Hello world\""},
    {"$?\r\n;0\r\n", "\"\""},
    {"*?\r\n.\r\n", "[]"},
    {"*?\r\n:1\r\n*?\r\n.\r\n*1\r\n+x\r\n.\r\n", "[(integer) 1, [], [x]]"},
    {"~?\r\n+a\r\n.\r\n", "~[a]"},
    {"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", "{a: (integer) 1, b: (integer) 2}"},
    {"*1\r\n*?\r\n|1\r\n+a\r\n+b\r\n+v\r\n.\r\n", "[[|{a: b} v]]"},
    {"*?\r\n$?\r\n;1\r\na\r\n;0\r\n+b\r\n.\r\n", "[\"a\", b]"},
    {"*?\r\n*2\r\n|1\r\n+a\r\n+b\r\n+v\r\n+w\r\n.\r\n", "[[|{a: b} v, w]]"}};

TEST(ReplyParser, Values) {
  for (const ValueCase& c : kValues) {
    const std::string expected =
        std::to_string(c.input.size()) + " " + std::string(c.text) + "\nidle\n";
    EXPECT_EQ(ReplyEvents(c.input), expected);
    EXPECT_EQ(ReplyEvents(c.input, EveryByte(c.input)), expected);
  }
}

struct ErrorCase {
  std::string_view input;
  ParseErrorCode code;
  uint64_t offset;
};

using enum ParseErrorCode;

constexpr ErrorCase kErrors[] = {

    {"x", kUnknownType, 0},
    {"\r\n", kUnknownType, 0},
    {";1\r\n", kUnknownType, 0},
    {".\r\n", kUnknownType, 0},
    {"*1\r\n.\r\n", kUnknownType, 4},
    {"*?\r\n*1\r\n.\r\n", kUnknownType, 8},
    {"$\r\n", kBadLength, 1},
    {"$01\r\n", kBadLength, 2},
    {"$+1\r\n", kBadLength, 1},
    {"$-0\r\n", kBadLength, 1},
    {"$-2\r\n", kBadLength, 1},
    {"$ 1\r\n", kBadLength, 1},
    {"$1 \r\n", kBadLength, 2},
    {"*1x\r\n", kBadLength, 2},
    {"*-2\r\n", kBadLength, 1},
    {"%-1\r\n", kBadLength, 1},
    {">-1\r\n", kBadLength, 1},
    {"=-1\r\n", kBadLength, 1},
    {"!-1\r\n", kBadLength, 1},
    {"~-1\r\n", kBadLength, 1},
    {">?\r\n", kBadLength, 1},
    {"|?\r\n", kBadLength, 1},
    {"=?\r\n", kBadLength, 1},
    {"!?\r\n", kBadLength, 1},
    {"$?x\r\n", kBadLength, 1},
    {":\r\n", kBadInteger, 1},
    {":-\r\n", kBadInteger, 2},
    {":12a\r\n", kBadInteger, 3},
    {":1\r2\r\n", kBadInteger, 2},
    {":9223372036854775808\r\n", kBadInteger, 1},
    {":123456789012345678901\r\n", kBadInteger, 1},
    {",\r\n", kBadDouble, 1},
    {",.5\r\n", kBadDouble, 1},
    {",1e400\r\n", kBadDouble, 1},
    {",INF\r\n", kBadDouble, 1},
    {",1.5x\r\n", kBadDouble, 4},
    {"#\r\n", kBadBoolean, 1},
    {"#T\r\n", kBadBoolean, 1},
    {"#tt\r\n", kBadBoolean, 1},
    {"#\0\r\n"sv, kBadBoolean, 1},
    {"_x\r\n", kBadNull, 1},
    {"(\r\n", kBadBigNumber, 1},
    {"(-\r\n", kBadBigNumber, 2},
    {"(1.5\r\n", kBadBigNumber, 2},
    {"=3\r\ntxt\r\n", kBadVerbatim, 7},
    {"=5\r\ntxt;a\r\n", kBadVerbatim, 7},
    {"+a\n", kBadLineEnd, 2},
    {"+\n", kBadLineEnd, 1},
    {"+a\rb\r\n", kBadLineEnd, 2},
    {"-a\r\r\n", kBadLineEnd, 2},
    {":1\n", kBadLineEnd, 2},
    {"$1\nx", kBadLineEnd, 2},
    {"$1\r\nax", kBadBulkEnd, 5},
    {"$1\r\na\rx", kBadBulkEnd, 6},
    {"$1\r\na\n", kBadBulkEnd, 5},
    {"$?\r\n+a\r\n", kBadChunk, 4},
    {"$?\r\n;1\r\na\r\n$", kBadChunk, 11},
    {"$?\r\n;1\r\nax", kBadBulkEnd, 9},
    {"$?\r\n;-1\r\n", kBadLength, 5},
    {"%?\r\n+a\r\n.\r\n", kBadStreamEnd, 8},
    {"*?\r\n|1\r\n+a\r\n+b\r\n.", kBadStreamEnd, 16},
    {"*?\r\n|0\r\n.", kBadStreamEnd, 8},
    {"*?\r\n.x\r\n", kBadStreamEnd, 5},
    {"*1\r\n>1\r\n", kNestedPush, 4},
    {"|1\r\n>1\r\n", kNestedPush, 4},
    {"*2\r\n:1\r\nx", kUnknownType, 8},
    {"$536870913\r\n", kBulkTooLong, 1},
    {"$99999999999999999999\r\n", kBulkTooLong, 1},
    {"*2147483648\r\n", kTooManyElements, 1},
    {"%4294967296\r\n", kTooManyElements, 1}};

TEST(ReplyParser, Errors) {
  for (const ErrorCase& c : kErrors) {
    ReplyParser parser;
    const Reply& reply = parser.reply();
    ASSERT_EQ(parser.Parse(c.input).status, ReplyParser::Status::kError) << c.input;
    EXPECT_EQ(parser.error().code, c.code) << c.input << ": " << parser.error().message();
    EXPECT_EQ(parser.error().offset, c.offset) << c.input;
    EXPECT_TRUE(reply.empty());
    EXPECT_FALSE(reply.root().valid());
    EXPECT_EQ(ReplyEvents(c.input), ReplyEvents(c.input, EveryByte(c.input)));
  }
}

TEST(ReplyParser, NullKindsDiffer) {
  EXPECT_EQ(ParseOne("_\r\n").root().null_kind(), NullKind::kResp3);
  EXPECT_EQ(ParseOne("$-1\r\n").root().null_kind(), NullKind::kBulk);
  EXPECT_EQ(ParseOne("*-1\r\n").root().null_kind(), NullKind::kArray);
  EXPECT_EQ(ParseOne("*0\r\n").root().null_kind(), NullKind::kNotNull);
}

TEST(ReplyParser, KeepsNumbersAsSent) {
  EXPECT_EQ(ParseOne(":+5\r\n").root().text(), "+5");
  EXPECT_EQ(ParseOne(":42\r\n").root().text(), "42");
  const Reply reply = ParseOne("*2\r\n:007\r\n,1.50\r\n");
  EXPECT_EQ(reply.root()[0].text(), "007");
  EXPECT_EQ(reply.root()[1].text(), "1.50");
  EXPECT_EQ(reply.root()[1].real(), 1.5);
}

TEST(ReplyParser, StopsBehindOneValue) {
  ReplyParser parser;
  const Reply& reply = parser.reply();
  std::string_view input = "$1\r\na\r\n*1\r\n:1\r\n+x\r\n";
  auto result = parser.Parse(input);
  EXPECT_EQ(result.consumed, 7u);
  EXPECT_EQ(ToText(reply.root()), "\"a\"");
  EXPECT_TRUE(parser.idle());
  input.remove_prefix(result.consumed);
  result = parser.Parse(input);
  EXPECT_EQ(result.consumed, 8u);
  EXPECT_EQ(ToText(reply.root()), "[(integer) 1]");
  input.remove_prefix(result.consumed);
  result = parser.Parse(input);
  EXPECT_EQ(result.consumed, 4u);
  EXPECT_EQ(ToText(reply.root()), "x");
  EXPECT_EQ(parser.offset(), 19u);
}

TEST(ReplyParser, UnfinishedReplyIsEmpty) {
  ReplyParser parser;
  const Reply& reply = parser.reply();
  EXPECT_EQ(parser.Parse("*2\r\n:1\r\n").status, ReplyParser::Status::kNeedMore);
  EXPECT_TRUE(reply.empty());
  EXPECT_FALSE(reply.root().valid());
  EXPECT_EQ(reply.nodes().size(), 2u);
  EXPECT_FALSE(parser.idle());
}

TEST(ReplyParser, TokenOffsetSaysWhereItWaits) {
  EXPECT_EQ(ReplyEvents("*2\r\n:1\r\n"), "more 8\n");
  EXPECT_EQ(ReplyEvents("*2\r\n:1"), "more 4\n");
  EXPECT_EQ(ReplyEvents("+OK\r\n$5\r\nab"), "5 OK\nmore 9\n");
  EXPECT_EQ(ReplyEvents("$?\r\n;5\r\nab"), "more 8\n");
}

TEST(ReplyParser, ErrorIsFinalUntilReset) {
  ReplyParser parser;
  ASSERT_EQ(parser.Parse("+OK\r\n").status, ReplyParser::Status::kValue);
  ASSERT_EQ(parser.Parse("?").status, ReplyParser::Status::kError);
  const auto again = parser.Parse("+OK\r\n");
  EXPECT_EQ(again.status, ReplyParser::Status::kError);
  EXPECT_EQ(again.consumed, 0u);
  EXPECT_EQ(parser.error().code, kUnknownType);
  EXPECT_EQ(parser.error().offset, 5u);
  EXPECT_EQ(parser.error().message(), "expected a type byte, got '?'");
  parser.Reset();
  EXPECT_EQ(parser.error().code, kNone);
  EXPECT_EQ(parser.Parse("+OK\r\n").status, ReplyParser::Status::kValue);
  EXPECT_EQ(parser.offset(), 5u);
}

TEST(ReplyParser, ResetInTheMiddleForgetsTheValue) {
  for (const std::string_view begun :
       {"*2\r\n:1\r\n", "$5\r\nab", "$?\r\n;3\r\na", "*?\r\n", ":1", "|1\r\n"}) {
    ReplyParser parser;
    const Reply& reply = parser.reply();
    parser.Parse(begun);
    parser.Reset();
    EXPECT_TRUE(reply.empty()) << begun;
    EXPECT_EQ(reply.node_count(), 0u) << begun;
    EXPECT_TRUE(parser.idle()) << begun;
    ASSERT_EQ(parser.Parse("*1\r\n:1\r\n").status, ReplyParser::Status::kValue) << begun;
    EXPECT_EQ(ToText(reply.root()), "[(integer) 1]") << begun;
  }
}

// A parser owns what it fills: there is no way to continue its value in the reply of another.
static_assert(!std::is_copy_constructible_v<ReplyParser> &&
              !std::is_move_constructible_v<ReplyParser> &&
              !std::is_copy_assignable_v<ReplyParser> && !std::is_move_assignable_v<ReplyParser>);
static_assert(std::is_same_v<decltype(std::declval<ReplyParser&>().reply()), const Reply&>);
template <class P>
concept FillsAReplyOfItsCaller = requires(P parser, Reply reply) { parser.Parse("", &reply); };
static_assert(!FillsAReplyOfItsCaller<ReplyParser&>);

TEST(ReplyParser, StreamsThatTakeTurnsDoNotTouchEachOther) {
  // Cut inside a bulk, a line, an aggregate and a chunk: where a parser continues in what the reply
  // already holds.
  const std::string_view first =
      "*2\r\n*1\r\n$40\r\n0123456789012345678901234567890123456789\r\n:5\r\n";
  const std::string_view second = "%1\r\n+a long line of text\r\n$?\r\n;3\r\nabc\r\n;0\r\n";
  for (size_t i = 1; i < first.size(); ++i) {
    for (size_t j = 1; j < second.size(); ++j) {
      ReplyParser a;
      ReplyParser b;
      ASSERT_EQ(a.Parse(first.substr(0, i)).status, ReplyParser::Status::kNeedMore);
      ASSERT_EQ(b.Parse(second.substr(0, j)).status, ReplyParser::Status::kNeedMore);
      ASSERT_EQ(a.Parse(first.substr(i)).status, ReplyParser::Status::kValue);
      ASSERT_EQ(b.Parse(second.substr(j)).status, ReplyParser::Status::kValue);
      ASSERT_EQ(ToText(a.reply().root()),
                "[[\"0123456789012345678901234567890123456789\"], (integer) 5]");
      ASSERT_EQ(ToText(b.reply().root()), "{a long line of text: \"abc\"}");
    }
  }
}

TEST(ReplyParser, AWholeValueIsTakenOut) {
  ReplyParser parser;
  Reply taken;
  ASSERT_EQ(parser.Parse("*2\r\n:1\r\n$3\r\nabc\r\n").status, ReplyParser::Status::kValue);
  const size_t allocated = parser.reply().memory_allocated();
  parser.Take(&taken);
  EXPECT_EQ(ToText(taken.root()), "[(integer) 1, \"abc\"]");
  EXPECT_EQ(taken.memory_allocated(), allocated);
  EXPECT_TRUE(parser.reply().empty());
  EXPECT_EQ(parser.reply().node_count(), 0u);
  // It stays as it is, whatever the parser does next.
  ASSERT_EQ(parser.Parse("+OK\r\n").status, ReplyParser::Status::kValue);
  EXPECT_EQ(ToText(taken.root()), "[(integer) 1, \"abc\"]");
  EXPECT_EQ(ToText(parser.reply().root()), "OK");
  parser.Take(&taken);
  EXPECT_EQ(ToText(taken.root()), "OK");
  // It cannot be taken twice.
  parser.Take(&taken);
  EXPECT_TRUE(taken.empty());
  EXPECT_FALSE(taken.root().valid());
}

TEST(ReplyParser, AValueThatIsArrivingCannotBeTaken) {
  const std::string_view value = "*2\r\n:1\r\n$?\r\n;4\r\nabcd\r\n;0\r\n";
  for (size_t i = 1; i < value.size(); ++i) {
    ReplyParser parser;
    Reply taken = ParseOne("+old\r\n");
    ASSERT_EQ(parser.Parse(value.substr(0, i)).status, ReplyParser::Status::kNeedMore);
    parser.Take(&taken);
    EXPECT_TRUE(taken.empty()) << i;
    ASSERT_EQ(parser.Parse(value.substr(i)).status, ReplyParser::Status::kValue) << i;
    parser.Take(&taken);
    EXPECT_EQ(ToText(taken.root()), "[(integer) 1, \"abcd\"]") << i;
  }
  // Nor can what has come before an error.
  ReplyParser parser;
  Reply taken = ParseOne("+old\r\n");
  ASSERT_EQ(parser.Parse("*2\r\n:1\r\n?").status, ReplyParser::Status::kError);
  parser.Take(&taken);
  EXPECT_TRUE(taken.empty());
}

TEST(ReplyParser, DeepestNestingIsALimitNotACrash) {
  ReplyLimits limits;
  const auto nested = [](size_t depth) {
    std::string input;
    for (size_t i = 0; i < depth; ++i) input += "*1\r\n";
    return input + ":1\r\n";
  };
  EXPECT_EQ(ReplyEvents(nested(1024)).substr(0, 6), "4100 [");
  const std::string too_deep = nested(1025);
  EXPECT_EQ(ReplyEvents(too_deep).substr(0, 13), "error 14 4096");
  EXPECT_EQ(ReplyEvents(too_deep), ReplyEvents(too_deep, EveryByte(too_deep)));
  // An empty aggregate and a null are never open.
  limits.max_depth = 1;
  EXPECT_EQ(ReplyEvents("*2\r\n*0\r\n*-1\r\n", {}, limits), "13 [[], (nil)]\nidle\n");
  // With practically no limit: no part of the code recurses.
  limits.max_depth = 1u << 30;
  const std::string deep = nested(200000);
  ReplyParser parser(limits);
  const Reply& reply = parser.reply();
  ASSERT_EQ(parser.Parse(deep).status, ReplyParser::Status::kValue);
  EXPECT_TRUE(Equal(reply.root(), reply.root()));
  std::string written;
  AppendReply(&written, reply.root());
  EXPECT_EQ(written, deep);
  EXPECT_EQ(ToText(reply.root()).size(), 2 * 200000 + std::string_view("(integer) 1").size());
}

struct LimitCase {
  ReplyLimits limits;
  std::string_view fits;
  std::string_view breaks;
  ParseErrorCode code;
  uint64_t offset;
};

TEST(ReplyParser, Limits) {
  const std::string line_31 = ":" + std::string(30, '0') + "\r\n";
  const std::string line_32 = ":" + std::string(31, '0') + "\r\n";
  const std::string line_33 = ":" + std::string(32, '0') + "\r\n";
  for (const LimitCase& c : {
           LimitCase{{.max_elements = 2}, "*2\r\n:1\r\n:2\r\n", "*3\r\n", kTooManyElements, 1},
           LimitCase{{.max_elements = 1}, "%1\r\n:1\r\n:2\r\n", "%2\r\n", kTooManyElements, 1},
           LimitCase{{.max_elements = 2},
                     "*?\r\n:1\r\n:2\r\n.\r\n",
                     "*?\r\n:1\r\n:2\r\n:",
                     kTooManyElements,
                     12},
           LimitCase{{.max_elements = 1},
                     "%?\r\n:1\r\n:2\r\n.\r\n",
                     "%?\r\n:1\r\n:2\r\n:",
                     kTooManyElements,
                     12},
           LimitCase{{.max_bulk = 3}, "$3\r\nabc\r\n", "$4\r\n", kBulkTooLong, 1},
           LimitCase{{.max_bulk = 3}, "!3\r\nabc\r\n", "!4\r\n", kBulkTooLong, 1},
           LimitCase{{.max_bulk = 3}, "+abc\r\n", "+abcd\r\n", kBulkTooLong, 4},
           LimitCase{{.max_bulk = 3}, "(123\r\n", "(1234\r\n", kBulkTooLong, 4},
           LimitCase{{.max_bulk = 3},
                     "$?\r\n;1\r\na\r\n;2\r\nbc\r\n;0\r\n",
                     "$?\r\n;1\r\na\r\n;3\r\n",
                     kBulkTooLong,
                     12},
           LimitCase{{.max_line = 32}, line_32, line_33, kLineTooLong, 32},
           LimitCase{{.max_line = 0}, line_31, line_33, kLineTooLong, 32},
           // A node takes 16 bytes.
           LimitCase{{.max_memory = 128}, "$80\r\n", "$106\r\n", kTooMuchMemory, 1},
           LimitCase{{.max_memory = 128},
                     "*4\r\n*0\r\n*0\r\n*0\r\n*0\r\n",
                     "*8\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n",
                     kTooMuchMemory,
                     27},
       }) {
    EXPECT_EQ(ReplyEvents(c.fits, {}, c.limits).find("\nerror"), std::string::npos) << c.fits;
    EXPECT_EQ(ReplyEvents(c.fits, EveryByte(c.fits), c.limits), ReplyEvents(c.fits, {}, c.limits));
    ReplyParser parser(c.limits);
    EXPECT_EQ(parser.Parse(c.breaks).status, ReplyParser::Status::kError) << c.breaks;
    EXPECT_EQ(parser.error().code, c.code) << c.breaks << ": " << parser.error().message();
    EXPECT_EQ(parser.error().offset, c.offset) << c.breaks;
    EXPECT_EQ(ReplyEvents(c.breaks, EveryByte(c.breaks), c.limits),
              ReplyEvents(c.breaks, {}, c.limits));
  }
}

TEST(ReplyParser, LyingLengthsTakeNoMemory) {
  for (const std::string_view input :
       {"*2147483647\r\n", "%2147483647\r\n:1\r\n", "$536870912\r\nab", "~2147483647\r\n_\r\n",
        "|1000000000\r\n", "*1\r\n*1\r\n*2000000000\r\n$500000000\r\n", "$?\r\n;500000000\r\nx",
        "=500000000\r\ntxt:", ">2147483647\r\n"}) {
    ReplyParser parser;
    const Reply& reply = parser.reply();
    ASSERT_EQ(parser.Parse(input).status, ReplyParser::Status::kNeedMore) << input;
    EXPECT_LE(reply.memory_used(), 6 * input.size() + 16) << input;
    EXPECT_LE(reply.memory_allocated(), 256u) << input;
  }
}

TEST(ReplyParser, TakingSwapsMemory) {
  ReplyParser parser;
  Reply taken;
  std::string input = "*50\r\n";
  for (int i = 0; i < 50; ++i) input += "$5\r\nhello\r\n";
  size_t allocated = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(parser.Parse(input).status, ReplyParser::Status::kValue);
    parser.Take(&taken);
    const size_t both = parser.reply().memory_allocated() + taken.memory_allocated();
    if (i == 1) allocated = both;
    if (i > 1) EXPECT_EQ(both, allocated);
  }
}

TEST(ReplyParser, ReusedReplyAllocatesNoMore) {
  ReplyParser parser;
  const Reply& reply = parser.reply();
  std::string input = "*50\r\n";
  for (int i = 0; i < 50; ++i) input += "$5\r\nhello\r\n";
  ASSERT_EQ(parser.Parse(input).status, ReplyParser::Status::kValue);
  const size_t allocated = reply.memory_allocated();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(parser.Parse(input).status, ReplyParser::Status::kValue);
  }
  EXPECT_EQ(reply.memory_allocated(), allocated);
}

TEST(ReplyParser, LongSimpleStringsAreFine) {
  // A server can send this: EVAL "return redis.status_reply(string.rep('x', 100000))" 0.
  const std::string text(100000, 'x');
  EXPECT_EQ(ReplyEvents("+" + text + "\r\n"), "100003 " + text + "\nidle\n");
}

}  // namespace
}  // namespace resprobe::resp
