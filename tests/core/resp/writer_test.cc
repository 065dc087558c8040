#include "core/resp/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"

namespace resprobe::resp {
namespace {

struct WriterCase {
  std::function<void(Writer&)> write;
  std::string_view resp2;
  std::string_view resp3;
};

TEST(Writer, BothProtocols) {
  using W = Writer&;
  for (const WriterCase& c : {
           WriterCase{[](W w) { w.Ok(); }, "+OK\r\n", "+OK\r\n"},
           WriterCase{[](W w) { w.SimpleString("QUEUED"); }, "+QUEUED\r\n", "+QUEUED\r\n"},
           WriterCase{[](W w) { w.SimpleError("ERR x"); }, "-ERR x\r\n", "-ERR x\r\n"},
           WriterCase{[](W w) { w.Integer(0); }, ":0\r\n", ":0\r\n"},
           WriterCase{[](W w) { w.Integer(std::numeric_limits<int64_t>::min()); },
                      ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
           WriterCase{[](W w) { w.Integer(std::numeric_limits<int64_t>::max()); },
                      ":9223372036854775807\r\n", ":9223372036854775807\r\n"},
           WriterCase{[](W w) { w.BulkString("a\r\nb"); }, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
           WriterCase{[](W w) { w.BulkString(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
           WriterCase{[](W w) { w.BulkInteger(-12); }, "$3\r\n-12\r\n", "$3\r\n-12\r\n"},
           WriterCase{[](W w) { w.NullBulk(); }, "$-1\r\n", "_\r\n"},
           WriterCase{[](W w) { w.NullArray(); }, "*-1\r\n", "_\r\n"},
           WriterCase{[](W w) { w.Null(); }, "$-1\r\n", "_\r\n"},
           WriterCase{[](W w) { w.ArrayHeader(3); }, "*3\r\n", "*3\r\n"},
           WriterCase{[](W w) { w.MapHeader(3); }, "*6\r\n", "%3\r\n"},
           WriterCase{[](W w) { w.SetHeader(3); }, "*3\r\n", "~3\r\n"},
           WriterCase{[](W w) { w.PushHeader(3); }, "*3\r\n", ">3\r\n"},
           WriterCase{[](W w) { w.Boolean(true); }, ":1\r\n", "#t\r\n"},
           WriterCase{[](W w) { w.Boolean(false); }, ":0\r\n", "#f\r\n"},
           WriterCase{[](W w) { w.Double("1.50"); }, "$4\r\n1.50\r\n", ",1.50\r\n"},
           WriterCase{[](W w) { w.Double(2.5); }, "$3\r\n2.5\r\n", ",2.5\r\n"},
           WriterCase{[](W w) { w.Double(-INFINITY); }, "$4\r\n-inf\r\n", ",-inf\r\n"},
           WriterCase{[](W w) { w.BigNumber("123"); }, "$3\r\n123\r\n", "(123\r\n"},
           WriterCase{[](W w) { w.Verbatim("txt", "ab"); }, "$2\r\nab\r\n", "=6\r\ntxt:ab\r\n"},
           WriterCase{[](W w) { w.BulkError("ERR x"); }, "-ERR x\r\n", "!5\r\nERR x\r\n"},
       }) {
    std::string out = "kept ";
    Writer writer(&out);
    EXPECT_EQ(writer.protocol(), 2);
    c.write(writer);
    EXPECT_EQ(out, "kept " + std::string(c.resp2));
    out.clear();
    writer.set_protocol(3);
    c.write(writer);
    EXPECT_EQ(out, c.resp3);
  }
  std::string out;
  Writer(&out, 3).AttributeHeader(2);
  EXPECT_EQ(out, "|2\r\n");
}

TEST(AppendRequest, IsWhatTheRequestParserReads) {
  const std::vector<std::string_view> args = {"SET", "", std::string_view("a\0\r\n", 4)};
  std::string out;
  AppendRequest(&out, args);
  EXPECT_EQ(out, std::string_view("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n", 29));
  RequestParser parser;
  const auto result = parser.Parse(out);
  EXPECT_EQ(result.status, RequestParser::Status::kRequest);
  EXPECT_EQ(result.consumed, out.size());
  EXPECT_EQ(std::vector<std::string_view>(parser.args().begin(), parser.args().end()), args);
}

// AppendReply() writes the canonical form: pairs of input and output.
TEST(AppendReply, IsCanonicalAndEqual) {
  struct Case {
    std::string_view input;
    std::string_view canonical;
  };
  for (const Case& c :
       {Case{"+OK\r\n", "+OK\r\n"}, Case{"-E\r\n", "-E\r\n"}, Case{":+07\r\n", ":7\r\n"},
        Case{"$-1\r\n", "$-1\r\n"}, Case{"*-1\r\n", "*-1\r\n"}, Case{"_\r\n", "_\r\n"},
        Case{"#t\r\n", "#t\r\n"}, Case{",1.50\r\n", ",1.50\r\n"}, Case{"(+12\r\n", "(+12\r\n"},
        Case{"!1\r\nE\r\n", "!1\r\nE\r\n"}, Case{"=5\r\ntxt:a\r\n", "=5\r\ntxt:a\r\n"},
        Case{"%?\r\n+a\r\n:1\r\n.\r\n", "%1\r\n+a\r\n:1\r\n"},
        Case{"~2\r\n+a\r\n+b\r\n", "~2\r\n+a\r\n+b\r\n"},
        Case{">1\r\n$1\r\na\r\n", ">1\r\n$1\r\na\r\n"},
        Case{"$?\r\n;1\r\na\r\n;0\r\n", "$1\r\na\r\n"},
        Case{"|1\r\n+k\r\n+v\r\n*2\r\n|0\r\n:1\r\n*?\r\n.\r\n",
             "|1\r\n+k\r\n+v\r\n*2\r\n|0\r\n:1\r\n*0\r\n"}}) {
    ReplyParser parser;
    ASSERT_EQ(parser.Parse(c.input).status, ReplyParser::Status::kValue) << c.input;
    Reply reply;
    parser.Take(&reply);
    std::string out;
    AppendReply(&out, reply.root());
    EXPECT_EQ(out, c.canonical);
    ASSERT_EQ(parser.Parse(out).status, ReplyParser::Status::kValue) << c.input;
    EXPECT_TRUE(Equal(reply.root(), parser.reply().root())) << c.input;
  }
}

TEST(AppendReply, WritesAPart) {
  ReplyParser parser;
  parser.Parse("*2\r\n:1\r\n|1\r\n+k\r\n+v\r\n*1\r\n:2\r\n");
  std::string out;
  AppendReply(&out, parser.reply().root()[1]);
  EXPECT_EQ(out, "|1\r\n+k\r\n+v\r\n*1\r\n:2\r\n");
  AppendReply(&out, ReplyView());
  EXPECT_EQ(out.size(), 20u);
}

}  // namespace
}  // namespace resprobe::resp
