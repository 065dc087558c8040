#include "history/history.h"

#include <gtest/gtest.h>

#include <string>

namespace resprobe::history {
namespace {

TEST(HistoryTest, TextIsReadBack) {
  const std::string text =
      "# CLIENT BEGIN END  REQUESTS -> REPLIES\n"
      "0 10 20  SET k \"a b\" -> \"+OK\\r\\n\"\n"
      "1 12 ?  INCR n\n"
      "2 13 ?40  DEL k\n"
      "3 14 15  MULTI ; SET k \";\" ; EXEC -> \"+OK\\r\\n+QUEUED\\r\\n*1\\r\\n+OK\\r\\n\"\n";
  History history;
  std::string error;
  ASSERT_TRUE(Parse(text, &history, &error)) << error;
  ASSERT_EQ(history.operations.size(), 4u);
  EXPECT_EQ(history.operations[1].end_us, Operation::kNever);
  EXPECT_FALSE(history.operations[2].answered());
  EXPECT_EQ(history.operations[2].end_us, 40u);
  EXPECT_EQ(Print(history), text);
}

struct Wrong {
  const char* line;
  const char* error;
};

class WrongLineTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLineTest, IsNamed) {
  History history;
  std::string error;
  EXPECT_FALSE(Parse(std::string("# a comment\n") + GetParam().line, &history, &error));
  EXPECT_EQ(error, std::string("line 2: ") + GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, WrongLineTest,
    testing::Values(
        Wrong{"x 1 2  GET k -> \"$-1\\r\\n\"", "the first word is the number of the client"},
        Wrong{"0 y 2  GET k", "the second word is the time of the begin, in microseconds"},
        Wrong{"0 1", "the time of the end is missing"},
        Wrong{"0 1 later  GET k",
              "the third word is the time of the end, in microseconds, or '?', or '?TIME'"},
        Wrong{"0 3 2  GET k -> \"$-1\\r\\n\"", "it ends before it begins"},
        Wrong{"0 1 2  -> \"$-1\\r\\n\"", "a request is missing"},
        Wrong{"0 1 2  GET k ->", "the replies are missing after ->"},
        Wrong{"0 1 2  GET k", "it has an end, so it needs replies: -> \"…\""},
        Wrong{"0 1 ?  GET k -> \"$-1\\r\\n\"", "its end is unknown, so it has no replies"},
        Wrong{"0 1 2  GET k -> \"$5\\r\\nab\"", "what is after -> is not whole replies of RESP"},
        Wrong{"0 1 2  GET k -> \":1\\r\\n\" more", "a word is left over: more"}));

}  // namespace
}  // namespace resprobe::history
