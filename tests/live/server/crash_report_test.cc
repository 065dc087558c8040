#include "live/server/crash_report.h"

#include <gtest/gtest.h>

namespace resprobe::live {
namespace {

TEST(CrashReportTest, ReadsAPanicOfGo) {
  const std::optional<CrashReport> report = ReadCrashReport(
      "2026/11/23 02:00:00 listening\n"
      "panic: runtime error: index out of range [3] with length 2 [recovered]\n"
      "\tpanic: runtime error: index out of range [3] with length 2\n"
      "\n"
      "goroutine 7 [running]:\n"
      "panic({0x4fe2a0?, 0xc0000163a8?})\n"
      "\t/usr/lib/go/src/runtime/panic.go:884 +0x212\n"
      "main.serve({0xc00001a0c0, 0x2})\n"
      "\t/home/a/main.go:12 +0x1d\n"
      "github.com/b/c.(*Conn).Run(0x0)\n"
      "\t/home/a/conn.go:9 +0x1d\n"
      "created by main.main\n"
      "\t/home/a/main.go:3 +0x1d\n"
      "exit status 2\n");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->Text(), "panic: runtime error: index out of range: main.serve|c.(*Conn).Run");
}

TEST(CrashReportTest, SeesNoneInAnOrdinaryLog) {
  EXPECT_FALSE(ReadCrashReport("panic: is a word of this line\nand this has no stack\n"));
  EXPECT_FALSE(ReadCrashReport(
      "2026/11/23 02:00:00 http: panic serving 127.0.0.1:4711: runtime error: x\n"));
}

}  // namespace
}  // namespace resprobe::live
