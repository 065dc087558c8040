#include "live/oracle/command_family.h"

#include <gtest/gtest.h>

#include "live/oracle/oracle_client.h"

namespace resprobe::live {
namespace {

bool OfOneFamily(std::string_view a, std::string_view b) {
  return WithFamilies(a) == WithFamilies(b);
}

TEST(CommandFamilyTest, JoinsWhatIsProbablyOneFunction) {
  EXPECT_TRUE(OfOneFamily("incr: value of integer", "decrby: value of integer"));
  EXPECT_TRUE(OfOneFamily("exec: incr: value of integer", "incr: value of integer"));
  EXPECT_TRUE(OfOneFamily("state: dbsize: array where the core has integer",
                          "dbsize: array where the core has integer"));
  EXPECT_TRUE(OfOneFamily("set NX PXAT: leaves another expiry", "pexpire: leaves another expiry"));
  EXPECT_TRUE(
      OfOneFamily("lindex: value of bulk string", "lindex: null where the core has bulk string"));
  EXPECT_TRUE(OfOneFamily("lrange: number of elements", "lrange: value of array"));
  EXPECT_TRUE(OfOneFamily("set: error ERR where the core has null",
                          "set: error ERR where the core has bulk string"));
  EXPECT_TRUE(OfOneFamily("get after set PX: null", "get after set EX: null"));
  EXPECT_TRUE(OfOneFamily("get: server has ended: panic: index: main.f",
                          "config|get: server has ended: panic: index: main.f"));
}

TEST(CommandFamilyTest, KeepsTheOthersApart) {
  EXPECT_FALSE(OfOneFamily("incr: value of integer", "append: value of integer"));
  EXPECT_FALSE(OfOneFamily("incr: value of integer", "decr: error ERR where the core has integer"));
  EXPECT_FALSE(OfOneFamily("set: error ERR where the core has null",
                           "set: error ERR where the core has error WRONGTYPE"));
  EXPECT_FALSE(OfOneFamily("set: error ERR where the core has null",
                           "set: error NOPERM where the core has null"));
  EXPECT_FALSE(OfOneFamily("set: leaves another expiry", "pexpire: leaves another expiry"));
  EXPECT_FALSE(OfOneFamily("set EX: leaves other data", "pexpire: leaves other data"));
  EXPECT_FALSE(
      OfOneFamily("get: server has ended: exit code 1", "set: server has ended: exit code 1"));
  EXPECT_EQ(WithFamilies("no RESP: expected a type byte"), "no RESP: expected a type byte");
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
