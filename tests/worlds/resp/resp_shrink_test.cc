#include "worlds/resp/resp_shrink.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "worlds/resp/resp_parser.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {
namespace {

// `input` after passes that keep every candidate that contains `needle` and starts with a type byte
// of a reply.
std::string Shrunk(std::string_view input, std::string_view needle) {
  Tape tape(input.begin(), input.end());
  const auto still_fails = [&](const Tape& candidate) {
    EXPECT_LE(candidate.size(), input.size());
    return AsText(candidate).find(needle) != std::string_view::npos;
  };
  while (ShrinkResp(&tape, still_fails)) {
  }
  return std::string(AsText(tape));
}

TEST(ShrinkResp, LeavesOutWholeValues) {
  EXPECT_EQ(Shrunk("$0\r\n\r\n#f\r\n+X\r\n*1\r\n:1\r\n", "X"), "+X\r\n");
  EXPECT_EQ(Shrunk("$0\r\n\r\n:1", ":"), ":1");
}

TEST(ShrinkResp, ShortensBulksWithTheirLength) {
  EXPECT_EQ(Shrunk("$10\r\nabcdeXfghi\r\n", "X"), "$1\r\nX\r\n");
  EXPECT_EQ(Shrunk("=9\r\ntxt:abXcd\r\n", "abX"), "=3\r\nabX\r\n");
  EXPECT_EQ(Shrunk("$?\r\n;3\r\naXb\r\n;0\r\n", "X"), ";1\r\nX\r\n");
}

TEST(ShrinkResp, ShortensAggregatesWithTheirCount) {
  EXPECT_EQ(Shrunk("*3\r\n:1\r\n:2\r\n:3\r\n+end\r\n", ":2\r\n+end"), ":2\r\n+end\r\n");
  EXPECT_EQ(Shrunk("*3\r\n:1\r\n:2\r\n:3\r\n", "*"), "*0\r\n");
  EXPECT_EQ(Shrunk("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "%1\r\n+b"), "%1\r\n+b\r\n:2\r\n");
}

TEST(ShrinkResp, PutsChildrenInThePlaceOfTheirParents) {
  EXPECT_EQ(Shrunk("*2\r\n*1\r\n%1\r\n+k\r\n$3\r\naXb\r\n:1\r\n", "X\r\n"), "$1\r\nX\r\n");
  EXPECT_EQ(Shrunk("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", "|1\r\n+a"), "|1\r\n+a\r\n+b\r\n:1\r\n");
}

TEST(ShrinkResp, LeavesWhatItDoesNotUnderstand) {
  for (const std::string_view input :
       {"", "*2\r\n:1\r\n", "$5\r\nab", "*99999999999\r\n", "*", "$\r\n", "*1", "%1\r\n+a\r\n"}) {
    EXPECT_EQ(Shrunk(input, input), input);
  }
}

}  // namespace
}  // namespace resprobe
