#include "engine/triage.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

TEST(Triage, ReadsAViolation) {
  const Signature signature = ReadSignature(
      "INFO: Seed: 1\n== resprobe: violation of no_stale_read in invalidation at op 7\n"
      "   expected: a\n==12== ERROR: libFuzzer: deadly signal\n    #0 0x55 in abort\n");
  EXPECT_EQ(signature.Text(), "violation:no_stale_read");
  EXPECT_EQ(signature.Slug(), "violation-no_stale_read");
}

TEST(Triage, ReadsTheTopFramesOfTheSubject) {
  const std::string_view report =
      "==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1 at pc 0x2\n"
      "READ of size 1 at 0x1 thread T0\n"
      "    #0 0x55aa in __interceptor_memcmp /x/y.cpp:1:2\n"
      "    #1 0x55ab in resprobe::resp::Parser::Line(char const*, int) src/core/a.cc:12:3\n"
      "    #2 0x55ac in resprobe::(anonymous namespace)::Feed(int) src/core/a.cc:40:3\n"
      "    #3 0x55ad in std::vector<int, std::allocator<int> >::at(unsigned long) /usr/v.h:1\n"
      "    #4 0x55ae in operator new(unsigned long) x.cc:1\n"
      "    #5 0x55af in bool Match<int, char>(int) src/m.h:3:2\n"
      "\n0x1 is located 0 bytes after\nallocated by thread T0 here:\n"
      "    #0 0x66 in Other() z.cc:1\n";
  const Signature signature = ReadSignature(report);
  EXPECT_EQ(signature.kind, "asan");
  EXPECT_EQ(signature.detail, "heap-buffer-overflow");
  ASSERT_EQ(signature.frames.size(), 3u);
  EXPECT_EQ(signature.frames[0], "resprobe::resp::Parser::Line");
  EXPECT_EQ(signature.frames[1], "resprobe::(anonymous namespace)::Feed");
  EXPECT_EQ(ReadStack(report).substr(0, 12), "    #0 0x55a");
  EXPECT_EQ(ReadStack(report).find("Other"), std::string::npos);
}

TEST(Triage, ReadsFramesWithoutSymbols) {
  const Signature signature = ReadSignature(
      "==1==ERROR: AddressSanitizer: stack-overflow on address 0x1\n"
      "    #0 0x55aa  (/a/b/resp_parser+0x12f) (BuildId: 11)\n"
      "    #1 0x55ab  (/a/b/resp_parser+0x12f) (BuildId: 11)\n"
      "    #2 0x55ab  (/a/b/resp_parser+0x200) (BuildId: 11)\n");
  EXPECT_EQ(signature.Text(), "asan:stack-overflow:resp_parser+0x12f|resp_parser+0x200");
}

TEST(Triage, ReadsUndefinedBehaviourByItsPlace) {
  EXPECT_TRUE(ReadSignature("2026/11/23 02:00:00 panic: runtime error: x\n").empty());
  EXPECT_TRUE(ReadSignature("http: panic serving 127.0.0.1:4711: runtime error: x\n").empty());
  EXPECT_EQ(ReadSignature("panic: runtime error: index out of range [3] with length 2\n").Text(),
            "");
  EXPECT_EQ(
      ReadSignature("src/core/x.cc:12:7: runtime error: signed integer overflow: 1 + 2\n").Text(),
      "ubsan:x.cc:12");
}

TEST(Triage, ReadsTimeoutMemoryAndSignals) {
  EXPECT_EQ(ReadSignature("==1== ERROR: libFuzzer: timeout after 25 seconds\n").Text(), "timeout");
  EXPECT_EQ(ReadSignature("==1== ERROR: libFuzzer: out-of-memory (used: 3000Mb)\n").Text(), "oom");
  EXPECT_EQ(
      ReadSignature("==1== ERROR: libFuzzer: deadly signal\n    #0 0x1 in Boom() a.cc:1\n").Text(),
      "signal:Boom");
  EXPECT_EQ(ReadSignature("==1==ERROR: AddressSanitizer: ABRT on unknown address 0x1 (pc 0x2)\n"
                          "    #0 0x1 in raise\n    #1 0x2 in Boom() a.cc:1\n")
                .Text(),
            "signal:Boom");
  EXPECT_TRUE(ReadSignature("Done 100 runs in 0 second(s)\n").empty());
}

}  // namespace
}  // namespace resprobe
