#include "sim/toxic.h"

#include <gtest/gtest.h>

#include <set>

namespace resprobe {
namespace {

TEST(Toxic, EveryKindHasItsNameOnce) {
  std::set<std::string_view> names;
  for (const ToxicInfo& info : Toxics()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindToxic(info.name), &info);
    EXPECT_EQ(ToxicNames()[static_cast<size_t>(info.kind)], info.name);
    EXPECT_FALSE(info.client_sees.empty());
    for (const ToxicAttribute& attribute : info.named()) {
      EXPECT_LE(attribute.least, attribute.usual) << info.name << " " << attribute.name;
      EXPECT_GE(attribute.most, attribute.usual) << info.name << " " << attribute.name;
    }
  }
  for (const std::string_view name : {"latency", "bandwidth", "slicer", "limit_data", "timeout",
                                      "reset_peer", "slow_close", "down"}) {
    EXPECT_NE(FindToxic(name), nullptr) << name;
  }
}

TEST(Toxic, TextGoesBothWays) {
  std::string error;
  for (const ToxicInfo& info : Toxics()) {
    Toxic toxic = MakeToxic(info.kind, ToxicDirection::kUpstream);
    for (const ToxicAttribute& attribute : info.named()) {
      ASSERT_TRUE(SetAttribute(&toxic, attribute.name, attribute.most, &error)) << error;
    }
    EXPECT_EQ(ParseToxic(PrintToxic(toxic), &error), toxic) << PrintToxic(toxic) << error;
    EXPECT_EQ(PrintToxic(MakeToxic(info.kind)), info.name);
  }
  EXPECT_EQ(ParseToxic("slicer average_size=3,delay=7", &error),
            MakeToxic(ToxicKind::kSlicer, ToxicDirection::kDownstream, {{3, 0, 7}}));
}

TEST(Toxic, BadTextSaysHowToMendIt) {
  std::string error;
  EXPECT_FALSE(ParseToxic("latencies", &error));
  EXPECT_NE(error.find("there is no toxic 'latencies': use one of latency"), error.npos) << error;
  EXPECT_EQ(error.find("alloc_failure"), error.npos) << error;
  EXPECT_FALSE(ParseToxic("latency latency=99999999999999999999", &error));
  EXPECT_EQ(error, "latency: 'latency=99999999999999999999': the number is too large");
  EXPECT_FALSE(ParseToxic("latency latency=x", &error));
  EXPECT_NE(error.find("'latency=x' is neither"), error.npos) << error;
  EXPECT_FALSE(ParseToxic("latency rate=3", &error));
  EXPECT_EQ(error, "latency has no 'rate': it has latency, jitter");
  EXPECT_FALSE(ParseToxic("slicer average_size=0", &error));
  EXPECT_NE(error.find("give a number from 1 to"), error.npos) << error;
}

}  // namespace
}  // namespace resprobe
