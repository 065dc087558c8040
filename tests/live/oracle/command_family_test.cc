#include "live/oracle/command_family.h"

#include <gtest/gtest.h>

#include "live/oracle/oracle_client.h"

namespace resprobe::live {
namespace {

TEST(CommandFamilyTest, JoinsWhatIsProbablyOneFunction) {
  EXPECT_TRUE(ProbablyOneCause("incr: value of integer", "decrby: value of integer"));
  EXPECT_TRUE(ProbablyOneCause("exec: incr: value of integer", "incr: value of integer"));
  EXPECT_TRUE(ProbablyOneCause("state: dbsize: array where the core has integer",
                               "dbsize: array where the core has integer"));
  EXPECT_TRUE(
      ProbablyOneCause("set NX PXAT: leaves another expiry", "pexpire: leaves another expiry"));
  EXPECT_TRUE(ProbablyOneCause("lindex: value of bulk string",
                               "lindex: null where the core has bulk string"));
  EXPECT_TRUE(ProbablyOneCause("lrange: number of elements", "lrange: value of array"));
  EXPECT_TRUE(ProbablyOneCause("lrange: order of elements", "lrange: value of array"));
  EXPECT_TRUE(ProbablyOneCause("set: error ERR where the core has null",
                               "set: error ERR where the core has bulk string"));
  EXPECT_TRUE(ProbablyOneCause("get after set PX: null", "get after set EX: null"));
  EXPECT_TRUE(ProbablyOneCause("set XX: leaves another expiry", "set: leaves another expiry"));
  EXPECT_TRUE(ProbablyOneCause("set: leaves other data", "set GET NX: leaves other data"));
  EXPECT_TRUE(ProbablyOneCause("lpop: value of bulk string", "rpop: leaves other data"));
  EXPECT_TRUE(ProbablyOneCause("get: server has ended: panic: index: main.f",
                               "config|get: server has ended: panic: index: main.f"));
}

TEST(CommandFamilyTest, KeepsTheOthersApart) {
  EXPECT_FALSE(ProbablyOneCause("incr: value of integer", "append: value of integer"));
  EXPECT_FALSE(
      ProbablyOneCause("incr: value of integer", "decr: error ERR where the core has integer"));
  EXPECT_FALSE(ProbablyOneCause("set: error ERR where the core has null",
                                "set: error ERR where the core has error WRONGTYPE"));
  EXPECT_FALSE(ProbablyOneCause("set: error ERR where the core has null",
                                "set: error NOPERM where the core has null"));
  EXPECT_FALSE(ProbablyOneCause("set: leaves another expiry", "pexpire: leaves another expiry"));
  EXPECT_FALSE(ProbablyOneCause("set EX: leaves other data", "pexpire: leaves other data"));
  EXPECT_FALSE(
      ProbablyOneCause("get: server has ended: exit code 1", "set: server has ended: exit code 1"));
  EXPECT_FALSE(ProbablyOneCause("set NX: leaves other data", "set XX: leaves other data"));
  EXPECT_FALSE(ProbablyOneCause("set: leaves other data", "set: leaves another expiry"));
  EXPECT_FALSE(ProbablyOneCause("get after set: null", "get after append: null"));
  EXPECT_FALSE(ProbablyOneCause("no RESP: expected a type byte", "no RESP: no end"));
}

// What another client's request no longer causes is not owed.
TEST(OracleConnectionTest, ForgivesWhatARefusedRequestWouldHaveCaused) {
  OracleConnection connection;
  connection.Owe("one", 1, true);
  connection.Owe("push", 2, false);
  connection.Owe("two", 3, true);
  connection.Forgive(3);  // its own
  EXPECT_EQ(connection.expected, "onepushtwo");
  connection.read = 3;
  connection.next = 1;
  connection.Forgive(2);
  EXPECT_EQ(connection.expected, "onetwo");
  ASSERT_EQ(connection.chunks.size(), 2u);
  EXPECT_EQ(connection.chunks[1].end, 6u);
  EXPECT_EQ(connection.owed(), 3u);
}

}  // namespace
}  // namespace resprobe::live
