#include "live/record/invalidation_case_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace resprobe::live {
namespace {

using testing::ElementsAre;

class InvalidationCaseRecorderTest : public testing::Test {
 protected:
  void Say(uint64_t connection, const std::vector<std::vector<std::string_view>>& requests) {
    for (const auto& args : requests) log_.Request(connection, args);
    log_.EndOfRead(connection);
  }

  std::vector<std::string> texts_;
  InvalidationCaseRecorder log_{8, [this](std::string_view text) { texts_.emplace_back(text); }};
};

TEST_F(InvalidationCaseRecorderTest, TellsReadsWritesAndDeliveries) {
  Say(1, {{"HELLO", "3"}, {"client", "tracking", "on"}});
  Say(1, {{"get", "a"}, {"PING"}});
  log_.Received(1);
  Say(2, {{"SET", "a", "1"}, {"MSET", "b", "1", "c", "2"}});
  log_.Received(2);
  log_.Received(1);
  EXPECT_THAT(texts_, ElementsAre("ops invalidation\n"
                                  "config clients=3\n"
                                  "read client=0 key=0\n"
                                  "deliver client=0 direction=to-server bytes=all\n"
                                  "deliver client=0 direction=to-client bytes=all\n"
                                  "write client=1 kind=set key=0 ms=1\n"
                                  "write client=1 kind=mset key=1 ms=1\n"
                                  "deliver client=1 direction=to-server bytes=all\n"
                                  "deliver client=1 direction=to-client bytes=all\n"
                                  "deliver client=0 direction=to-client bytes=all\n"));
}

TEST_F(InvalidationCaseRecorderTest, TellsTimesToLive) {
  Say(1, {{"GET", "a"},
          {"SET", "a", "1", "EX", "2"},
          {"SET", "a", "1", "NX", "PX", "3"},
          {"EXPIRE", "a", "4"},
          {"PEXPIRE", "a", "-5"},
          {"PEXPIRE", "a", "x"},
          {"EXPIRE", "a", "9223372036854775807"}});
  log_.Finish();
  EXPECT_THAT(texts_, ElementsAre("ops invalidation\n"
                                  "config clients=3\n"
                                  "read client=0 key=0\n"
                                  "write client=0 kind=setpx key=0 ms=2000\n"
                                  "write client=0 kind=setpx key=0 ms=3\n"
                                  "write client=0 kind=pexpire key=0 ms=4000\n"
                                  "write client=0 kind=pexpire key=0 ms=-5\n"
                                  "write client=0 kind=pexpire key=0 ms=1\n"
                                  "write client=0 kind=pexpire key=0 ms=1\n"
                                  "deliver client=0 direction=to-server bytes=all\n"));
}

TEST_F(InvalidationCaseRecorderTest, TellsWhereOneClientTakesThePlaceOfAnother) {
  for (uint64_t connection = 1; connection <= 5; ++connection) Say(connection, {{"GET", "a"}});
  log_.Close(2);
  Say(6, {{"FLUSHALL"}});
  log_.Finish();
  ASSERT_EQ(texts_.size(), 1u);
  EXPECT_TRUE(
      texts_[0].ends_with("read client=3 key=0\n"
                          "deliver client=3 direction=to-server bytes=all\n"
                          "disconnect client=1\n"
                          "deliver client=1 direction=to-client bytes=all\n"
                          "connect client=1\n"
                          "deliver client=1 direction=both bytes=all\n"
                          "write client=1 kind=flushall key=0 ms=1\n"
                          "deliver client=1 direction=to-server bytes=all\n"))
      << texts_[0];
}

TEST_F(InvalidationCaseRecorderTest, EmitsNothingWithoutBothAReadAndAWrite) {
  Say(1, {{"GET", "a"}, {"MGET", "a", "b"}});
  log_.Finish();
  Say(1, {{"DEL", "a"}});
  log_.Finish();
  Say(1, {{"PING"}, {"SET", "a"}, {"GET"}, {"MSET", "a"}, {"EXPIRE", "a"}});
  log_.Finish();
  EXPECT_THAT(texts_, ElementsAre());
}

}  // namespace
}  // namespace resprobe::live
