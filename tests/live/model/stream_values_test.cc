#include "live/model/stream_values.h"

#include <gtest/gtest.h>

namespace resprobe::live {
namespace {

std::vector<StreamValue> Values(std::initializer_list<std::string_view> slices) {
  std::vector<StreamValue> values;
  for (const std::string_view slice : slices) EXPECT_EQ(SplitValues(slice, &values), slice.size());
  return values;
}

TEST(StreamValues, TellsPushesFromReplies) {
  const auto values = Values({"+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n"});
  ASSERT_EQ(values.size(), 3u);
  EXPECT_FALSE(values[0].push);
  EXPECT_TRUE(values[1].push);
  EXPECT_FALSE(values[2].push);
  EXPECT_EQ(InvalidatedKey(values[1]), "k");
}

TEST(StreamValues, LeavesAPartOfAValue) {
  std::vector<StreamValue> values;
  EXPECT_EQ(SplitValues("+OK\r\n$3\r\nab", &values), 5u);
  EXPECT_EQ(values.size(), 1u);
}

// redis sends a RESP3 null to a client in RESP2 in this form
// (docs/findings/redis-tracking-framing.md).
TEST(StreamValues, NonsenseIsTheSameInAnySlices) {
  const auto whole = Values({"+OK\r\n?what\r\n+PONG\r\n"});
  const auto sliced = Values({"+OK\r\n", "?wh", "at\r\n+PO", "NG\r\n"});
  EXPECT_EQ(ToText(whole), "OK\nno RESP: ?what\\r\\n+PONG\\r\\n");
  EXPECT_EQ(FindDifference(whole, sliced, /*any_order=*/false), "");
}

TEST(StreamValues, NonsenseOfOneSideDiffers) {
  const auto sound = Values({"+OK\r\n"});
  EXPECT_EQ(FindDifference(sound, Values({"?what\r\n"}), false), "no RESP");
  EXPECT_EQ(FindDifference(Values({"?what\r\n"}), Values({"?else\r\n"}), false), "no RESP");
  EXPECT_EQ(FindDifference(Values({"?what\r\n"}), sound, false), "another reply");
}

}  // namespace
}  // namespace resprobe::live
