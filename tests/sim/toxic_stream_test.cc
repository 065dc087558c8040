#include "sim/toxic_stream.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

using Kind = ToxicStream::Step::Kind;

class ToxicStreamTest : public testing::Test {
 protected:
  void Use(std::initializer_list<std::string_view> toxics) {
    std::vector<Toxic> parsed;
    std::string error;
    for (const std::string_view text : toxics) {
      const std::optional<Toxic> toxic = ParseToxic(text, &error);
      ASSERT_TRUE(toxic) << error;
      parsed.push_back(*toxic);
    }
    stream_.Reset(1, ToxicDirection::kDownstream, &counts_);
    stream_.SetToxics(parsed, 0);
  }
  // The output at this time, each slice in brackets, and the next step of the stream.
  std::string All(int64_t now_us) {
    std::string out;
    for (;;) {
      const ToxicStream::Step step = stream_.Next(now_us);
      switch (step.kind) {
        case Kind::kData:
          out += "[" + std::string(step.bytes) + "]";
          stream_.Taken(step.bytes.size(), now_us);
          break;
        case Kind::kHalfClose:
          return out + (step.caused ? " half-close" : " end");
        case Kind::kFin:
          return out + " fin";
        case Kind::kRst:
          return out + " rst";
        case Kind::kWait:
          if (step.at_us == ToxicStream::Step::kNever) return out;
          return out + " until " + std::to_string(step.at_us);
      }
    }
  }

  ToxicCounts counts_;
  ToxicStream stream_;
  std::string error_;
};

TEST_F(ToxicStreamTest, WithoutToxicsAllPassesAtOnce) {
  Use({});
  stream_.Put("abc", 5);
  stream_.Put("de", 6);
  EXPECT_EQ(All(6), "[abcde]");
  stream_.End(7);
  EXPECT_EQ(All(7), " end");
  EXPECT_TRUE(stream_.finished());
  for (const ToxicInfo& info : Toxics()) EXPECT_EQ(counts_[info.kind], 0u) << info.name;
}

TEST_F(ToxicStreamTest, LatencyDelaysEachPart) {
  Use({"latency latency=10"});
  stream_.Put("abc", 0);
  stream_.Put("de", 4000);
  EXPECT_EQ(All(4000), " until 10000");
  EXPECT_EQ(All(10000), "[abc] until 14000");
  EXPECT_EQ(All(14000), "[de]");
  EXPECT_EQ(counts_[ToxicKind::kLatency], 2u);
}

TEST_F(ToxicStreamTest, JitterNeverReorders) {
  Use({"latency latency=10 jitter=10"});
  for (int i = 0; i < 100; ++i) stream_.Put(std::string(1, static_cast<char>('0' + i % 10)), i);
  std::string got;
  for (int64_t now = 0; now < 40000; now += 100) {
    for (ToxicStream::Step step = stream_.Next(now); step.kind == Kind::kData;
         step = stream_.Next(now)) {
      got += step.bytes;
      stream_.Taken(step.bytes.size(), now);
    }
  }
  std::string all;
  for (int i = 0; i < 100; ++i) all += static_cast<char>('0' + i % 10);
  EXPECT_EQ(got, all);
}

TEST_F(ToxicStreamTest, SlicerCutsAndWaits) {
  Use({"slicer average_size=2 delay=50"});
  stream_.Put("abcde", 0);
  EXPECT_EQ(All(0), "[ab] until 50");
  EXPECT_EQ(All(50), "[cd] until 100");
  EXPECT_EQ(All(100), "[e]");
  EXPECT_EQ(counts_[ToxicKind::kSlicer], 2u);
}

TEST_F(ToxicStreamTest, BandwidthHoldsBack) {
  Use({"bandwidth rate=1"});  // 10 bytes in 10 ms
  stream_.Put("0123456789abcde", 0);
  EXPECT_EQ(All(0), "[0123456789] until 10000");
  EXPECT_EQ(All(10000), "[abcde]");
  EXPECT_GT(counts_[ToxicKind::kBandwidth], 0u);
}

TEST_F(ToxicStreamTest, PlacesInTheStream) {
  for (const auto& [toxic, what] :
       {std::pair("fin bytes=3", " fin"), std::pair("limit_data bytes=3", " fin"),
        std::pair("rst bytes=3", " rst"), std::pair("half_close bytes=3", " half-close")}) {
    Use({toxic});
    counts_.Reset();
    stream_.Put("ab", 0);
    EXPECT_EQ(All(0), "[ab]") << toxic;
    stream_.Put("cde", 1);
    EXPECT_EQ(All(1), "[c]" + std::string(what)) << toxic;
    EXPECT_EQ(counts_[ParseToxic(toxic, &error_)->kind], 1u) << toxic;
    EXPECT_EQ(All(2), "") << toxic;
  }
}

TEST_F(ToxicStreamTest, TimesOfTheConnection) {
  Use({"reset_peer timeout=2"});
  stream_.Put("ab", 0);
  EXPECT_EQ(All(0), "[ab] until 2000");
  EXPECT_EQ(All(2000), " rst");
  Use({"timeout timeout=2"});
  stream_.Put("ab", 0);
  EXPECT_EQ(All(0), " until 2000");
  EXPECT_EQ(All(2000), " fin");
  Use({"timeout"});
  stream_.Put("ab", 0);
  EXPECT_EQ(All(1000000), "");
  Use({"slow_close delay=2"});
  stream_.Put("ab", 0);
  stream_.End(0);
  EXPECT_EQ(All(0), "[ab] until 2000");
  EXPECT_EQ(All(2000), " end");
  Use({"down"});
  stream_.Put("ab", 0);
  EXPECT_EQ(All(0), " fin");
}

TEST_F(ToxicStreamTest, NeverReadLeavesNoRoom) {
  Use({"never_read bytes=4"});
  EXPECT_EQ(stream_.Room(3), 3u);
  EXPECT_EQ(counts_[ToxicKind::kNeverRead], 0u);
  stream_.Put("abc", 0);
  EXPECT_EQ(stream_.Room(3), 1u);
  stream_.Put("d", 0);
  EXPECT_EQ(stream_.Room(3), 0u);
  EXPECT_EQ(counts_[ToxicKind::kNeverRead], 2u);
}

TEST_F(ToxicStreamTest, ToxicsComposeAndChange) {
  Use({"latency latency=1", "slicer average_size=1 delay=10", "fin bytes=2"});
  stream_.Put("abc", 0);
  EXPECT_EQ(All(0), " until 1000");
  EXPECT_EQ(All(1000), "[a] until 1010");
  stream_.SetToxics({}, 1005);
  EXPECT_EQ(All(1005), "[bc]");
}

TEST_F(ToxicStreamTest, OnlyItsOwnDirection) {
  Use({"fin upstream bytes=0"});
  stream_.Put("abc", 0);
  EXPECT_EQ(All(0), "[abc]");
}

}  // namespace
}  // namespace resprobe
