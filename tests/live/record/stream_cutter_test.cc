#include "live/record/stream_cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace resprobe::live {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The pieces of a stream that arrives `slice` bytes at a time.
template <class Messages>
struct Cut {
  Cut(std::string_view bytes, size_t max_bytes, size_t slice)
      : cutter(max_bytes, [this](std::string_view piece) { pieces.emplace_back(piece); }) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(slice, bytes.size()))) {
      cutter.Feed(bytes.substr(0, slice), [this] { ++messages; });
    }
    cutter.Finish();
  }
  std::vector<std::string> pieces;
  int messages = 0;
  StreamCutter<Messages> cutter;
};
using Replies = Cut<ReplyMessages>;
using Requests = Cut<RequestMessages>;

class StreamCutterTest : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Slices, StreamCutterTest, testing::Values(1, 2, 3, 7, 1000));

TEST_P(StreamCutterTest, CutsWhereAMessageEnds) {
  const Replies cut("+OK\r\n:1\r\n$3\r\nfoo\r\n*1\r\n:2\r\n", 10, GetParam());
  EXPECT_THAT(cut.pieces, ElementsAre("+OK\r\n:1\r\n", "$3\r\nfoo\r\n", "*1\r\n:2\r\n"));
  EXPECT_EQ(cut.messages, 4);
  EXPECT_FALSE(cut.cutter.refused());
}

TEST_P(StreamCutterTest, CutsRequestsOfBothForms) {
  const Requests cut("*1\r\n$4\r\nPING\r\nPING\r\nGET \"a b\"\r\n", 20, GetParam());
  EXPECT_THAT(cut.pieces, ElementsAre("*1\r\n$4\r\nPING\r\nPING\r\n", "GET \"a b\"\r\n"));
  EXPECT_EQ(cut.messages, 3);
}

TEST_P(StreamCutterTest, OfALongMessageKeepsTheBeginning) {
  const Replies cut("+OK\r\n$20\r\n01234567890123456789\r\n:1\r\n", 8, GetParam());
  EXPECT_THAT(cut.pieces, ElementsAre("+OK\r\n", "$20\r\n012", ":1\r\n"));
}

TEST_P(StreamCutterTest, KeepsAMessageThatFillsAPiece) {
  const Replies cut("$2\r\nab\r\n+OK\r\n", 8, GetParam());
  EXPECT_THAT(cut.pieces, ElementsAre("$2\r\nab\r\n", "+OK\r\n"));
}

TEST_P(StreamCutterTest, KeepsWhatIsUnfinishedAtTheEnd) {
  const Replies cut("+OK\r\n$3\r\nfo", 64, GetParam());
  EXPECT_THAT(cut.pieces, ElementsAre("+OK\r\n$3\r\nfo"));
  EXPECT_FALSE(cut.cutter.refused());
}

TEST(StreamCutterTest, EndsBehindWhatIsNoMessage) {
  const Replies cut("+OK\r\n?what\r\n+OK\r\n", 64, 1000);
  EXPECT_THAT(cut.pieces, ElementsAre("+OK\r\n?what\r\n+OK\r\n"));
  EXPECT_EQ(cut.messages, 1);
  EXPECT_TRUE(cut.cutter.refused());
  EXPECT_EQ(cut.cutter.unread(), 12u);
}

TEST(StreamCutterTest, KeepsNoMoreThanAPieceBehindWhatIsNoMessage) {
  StreamCutter<ReplyMessages> cutter(8,
                                     [](std::string_view piece) { EXPECT_LE(piece.size(), 8u); });
  for (int i = 0; i < 10; ++i) cutter.Feed("?0123456789", [] {});
  EXPECT_EQ(cutter.unread(), 110u);
}

TEST(StreamCutterTest, MakesNothingOfNothing) { EXPECT_THAT(Replies("", 64, 1).pieces, IsEmpty()); }

}  // namespace
}  // namespace resprobe::live
