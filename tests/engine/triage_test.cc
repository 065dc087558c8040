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

// Two assertions of one library die in the same frames of libc.
TEST(Triage, ReadsAnAssertion) {
  const auto report = [](std::string_view line) {
    return std::string(line) +
           "== resprobe: the last of 3 events\n"
           "==1==ERROR: AddressSanitizer: ABRT on unknown address 0x1 (pc 0x2)\n"
           "    #0 0x1  (/lib/x86_64-linux-gnu/libc.so.6+0x8aeeb) (BuildId: 1)\n"
           "    #1 0x2  (/lib/x86_64-linux-gnu/libc.so.6+0x3bfb1) (BuildId: 1)\n"
           "    #2 0x3  (/b/harnesses/io_chaos+0x77) (BuildId: 1)\n";
  };
  const Signature one =
      ReadSignature(report("io_chaos: ../src/async.c:629: redisProcessCallbacks: Assertion "
                           "`c->flags & REDIS_SUBSCRIBED' failed.\n"));
  EXPECT_EQ(one.Text(),
            "assert:async.c:629 redisProcessCallbacks `c->flags & REDIS_SUBSCRIBED':io_chaos+0x77");
  const Signature other = ReadSignature(
      report("io_chaos: async.c:470: __redisGetSubscribeCallback: Assertion `x' failed.\n"));
  EXPECT_NE(one, other);
  EXPECT_EQ(ReadSignature("a.out: a.c:1: main: Assertion `0' failed.\n").Text(),
            "assert:a.c:1 main `0'");
  // What is symbolized does not count libc's frames either.
  EXPECT_EQ(
      ReadSignature("a: a.c:1: f: Assertion `0' failed.\n"
                    "==1== ERROR: libFuzzer: deadly signal\n"
                    "    #0 0x1 in __sanitizer_print_stack_trace x\n"
                    "    #1 0x1 in __pthread_kill_implementation nptl/pthread_kill.c:44:76\n"
                    "    #2 0x1 in raise signal/raise.c:26:13\n    #3 0x1 in abort a.c:7\n"
                    "    #4 0x1 in __assert_fail_base a.c:9\n    #5 0x1 in __wrap___assert_fail "
                    "s.cc:2\n    #6 0x1 in f a.c:1\n")
          .frames,
      std::vector<std::string>{"f"});
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
