#include "history/witness.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace resprobe::history {
namespace {

History Of(const std::string& text) {
  History history;
  std::string error;
  EXPECT_TRUE(Parse(text, &history, &error)) << error;
  return history;
}

// Two clients increment at the same time, and one reads later.
const char* const kIncrements =
    "0 1 5  INCR n -> \":2\\r\\n\"\n"
    "1 2 6  INCR n -> \":1\\r\\n\"\n"
    "1 7 8  GET n -> \"$1\\r\\n2\\r\\n\"\n";

std::string Checked(const std::string& text,
                    const std::vector<std::vector<std::string>>& requests) {
  std::vector<Executed> executed;
  for (const std::vector<std::string>& words : requests) executed.push_back({.words = words});
  return CheckWitness(Of(text), executed, Profile::kRedis70);
}

TEST(WitnessTest, AnOrderThatExplainsTheReplies) {
  EXPECT_EQ(Checked(kIncrements, {{"INCR", "n"}, {"INCR", "n"}, {"GET", "n"}}), "");
}

TEST(WitnessTest, AReadBeforeAWriteThatItSaw) {
  EXPECT_EQ(
      Checked(kIncrements, {{"INCR", "n"}, {"GET", "n"}, {"INCR", "n"}}),
      "the server says that it ran GET n, and no client had it as its next operation with the "
      "reply that this gives");
}

TEST(WitnessTest, AnOrderAgainstTime) {
  EXPECT_EQ(Checked("0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                    "1 3 4  SET k 2 -> \"+OK\\r\\n\"\n",
                    {{"SET", "k", "2"}, {"SET", "k", "1"}}),
            "SET k 1 had ended before SET k 2 began, and the server says that it ran after that");
}

TEST(WitnessTest, AnAnsweredOperationThatIsMissing) {
  EXPECT_EQ(Checked(kIncrements, {{"INCR", "n"}, {"INCR", "n"}}),
            "GET n was answered, and the server does not name it");
}

TEST(WitnessTest, AnUnansweredOperationMayBeThereOrNot) {
  const char* const text =
      "0 1 ?  SET k 1\n"
      "1 5 6  GET k -> \"$1\\r\\n1\\r\\n\"\n";
  EXPECT_EQ(Checked(text, {{"SET", "k", "1"}, {"GET", "k"}}), "");
  EXPECT_EQ(Checked("0 1 ?  SET k 1\n"
                    "1 5 6  GET k -> \"$-1\\r\\n\"\n",
                    {{"GET", "k"}}),
            "");
}

TEST(WitnessTest, ATransactionIsOneOperation) {
  const char* const text =
      "0 1 9  MULTI ; SET a 1 ; SET b 1 ; EXEC -> "
      "\"+OK\\r\\n+QUEUED\\r\\n+QUEUED\\r\\n*2\\r\\n+OK\\r\\n+OK\\r\\n\"\n"
      "1 2 8  GET a -> \"$1\\r\\n1\\r\\n\"\n";
  EXPECT_EQ(
      Checked(text, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "1"}, {"EXEC"}, {"GET", "a"}}), "");
  EXPECT_NE(
      Checked(text, {{"MULTI"}, {"SET", "a", "1"}, {"GET", "a"}, {"SET", "b", "1"}, {"EXEC"}}), "");
}

// Two clients ask for the same; only the server knows whose request came first.
TEST(WitnessTest, TheServerMayNameTheClient) {
  const char* const text =
      "0 1 9  GET k -> \"$-1\\r\\n\"\n"
      "1 1 8  GET k -> \"$-1\\r\\n\"\n"
      "0 10 12  SET k 1 -> \"+OK\\r\\n\"\n"
      "1 10 13  GET k -> \"$-1\\r\\n\"\n";
  const auto checked = [&](uint32_t first, uint32_t second, uint32_t third) {
    return CheckWitness(Of(text),
                        {{{"GET", "k"}, first},
                         {{"GET", "k"}, second},
                         {{"GET", "k"}, third},
                         {{"SET", "k", "1"}, 0}},
                        Profile::kRedis70);
  };
  EXPECT_EQ(checked(0, 1, 1), "");
  EXPECT_EQ(checked(1, 0, 1), "");
  EXPECT_NE(checked(1, 1, 0), "");
}

TEST(MonitorTest, Lines) {
  const MonitorLine line =
      ParseMonitorLine("1700000000.000001 [0 127.0.0.1:5000] \"SET\" \"k\" \"a \\\"\\x00\"");
  EXPECT_EQ(line.words, (std::vector<std::string>{"SET", "k", std::string("a \"\0", 4)}));
  EXPECT_EQ(line.address, "127.0.0.1:5000");
  EXPECT_EQ(ParseMonitorLine("1700000000.000001 [0 unix:/tmp/s] \"PING\"").address, "unix:/tmp/s");
  EXPECT_TRUE(ParseMonitorLine("OK").words.empty());
}

}  // namespace
}  // namespace resprobe::history
