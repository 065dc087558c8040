// The parts of the world cluster that know no server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "worlds/cluster/cluster_view.h"
#include "worlds/cluster/election_watch.h"
#include "worlds/cluster/write_ledger.h"
#include "worlds/cluster_bus/bus_tape.h"

namespace resprobe {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kNodes =
    "bbb 10.0.0.2:6379@16379 slave aaa 0 1700000000001 1 connected\n"
    "aaa 10.0.0.1:6379@16379,host myself,master - 0 0 1 connected 0-8191 [8192-<-ccc]\n"
    "ccc 10.0.0.3:6379@16379 master - 0 1700000000001 2 connected 8192-16382 16383\n";

std::string Replaced(std::string_view what, std::string_view with) {
  std::string text(kNodes);
  text.replace(text.find(what), what.size(), with);
  return text;
}
std::string WhyUnsettled(const std::string& text) {
  const std::optional<ClusterView> view = ClusterView::Parse(text);
  return view ? view->WhyUnsettled(3) : "not read";
}

TEST(ClusterViewTest, ReadsClusterNodes) {
  const std::optional<ClusterView> view = ClusterView::Parse(kNodes);
  ASSERT_TRUE(view);
  ASSERT_THAT(view->members(), SizeIs(3));
  EXPECT_EQ(view->Myself()->id, "aaa");
  EXPECT_EQ(view->Myself()->ip, "10.0.0.1");
  EXPECT_EQ(view->Find("bbb")->replicates, "aaa");
  EXPECT_EQ(view->OwnerOf(8191)->id, "aaa");
  EXPECT_EQ(view->OwnerOf(16383)->id, "ccc");
  EXPECT_EQ(view->WhyUnsettled(3), "");
  EXPECT_EQ(view->Agreed(),
            "aaa primary epoch 1 0-8191\nbbb replica of aaa\nccc primary epoch 2 8192-16382 "
            "16383-16383\n");
}

TEST(ClusterViewTest, SaysWhatIsNotSettled) {
  EXPECT_THAT(WhyUnsettled(Replaced("slave aaa", "slave,fail? aaa")), HasSubstr("suspected"));
  EXPECT_THAT(WhyUnsettled(Replaced("slave aaa", "slave,fail aaa")), HasSubstr("has failed"));
  EXPECT_THAT(WhyUnsettled(Replaced("slave aaa", "slave bbb")), HasSubstr("follows a replica"));
  EXPECT_THAT(WhyUnsettled(Replaced("slave aaa", "slave ddd")), HasSubstr("not there"));
  EXPECT_THAT(WhyUnsettled(Replaced("0-8191", "0-8190")), HasSubstr("1 slots have no owner"));
  EXPECT_THAT(WhyUnsettled(Replaced(" 2 connected", " 1 connected")), HasSubstr("share"));
  EXPECT_THAT(
      WhyUnsettled(std::string(kNodes) + "ddd 10.0.0.4:6379@16379 master - 0 0 0 connected"),
      HasSubstr("4 nodes instead of 3"));
  EXPECT_FALSE(ClusterView::Parse("aaa 10.0.0.1:6379@16379 chief - 0 0 1 connected"));
}

TEST(SlotOfKeyTest, HashesWhatIsInBraces) {
  EXPECT_EQ(SlotOfKey("123456789"), 0x31c3);
  EXPECT_EQ(SlotOfKey("{a}0"), 15495);
  EXPECT_EQ(SlotOfKey("x{a}{b}"), 15495);
  EXPECT_NE(SlotOfKey("{}a"), 15495);
}

TEST(ElectionWatchTest, SeesTwoVotesInAnEpochOverAPowerFailure) {
  ElectionWatch watch;
  watch.Reset(2);
  std::string seen;
  const std::string line = "1:M 14 Nov # Failover auth granted to 0123 () for epoch 7\n";
  EXPECT_EQ(watch.Read(0, &line, nullptr, &seen), "");
  EXPECT_EQ(watch.Read(1, &line, nullptr, &seen), "");
  const std::string empty;  // the log was not durable
  EXPECT_EQ(watch.Read(0, &empty, nullptr, &seen), "");
  EXPECT_EQ(watch.Read(0, &line, nullptr, &seen), "one_vote");
  EXPECT_THAT(seen, HasSubstr("epoch 7"));
}

TEST(ElectionWatchTest, SeesTwoWinnersOfAnEpoch) {
  const std::string log =
      "1:S 14 Nov # Failover election won: I'm the new master.\n"
      "1:S 14 Nov # configEpoch set to 5 after successful failover\n";
  for (const bool allowed : {false, true}) {
    ElectionWatch watch;
    watch.Reset(2);
    if (allowed) watch.AllowTwoWinners();
    std::string seen;
    EXPECT_EQ(watch.Read(0, &log, nullptr, &seen), "");
    EXPECT_EQ(watch.Read(1, &log, nullptr, &seen), allowed ? "" : "one_winner");
  }
}

TEST(ElectionWatchTest, SeesAVoteThatIsForgotten) {
  ElectionWatch watch;
  watch.Reset(1);
  std::string seen;
  const std::string before = "vars currentEpoch 9 lastVoteEpoch 8\n";
  const std::string after = "vars currentEpoch 9 lastVoteEpoch 7\n";
  EXPECT_EQ(watch.Read(0, nullptr, &before, &seen), "");
  EXPECT_EQ(watch.Read(0, nullptr, &after, &seen), "vote_kept");
}

TEST(WriteLedgerTest, KeepsWhatNothingHasDisturbed) {
  WriteLedger ledger;
  ledger.Reset(2);
  ledger.Accept(ledger.Send(0));
  EXPECT_EQ(ledger.MustHave(0), 1);
  const uint32_t unanswered = ledger.Send(0);
  EXPECT_EQ(ledger.MustHave(0), 1);
  EXPECT_TRUE(ledger.Replaces(0, unanswered, 1));
  EXPECT_FALSE(ledger.Replaces(0, 0, 1));
  ledger.Disturb();
  EXPECT_EQ(ledger.MustHave(0), 0);
  ledger.Accept(ledger.Send(0));
  EXPECT_EQ(ledger.MustHave(0), 0);
}

TEST(WriteLedgerTest, AConfirmedWriteIsKeptAsLongAsSomebodyHasIt) {
  WriteLedger ledger;
  ledger.Reset(1);
  ledger.Accept(ledger.Send(0));
  ledger.Confirm(0, 0b11);
  ledger.Disturb();
  EXPECT_EQ(ledger.MustHave(0), 1);
  ledger.Gone(0);
  EXPECT_EQ(ledger.MustHave(0), 1);
  EXPECT_EQ(ledger.Holders(0), 0b10u);
  ledger.Gone(1);
  EXPECT_EQ(ledger.MustHave(0), 0);
}

TEST(WriteLedgerTest, ARefusedWriteIsServedByNobody) {
  WriteLedger ledger;
  ledger.Reset(2);
  const uint32_t refused = ledger.Send(0);
  ledger.Refuse(refused);
  const uint32_t sent = ledger.Send(1);
  EXPECT_FALSE(ledger.MayServe(0, refused));
  EXPECT_FALSE(ledger.MayServe(0, sent));
  EXPECT_TRUE(ledger.MayServe(1, sent));
  EXPECT_FALSE(ledger.MayServe(1, 99));
}

TEST(HostilePacketsTest, AreThoseOfASeed) {
  BusPeople people;
  people.nodes.push_back(cluster::NodeId::Of(std::string(40, 'a')));
  people.epochs.push_back(7);
  size_t packets = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const std::vector<std::string> made = MakeHostilePackets(seed, people);
    EXPECT_EQ(made, MakeHostilePackets(seed, people));
    packets += made.size();
  }
  EXPECT_GT(packets, 200u);
}

}  // namespace
}  // namespace resprobe
