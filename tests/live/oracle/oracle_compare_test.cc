#include "live/oracle/oracle_compare.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/resp/reply_parser.h"

namespace resprobe::live {
namespace {

std::string KindOf(std::string_view core, std::string_view server) {
  const auto parse = [](std::string_view bytes) {
    resp::ReplyParser parser;
    EXPECT_EQ(parser.Parse(bytes).status, resp::ReplyParser::Status::kValue) << bytes;
    resp::Reply reply;
    parser.Take(&reply);
    return reply;
  };
  return KindOfMismatch(parse(core).root(), parse(server).root());
}

TEST(KindOfMismatchTest, SaysInWhatRepliesDiffer) {
  EXPECT_EQ(KindOf(":1\r\n", "-ERR no\r\n"), "error ERR where the core has integer");
  EXPECT_EQ(KindOf(":1\r\n", ":2\r\n"), "value of integer");
  EXPECT_EQ(KindOf("*1\r\n:1\r\n", "*0\r\n"), "number of elements");
  EXPECT_EQ(KindOf("*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:3\r\n"), "value of array");
  EXPECT_EQ(KindOf("*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n"), "order of elements");
  EXPECT_EQ(KindOf("$-1\r\n", "*-1\r\n"), "null array where the core has null");
  EXPECT_EQ(KindOf("$-1\r\n", "_\r\n"), "null of RESP3 where the core speaks RESP2");
  EXPECT_EQ(KindOf("_\r\n", "$-1\r\n"), "null of RESP2 where the core speaks RESP3");
}

}  // namespace
}  // namespace resprobe::live
