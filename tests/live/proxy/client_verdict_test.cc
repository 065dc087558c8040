#include "live/proxy/client_verdict.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace resprobe::live {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

class ClientVerdictTest : public testing::Test {
 protected:
  uint64_t Times(const std::string& name) const { return verdict_.Wrongs().at(name).times; }
  // A request and its reply.
  void Exchange(uint64_t connection) {
    verdict_.OnClientBytes(connection, "GET a\r\n");
    verdict_.OnSent(connection, "$-1\r\n");
  }
  // A connection that ends before a reply.
  void InVain(uint64_t connection) {
    verdict_.OnOpen(connection);
    verdict_.OnCut(connection);
    verdict_.OnClose(connection);
  }
  void ExpectNothingWrong() const {
    for (const auto& [name, wrong] : verdict_.Wrongs()) EXPECT_EQ(wrong.times, 0) << name;
  }

  int64_t now_us_ = 10 * kSecondUs;
  bool has_read_all_ = true;
  ClientVerdict verdict_{{.tag = "tag",
                          .back_within_us = 5 * kSecondUs,
                          .now_us = [this] { return now_us_; },
                          .has_read_all = [this](uint64_t) { return has_read_all_; }}};
};

TEST_F(ClientVerdictTest, SaysNothingOfAClientThatDoesNothingWrong) {
  verdict_.OnOpen(1);
  for (int i = 0; i < 100; ++i) Exchange(1);
  verdict_.OnClose(1);
  ExpectNothingWrong();
  EXPECT_EQ(verdict_.requests(), 100);
  EXPECT_EQ(verdict_.replies(), 100);
  EXPECT_EQ(verdict_.ToText(),
            "verdict on 100 requests and 100 replies: the client did nothing that it must not\n");
}

TEST_F(ClientVerdictTest, SeesTheUseOfAConnectionAfterAProtocolError) {
  verdict_.OnOpen(1);
  Exchange(1);
  verdict_.OnSent(1, "x");
  verdict_.OnSent(1, "y\r\n");
  // This one may have been on its way.
  verdict_.OnClientBytes(1, "GET b\r\n");
  EXPECT_EQ(Times("use_after_error"), 0);
  verdict_.OnClientBytes(1, "GET c\r\n");
  EXPECT_EQ(Times("use_after_error"), 1);
  EXPECT_EQ(verdict_.Wrongs().at("use_after_error").first.find("connection 1: GET c, after "), 0)
      << verdict_.ToText();
  // Another connection is not concerned.
  verdict_.OnOpen(2);
  Exchange(2);
  Exchange(2);
  EXPECT_EQ(Times("use_after_error"), 1);
}

TEST_F(ClientVerdictTest, ForgivesRequestsThatWereOnTheirWay) {
  verdict_.OnOpen(1);
  verdict_.OnSent(1, "xy\r\n");
  has_read_all_ = false;
  for (int i = 0; i < 10; ++i) verdict_.OnClientBytes(1, "GET b\r\n");
  verdict_.OnClose(1);
  ExpectNothingWrong();
}

TEST_F(ClientVerdictTest, SeesAReplyThatAnotherCommandHasTaken) {
  verdict_.OnOpen(1);
  verdict_.OnClientBytes(1, "ECHO tag:1\r\nECHO tag:2\r\n");
  verdict_.OnClientBytes(1, "ECHO tag:1=tag:1\r\n");
  // An error, and a reply that no command was to get, are nobody's.
  verdict_.OnClientBytes(1, "ECHO tag:1=ERR\r\nECHO tag:2=tag:77\r\nECHO tagged:2=tag:1\r\n");
  EXPECT_EQ(Times("wrong_reply"), 0);
  verdict_.OnClientBytes(1, "ECHO tag:2=tag:1\r\n");
  EXPECT_EQ(Times("wrong_reply"), 1);
  EXPECT_EQ(verdict_.Wrongs().at("wrong_reply").first, "tag:2 got the reply of tag:1");
}

TEST_F(ClientVerdictTest, SeesAClientThatDoesNotComeBack) {
  verdict_.OnOpen(1);
  Exchange(1);
  verdict_.OnFaults(true);
  verdict_.OnCut(1);
  verdict_.OnClose(1);
  now_us_ += 60 * kSecondUs;
  EXPECT_EQ(Times("not_back"), 0);  // the fault is not over
  EXPECT_FALSE(verdict_.NotJudged().empty());
  verdict_.OnFaults(false);
  now_us_ += 4 * kSecondUs;
  EXPECT_EQ(Times("not_back"), 0);
  EXPECT_FALSE(verdict_.NotJudged().empty());
  now_us_ += kSecondUs;
  EXPECT_EQ(Times("not_back"), 1);
  verdict_.OnOpen(2);
  EXPECT_EQ(Times("not_back"), 1);
  Exchange(2);
  ExpectNothingWrong();
  EXPECT_TRUE(verdict_.NotJudged().empty());
}

TEST_F(ClientVerdictTest, SeesAClientThatWaitsForAReplyThatWasSwallowed) {
  verdict_.OnOpen(1);
  verdict_.OnFaults(true);
  verdict_.OnClientBytes(1, "GET a\r\n");
  verdict_.OnFaults(false);
  now_us_ += 5 * kSecondUs;
  EXPECT_EQ(Times("not_back"), 1);
}

TEST_F(ClientVerdictTest, DoesNotWaitForAClientThatNoFaultHasHit) {
  verdict_.OnOpen(1);
  Exchange(1);
  verdict_.OnFaults(true);
  Exchange(1);
  verdict_.OnClose(1);
  verdict_.OnFaults(false);
  now_us_ += 60 * kSecondUs;
  ExpectNothingWrong();
}

TEST_F(ClientVerdictTest, SeesAStormOnce) {
  for (uint64_t i = 1; i <= 40; ++i) InVain(i);
  EXPECT_EQ(Times("storm"), 1);
  verdict_.OnOpen(41);
  Exchange(41);
  verdict_.OnClose(41);
  for (uint64_t i = 42; i <= 82; ++i) InVain(i);
  EXPECT_EQ(Times("storm"), 2);
}

TEST_F(ClientVerdictTest, DoesNotTakePatienceForAStorm) {
  for (uint64_t i = 1; i <= 200; ++i) {
    InVain(i);
    now_us_ += kSecondUs / 20;
  }
  EXPECT_EQ(Times("storm"), 0);
}

TEST_F(ClientVerdictTest, DoesNotTakeAPoolForAStorm) {
  for (uint64_t i = 1; i <= 50; ++i) verdict_.OnOpen(i);
  for (uint64_t i = 1; i <= 50; ++i) verdict_.OnClose(i);
  EXPECT_EQ(Times("storm"), 0);
}

TEST_F(ClientVerdictTest, SeesBytesThatAreNoRequest) {
  verdict_.OnOpen(1);
  verdict_.OnClientBytes(1, "*1\r\nx\r\n");
  EXPECT_EQ(Times("malformed"), 1);
}

TEST_F(ClientVerdictTest, DoesNotReadTheStreamOfAReplica) {
  verdict_.OnOpen(1);
  verdict_.OnClientBytes(1, "psync ? -1\r\n");
  verdict_.OnSent(1, "+FULLRESYNC x 0\r\n$3\r\nabc*1\r\n$4\r\nPING\r\n");
  verdict_.OnClientBytes(1, "REPLCONF ACK 0\r\n");
  verdict_.OnClientBytes(1, "REPLCONF ACK 1\r\n");
  ExpectNothingWrong();
}

}  // namespace
}  // namespace resprobe::live
