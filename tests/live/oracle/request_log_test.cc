#include "live/oracle/request_log.h"

#include <gtest/gtest.h>

namespace resprobe::live {
namespace {

TEST(RequestLogTest, KeepsACaseUntilAllOfItIsCompared) {
  RequestLog log;
  OracleCounts counts;
  for (int i = 0; i < 2; ++i) {
    log.BeginCase();
    log.Add(0, Asked::Part::kCase);
    log.Add(0, Asked::Part::kState);
  }
  ASSERT_EQ(log.end(), 4);
  // The write of the first case is compared, what it left is not.
  log.Retire(1, &counts);
  EXPECT_EQ(log.first(), 0);
  EXPECT_EQ(counts.requests, 1);
  log.Retire(3, &counts);
  EXPECT_EQ(log.first(), 2);
  EXPECT_EQ(counts.requests, 2);
  EXPECT_EQ(counts.state, 1);
  log.Retire(4, &counts);
  EXPECT_EQ(log.first(), 4);
  EXPECT_EQ(counts.requests, 2);
  EXPECT_EQ(counts.cases, 2);
}

}  // namespace
}  // namespace resprobe::live
