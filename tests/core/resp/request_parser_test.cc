#include "core/resp/request_parser.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tests/core/resp/parse_events.h"

namespace resprobe::resp {
namespace {

using std::string_view_literals::operator""sv;

struct RequestCase {
  std::string_view input;
  std::string_view events;
};

// Verified against redis-server 7.0.15, which replies with the same texts.
constexpr RequestCase kMultibulk[] = {

    {"*1\r\n$4\r\nPING\r\n", "14 \"PING\"\nidle\n"},
    {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "19 \"GET\" \"\"\nidle\n"},
    {"*1\r\n$6\r\na\r\n\0bc\r\n"sv, "16 \"a\\r\\n\\x00bc\"\nidle\n"},
    {"*0\r\n*1\r\n$1\r\na\r\n", "15 \"a\"\nidle\n"},
    {"*-1\r\n*-5\r\n", "idle\n"},
    {"*2147483647\r\n", "more\n"},
    {"*2147483648\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*9223372036854775808\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*01\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*+1\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*-0\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"* 1\r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*1 \r\n", "error 0 Protocol error: invalid multibulk length\n"},
    {"*1\r\n$-1\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*1\r\n$01\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*1\r\n$+4\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*1\r\n$\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*1\r\n$ 4\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*1\r\n$536870912\r\n", "more\n"},
    {"*1\r\n$536870913\r\n", "error 4 Protocol error: invalid bulk length\n"},
    {"*2\r\n$1\r\na\r\n:4\r\n", "error 11 Protocol error: expected '$', got ':'\n"},
    {"*1\r\nx\r\n", "error 4 Protocol error: expected '$', got 'x'\n"},
    {"*1\r\n\r\n", "error 4 Protocol error: expected '$', got ' '\n"},
    {"*1\r\n\n\r\n", "error 4 Protocol error: expected '$', got ' '\n"},
    {"*1\r\n\xff\r\n", "error 4 Protocol error: expected '$', got '\xff'\n"},
    // The byte after CR and the two after a bulk are not checked.
    {"*1\rX$4\rYPINGxx*1\r\n$1\r\na\r\n", "14 \"PING\"\n25 \"a\"\nidle\n"},
    // Only a CR ends a header, and a NUL before it hides it.
    {"*1\n$4\nPING\n", "more\n"},
    {"*1\0\r\n$4\r\nPING\r\n"sv, "more\n"},
    {"*1\r\n$4\0\r\nPING\r\n"sv, "more\n"}};

constexpr RequestCase kInline[] = {

    {"PING\r\n", "6 \"PING\"\nidle\n"},
    {"PING\n", "5 \"PING\"\nidle\n"},
    {"\r\n\n   \r\nPING\n", "13 \"PING\"\nidle\n"},
    {"PING\r", "more\n"},
    {"PING\r\r\n", "7 \"PING\"\nidle\n"},
    {"$4\r\nPING\r\n", "4 \"$4\"\n10 \"PING\"\nidle\n"},
    {"  a\tb \n", "7 \"a\" \"b\"\nidle\n"},
    {"ECHO a\rb\r\n", "10 \"ECHO\" \"a\" \"b\"\nidle\n"},
    {"\vECHO a\vb\n", "10 \"ECHO\" \"a\\x0bb\"\nidle\n"},
    {"e \"a\\x41\\n\\q\"\r\n", "15 \"e\" \"aA\\nq\"\nidle\n"},
    {"e \"\\x4\" \"\\xzz\" \"\\\\\"\n", "20 \"e\" \"x4\" \"xzz\" \"\\\\\"\nidle\n"},
    {"e \"\\r\\t\\a\\b\\\"\"\n", "15 \"e\" \"\\r\\t\\a\\b\\\"\"\nidle\n"},
    {"e 'a\\'b\\n'\n", "11 \"e\" \"a'b\\\\n\"\nidle\n"},
    {"e \"\" ''\n", "8 \"e\" \"\" \"\"\nidle\n"},
    {"e a\"b\"\n", "7 \"e\" \"ab\"\nidle\n"},
    {"e \"a\"\v\n", "7 \"e\" \"a\"\nidle\n"},
    {"ok\n \"a\"b\n", "3 \"ok\"\nerror 3 Protocol error: unbalanced quotes in request\n"},
    {"\"a\n", "error 0 Protocol error: unbalanced quotes in request\n"},
    {"'a\n", "error 0 Protocol error: unbalanced quotes in request\n"},
    {"\"a\\\n", "error 0 Protocol error: unbalanced quotes in request\n"},
    {"a'b'\"c\"\n", "error 0 Protocol error: unbalanced quotes in request\n"},
    {"PING\0\r\n"sv, "more\n"}};

void ExpectEvents(std::span<const RequestCase> cases) {
  for (const RequestCase& c : cases) {
    EXPECT_EQ(RequestEvents(c.input), c.events) << c.input;
    EXPECT_EQ(RequestEvents(c.input, EveryByte(c.input)), c.events) << c.input;
  }
}

TEST(RequestParser, Multibulk) { ExpectEvents(kMultibulk); }
TEST(RequestParser, Inline) { ExpectEvents(kInline); }

TEST(RequestParser, LinesOverTheLimitAreErrors) {
  // Redis waits while it holds 65536 bytes of a line and fails with one more.
  struct Case {
    std::string start;
    std::string_view error;
  };
  for (const Case& c :
       {Case{"*1", "error 0 Protocol error: too big mbulk count string\n"},
        Case{"*1\r\n$1", "error 4 Protocol error: too big bulk count string\n"},
        Case{"aa", "error 0 Protocol error: too big inline request\n"},
        Case{std::string("*1\0", 3), "error 0 Protocol error: too big mbulk count string\n"}}) {
    const size_t line = c.start.rfind('\n') == std::string::npos ? 0 : c.start.rfind('\n') + 1;
    std::string input = c.start;
    input.resize(line + 65536, '1');
    EXPECT_EQ(RequestEvents(input), "more\n");
    input.push_back('1');
    EXPECT_EQ(RequestEvents(input), c.error);
    const size_t cuts[] = {1, 2, 100, 65000, line + 65535};
    EXPECT_EQ(RequestEvents(input, cuts), c.error);
  }
  // The longest inline line that is accepted, and one byte more.
  EXPECT_EQ(RequestEvents(std::string(65536, 'a') + "\n").substr(0, 7), "65537 \"");
  EXPECT_EQ(RequestEvents(std::string(65537, 'a') + "\n"),
            "error 0 Protocol error: too big inline request\n");
}

TEST(RequestParser, TighterLimitsBeforeAuthentication) {
  const auto events = [](std::string_view input) {
    const std::string whole = RequestEvents(input, {}, RequestLimits(), false);
    EXPECT_EQ(RequestEvents(input, EveryByte(input), RequestLimits(), false), whole);
    return whole;
  };
  EXPECT_EQ(events("*10\r\n"), "more\n");
  EXPECT_EQ(events("*11\r\n"), "error 0 Protocol error: unauthenticated multibulk length\n");
  EXPECT_EQ(events("*1\r\n$16384\r\n"), "more\n");
  EXPECT_EQ(events("*1\r\n$16385\r\n"), "error 4 Protocol error: unauthenticated bulk length\n");
  EXPECT_EQ(events("*2147483648\r\n"), "error 0 Protocol error: invalid multibulk length\n");
  const std::string bulk = "*1\r\n$16385\r\n" + std::string(16385, 'x') + "\r\n";
  EXPECT_EQ(events(bulk), "error 4 Protocol error: unauthenticated bulk length\n");
}

TEST(RequestParser, OldServersTakeFewerArguments) {
  const RequestLimits redis_6_2 = {.max_args = 1024 * 1024};
  EXPECT_EQ(RequestEvents("*1048576\r\n", {}, redis_6_2), "more\n");
  EXPECT_EQ(RequestEvents("*1048577\r\n", {}, redis_6_2),
            "error 0 Protocol error: invalid multibulk length\n");
}

TEST(RequestParser, RequestOverTheBufferLimitIsClosedWithoutAWord) {
  const RequestLimits limits = {.max_request = 14};
  EXPECT_EQ(RequestEvents("*1\r\n$4\r\nPING\r\nPING\r\n", {}, limits),
            "14 \"PING\"\n20 \"PING\"\nidle\n");
  for (const std::string_view input :
       {"*1\r\n$5\r\nPINGS\r\n", "*9\r\n$1\r\na\r\n$1\r\na\r\n", "a long inline request\n"}) {
    EXPECT_EQ(RequestEvents(input, {}, limits), "error 14 \n") << input;
    EXPECT_EQ(RequestEvents(input, EveryByte(input), limits), "error 14 \n") << input;
  }
}

TEST(RequestParser, CountsWhatAsksForNothing) {
  RequestParser parser;
  for (const char byte : "\r\n*0\r\n*-1\r\n  \r\nPIN"sv) parser.Parse({&byte, 1});
  EXPECT_EQ(parser.skipped(), 4u);
  EXPECT_EQ(parser.Parse("G\r\n").status, RequestParser::Status::kRequest);
  EXPECT_EQ(parser.skipped(), 4u);
  EXPECT_EQ(parser.Parse("PING\r\n").status, RequestParser::Status::kRequest);
  EXPECT_EQ(parser.skipped(), 0u);
  parser.Parse("\r\n");
  parser.Reset();
  EXPECT_EQ(parser.skipped(), 0u);
}

TEST(RequestParser, ErrorIsFinalUntilReset) {
  RequestParser parser;
  ASSERT_EQ(parser.Parse("PING\n*x\r\n").status, RequestParser::Status::kRequest);
  ASSERT_EQ(parser.Parse("*x\r\n").status, RequestParser::Status::kError);
  const auto again = parser.Parse("PING\n");
  EXPECT_EQ(again.status, RequestParser::Status::kError);
  EXPECT_EQ(again.consumed, 0u);
  EXPECT_EQ(parser.error().text, "Protocol error: invalid multibulk length");
  EXPECT_TRUE(parser.args().empty());
  parser.Reset();
  EXPECT_EQ(parser.error().text, "");
  EXPECT_EQ(parser.Parse("PING\n").status, RequestParser::Status::kRequest);
  EXPECT_EQ(parser.offset(), 5u);
}

TEST(RequestParser, ResetInTheMiddleForgetsTheRequest) {
  for (const std::string_view begun :
       {"*2\r\n$1\r\na\r\n"sv, "*1\r"sv, "*1\0"sv, "*1\r\n$5\r\nab"sv, "*1\r\n$5\r"sv, "PI"sv}) {
    RequestParser parser;
    parser.Parse(begun);
    parser.Reset();
    EXPECT_TRUE(parser.idle());
    ASSERT_EQ(parser.Parse("*1\r\n$1\r\nb\r\n").status, RequestParser::Status::kRequest) << begun;
    ASSERT_EQ(parser.args().size(), 1u) << begun;
    EXPECT_EQ(parser.args()[0], "b") << begun;
  }
}

TEST(RequestParser, LyingCountsTakeNoMemory) {
  RequestParser parser;
  EXPECT_EQ(parser.Parse("*2147483647\r\n$536870912\r\nab").status,
            RequestParser::Status::kNeedMore);
  EXPECT_LE(parser.memory_used(), 100u);
  EXPECT_LE(parser.memory_allocated(), 400u);
}

TEST(RequestParser, MemoryUsedIsOfTheRequestAtHand) {
  const std::string line = "SET k \"" + std::string(1000, 'v') + "\"\r\n";
  for (const size_t cut : {line.size(), line.size() / 2}) {
    RequestParser parser;
    parser.Parse(std::string_view(line).substr(0, cut));
    if (cut < line.size()) parser.Parse(std::string_view(line).substr(cut));
    EXPECT_GT(parser.memory_used(), 1000u) << cut;
    ASSERT_EQ(parser.Parse("*1\r\n$4\r\nPING\r\n").status, RequestParser::Status::kRequest);
    EXPECT_LE(parser.memory_used(), 100u) << cut;
    parser.Parse(line);
    parser.Reset();
    EXPECT_EQ(parser.memory_used(), 0u) << cut;
  }
}

// args() may point into the input and into the parser.
template <class T>
concept CanParse =
    requires(RequestParser& parser, T&& input) { parser.Parse(std::forward<T>(input)); };
static_assert(CanParse<std::string_view> && CanParse<const char*> && CanParse<std::string&> &&
              CanParse<const std::string&>);
static_assert(!CanParse<std::string>, "the arguments would outlive their bytes");
static_assert(!std::is_copy_constructible_v<RequestParser> &&
              !std::is_move_constructible_v<RequestParser> &&
              !std::is_move_assignable_v<RequestParser>);

TEST(RequestParser, ReusedParserAllocatesNoMore) {
  RequestParser parser;
  const std::string bytes =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\n" + std::string(100, 'v') + "\r\n";
  const std::string_view input = bytes;
  size_t allocated = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(parser.Parse(input.substr(0, 40)).status, RequestParser::Status::kNeedMore);
    ASSERT_EQ(parser.Parse(input.substr(40)).status, RequestParser::Status::kRequest);
    ASSERT_EQ(parser.Parse("SET \"k\" v\r\n").status, RequestParser::Status::kRequest);
    if (i == 0) allocated = parser.memory_allocated();
    EXPECT_EQ(parser.memory_allocated(), allocated);
  }
}

}  // namespace
}  // namespace resprobe::resp
