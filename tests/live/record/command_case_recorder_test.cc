#include "live/record/command_case_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace resprobe::live {
namespace {

using testing::ElementsAre;

class CommandCaseRecorderTest : public testing::Test {
 protected:
  void Say(uint64_t connection, const std::vector<std::vector<std::string_view>>& requests) {
    for (const auto& args : requests) log_.Request(connection, args);
    log_.EndOfRead(connection);
  }

  std::vector<std::string> texts_;
  CommandCaseRecorder log_{4, 20, [this](std::string_view text) { texts_.emplace_back(text); }};
};

TEST_F(CommandCaseRecorderTest, TellsPipelinesAndReconnections) {
  log_.Open(1);
  log_.Open(2);
  Say(1, {{"SET", "a", "b c"}, {"GET", "a"}});
  log_.Close(1);
  log_.Open(3);
  Say(2, {{"this is longer than", "twenty bytes"}});
  Say(3, {{"PING"}});
  log_.Finish();
  EXPECT_THAT(texts_, ElementsAre("ops command_handler\n"
                                  "config clients=0 protocol3=0\n"
                                  "queue client=0 SET a \"b c\"\n"
                                  "call client=0 GET a\n"
                                  "reconnect client=0\n"
                                  "call client=0 PING\n"));
}

TEST_F(CommandCaseRecorderTest, StartsTheNextTextWithTheProtocolsOfTheLast) {
  log_.Open(1);
  log_.Open(2);
  Say(2, {{"HELLO", "3"}, {"A"}, {"B"}, {"C"}});
  Say(2, {{"D"}});
  log_.Finish();
  log_.Finish();
  EXPECT_THAT(texts_, ElementsAre("ops command_handler\n"
                                  "config clients=1 protocol3=0\n"
                                  "queue client=1 HELLO 3\n"
                                  "queue client=1 A\n"
                                  "queue client=1 B\n"
                                  "call client=1 C\n",
                                  "ops command_handler\n"
                                  "config clients=1 protocol3=2\n"
                                  "call client=1 D\n"));
}

// A client without requests would still be opened in every execution.
TEST_F(CommandCaseRecorderTest, HasNoClientsThatAskForNothing) {
  log_.Open(1);
  log_.Open(2);
  log_.Open(3);
  Say(3, {{"HELLO", "3"}, {"A"}, {"B"}, {"C"}});
  Say(1, {{"PING"}});
  log_.Finish();
  ASSERT_EQ(texts_.size(), 2);
  EXPECT_THAT(texts_[0], testing::HasSubstr("config clients=2 protocol3=0\n"));
  EXPECT_EQ(texts_[1], "ops command_handler\nconfig clients=0 protocol3=0\ncall client=0 PING\n");
}

TEST_F(CommandCaseRecorderTest, LeavesOutAFifthConnection) {
  for (uint64_t connection = 1; connection <= 5; ++connection) log_.Open(connection);
  Say(5, {{"PING"}});
  log_.Finish();
  EXPECT_THAT(texts_, ElementsAre());
}

}  // namespace
}  // namespace resprobe::live
