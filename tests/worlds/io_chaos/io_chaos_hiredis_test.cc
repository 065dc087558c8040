// io_chaos on hiredis itself: the contract over seeds, a cancellation at every byte, and each entry
// of the table of known faults, shown to exist.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "driver/libc_shim.h"
#include "worlds/io_chaos/hiredis_subjects.h"
#include "worlds/io_chaos/io_chaos_harness.h"

namespace resprobe {
namespace {

using Harness = OpsHarness<IoChaosWorld>;

std::vector<IoChaosWorld::Subject> Subjects() {
  driver::UseClientCalls();
  return IoSubjects();
}

KnownFaultSet Only(KnownFault fault) {
  KnownFaultSet set;
  set.Add(fault);
  return set;
}

std::string BrokenBy(Harness& harness, std::string_view ops) {
  std::string error;
  const std::optional<Tape> tape = harness.Parse("ops io_chaos\n" + std::string(ops), &error);
  EXPECT_TRUE(tape) << error;
  if (!tape) return "";
  RunContext run;
  harness.Run(*tape, run);
  return run.violated() ? run.violation().invariant : "";
}

TEST(IoChaosHiredis, KeepsTheContract) {
  Harness harness(std::in_place, Subjects());
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    RunContext run;
    harness.Run(harness.Generate(seed), run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ": "
                                 << run.violation().expected << " / " << run.violation().seen
                                 << "\n"
                                 << harness.Show(harness.Generate(seed));
  }
}

TEST(IoChaosHiredis, CancelAtEveryByte) {
  Harness harness(std::in_place, Subjects());
  for (int bytes = 1; bytes <= 60; ++bytes) {
    for (const char* action : {"disconnect", "free", "reconnect"}) {
      EXPECT_EQ(BrokenBy(harness,
                         "config client=async\nstep step=download size=50\n"
                         "tick events=writable\ntick events=writable\n"
                         "deliver wire=upstream\ndeliver wire=downstream bytes=" +
                             std::to_string(bytes) +
                             "\ntick events=readable\nact action=" + action + "\nrun\n"),
                "")
          << bytes << " " << action;
    }
  }
}

// Blocking calls observe the peer's actions as with a kernel.
TEST(IoChaosHiredis, BlockingCallsTellWhatHappened) {
  Harness harness(std::in_place, Subjects());
  const auto log = [&](std::string_view ops) {
    EXPECT_EQ(BrokenBy(harness, "config client=sync connect_timeout=yes command_timeout=yes\n" +
                                    std::string(ops)),
              "");
    return ChaosLog::current()->Text();
  };
  EXPECT_NE(log("step step=ping\n").find("client reply 1 = 1"), std::string::npos);
  EXPECT_NE(log("toxic kind=fin first=3\nstep step=ping\n").find("read 0 = 0\n"),
            std::string::npos);
  EXPECT_NE(log("toxic kind=rst first=3\nstep step=ping\n").find("read 0 = -104\n"),
            std::string::npos);
  const std::string silence = log("toxic kind=timeout\nstep step=ping\n");
  EXPECT_NE(silence.find("200.000ms system read 0 = -11\n"), silence.npos) << silence;
  const std::string slices = log("toxic kind=slicer first=1\nstep step=ping\n");
  EXPECT_NE(slices.find("read 0 = 1\n"), slices.npos) << slices;
}

#if HIREDIS_MAJOR >= 1
TEST(IoChaosHiredis, TheProgramsOwnFunctionsSeeTheSame) {
  Harness harness(std::in_place, Subjects());
  EXPECT_EQ(BrokenBy(harness,
                     "config client=async functions=yes\nstep step=download size=500\n"
                     "toxic kind=slicer first=3\nrun\nstep step=ping\nrun\n"),
            "");
  EXPECT_NE(ChaosLog::current()->Text().find("client reply 2 = 1"), std::string::npos);
}
#endif

// A failing assert of hiredis that is a known fault ends the run, not the process, and leaves no
// state for the next run.
TEST(IoChaosHiredis, AKnownFaultEndsTheRun) {
  Harness harness(std::in_place, Subjects());
  std::string error;
  const std::optional<Tape> tape =
      harness.Parse("ops io_chaos\nconfig client=async\nrun\nraw \"+OK\\r\\n\"\nrun\n", &error);
  ASSERT_TRUE(tape) << error;
  RunContext run(Trace::Mode::kText);
  harness.Run(*tape, run);
  EXPECT_FALSE(run.violated());
  EXPECT_NE(run.trace().text().find("known fault: unsolicited_reply"), std::string::npos)
      << run.trace().text();
  EXPECT_EQ(BrokenBy(harness, "config client=async\nstep step=ping\nrun\n"), "");
}

// Each of these cases was once reported as a violation: the world did not avoid a known fault on
// some path.
TEST(IoChaosHiredis, KnownFaultsAreAvoidedOnEveryWay) {
  Harness harness(std::in_place, Subjects());
  // stale_callback: an unsolicited reply arrives first, and is read once subscribed.
  EXPECT_EQ(BrokenBy(harness,
                     "config client=async\nstep step=ping\nraw \"-1\\r\\n\"\nraw \"*-1\\r\\n\"\n"
                     "deliver wire=both\nstep step=subscribe\nrun\n"),
            "");
  // subscribe_shape, in the same way.
  EXPECT_EQ(BrokenBy(harness,
                     "config client=async\nrun\nraw \"*1\\r\\n+message\\r\\n\"\n"
                     "deliver wire=both\nstep step=subscribe\nrun\n"),
            "");
  // … after a push inside another value, which hiredis accepts and the core refuses.
  EXPECT_EQ(BrokenBy(harness,
                     "config client=async resp3=yes\nstep step=psubscribe\nstep step=unsubscribe\n"
                     "toxic kind=push first=1 second=1\ntoxic kind=wrong_arity second=-1\nrun\n"),
            "");
  // monitor_swallows: the OK arrives in two pieces, and the line after it is lost.
  EXPECT_EQ(BrokenBy(harness,
                     "config client=async\nstep step=monitor\ndeliver wire=upstream\n"
                     "tick events=writable\ntick events=writable\ndeliver wire=upstream\n"
                     "deliver wire=downstream bytes=2\ntick events=readable\nrun\nmonitor_line\n"),
            "");
  // free_in_push: a reply comes after the push.
  EXPECT_EQ(
      BrokenBy(harness,
               "config client=async resp3=yes push_handler=yes\non callback=push action=free\n"
               "toxic kind=push direction=downstream\nstep step=ping\nrun\n"),
      "");
}

// The adapters that come with hiredis, on their event loops.
std::vector<const char*> Adapters() {
  return {
#ifdef RESPROBE_LIBEVENT_VERSION
      "libevent",
#endif
#ifdef RESPROBE_LIBUV_VERSION
      "libuv",
#endif
#ifdef RESPROBE_HIREDIS_HAS_POLL
      "poll",
#endif
  };
}

TEST(IoChaosHiredis, AdaptersRunOnTheirLoops) {
  Harness harness(std::in_place, Subjects());
  for (const std::string name : Adapters()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(BrokenBy(harness, "config client=" + name +
                                    "\nstep step=ping\nstep step=subscribe\nrun\npublish\n"
                                    "toxic kind=slicer first=3\nrun\nact action=reconnect\n"
                                    "step step=download size=300\nrun\n"),
              "");
    const std::string log = ChaosLog::current()->Text();
    EXPECT_NE(log.find("scheduler turns"), log.npos) << log;
    EXPECT_NE(log.find("client reply 1 = 1"), log.npos) << log;
    EXPECT_NE(log.find("client reply 3 = 1"), log.npos) << log;
    EXPECT_EQ(log.find("scheduler fires"), log.npos) << log;
    EXPECT_EQ(BrokenBy(harness, "config client=" + name +
                                    "\nstep step=ping\ntick events=readable+writable spurious=yes\n"
                                    "tick events=readable+writable spurious=yes\nrun\n"),
              "");
  }
}

#if HIREDIS_MAJOR >= 1
// A loop's own timer ends a command; one that was set between two turns does not fire too soon.
TEST(IoChaosHiredis, AdaptersKeepTime) {
  Harness harness(std::in_place, Subjects());
  for (const std::string name : Adapters()) {
    if (name == "libuv" && HIREDIS_MINOR == 0) continue;  // its adapter has no timers
    SCOPED_TRACE(name);
    EXPECT_EQ(
        BrokenBy(harness, "config client=" + name +
                              " command_timeout=yes\nrun\nadvance ms=5000\ntoxic kind=timeout\n"
                              "step step=ping\nrun\ntick events=readable\n"
                              "tick events=timeout\n"),
        "");
    const std::string log = ChaosLog::current()->Text();
    EXPECT_NE(log.find("5201.000ms client reply 1 = 0"), log.npos) << log;
  }
}

TEST(IoChaosHiredis, ABlockingSubscriberGetsPushes) {
  Harness harness(std::in_place, Subjects());
  // A handler gets the confirmation and the message while a call waits for a reply.
  EXPECT_EQ(
      BrokenBy(harness,
               "config client=sync resp3=yes push_handler=yes\nstep step=ping\n"
               "step step=subscribe pipelined=yes\nstep step=ping\npublish\nstep step=ping\n"),
      "");
  std::string log = ChaosLog::current()->Text();
  EXPECT_NE(log.find("client push"), log.npos) << log;
  EXPECT_NE(log.find("client reply 5 = 1"), log.npos) << log;
  // Without one, the confirmation is the reply.
  EXPECT_EQ(BrokenBy(harness,
                     "config client=sync resp3=yes pushes_as_replies=yes\nstep step=subscribe\n"
                     "publish\nstep step=ping\n"),
            "");
  log = ChaosLog::current()->Text();
  EXPECT_NE(log.find("client reply 2 = 1"), log.npos) << log;
  EXPECT_NE(log.find("client push"), log.npos) << log;
}
#endif

// Each is reported where it is not avoided, and nowhere else.
TEST(IoChaosHiredis, KnownFaultsAreFoundUnlessTheyAreAvoided) {
  struct Known {
    KnownFault fault;
    const char* invariant;
    const char* ops;
  };
  constexpr Known kKnown[] = {
      {KnownFault::kSigpipe, "no_signal",
       "config client=async\nstep step=ping\nrun\ntoxic kind=fin\ndeliver\nstep step=ping\n"
       "tick events=writable\nstep step=ping\ntick events=writable\n"},
      {KnownFault::kInterruptedConnect, "patient_connect",
       "config client=sync lazy=yes\ntoxic kind=eintr\nstep step=ping\n"},
      {KnownFault::kFullBacklog, "patient_connect",
       "config client=async lazy=yes\ntoxic kind=full_backlog\nstep step=ping\n"},
      {KnownFault::kFullBacklogBlocking, "patient_connect",
       "config client=sync lazy=yes\ntoxic kind=full_backlog\nstep step=ping\n"},
      // A confirmation without a callback goes to the callback before it.
      {KnownFault::kStaleCallback, "own_channel",
       "config client=async\nstep step=subscribe size=1\nrun\npublish\n"
       "step step=unsubscribe which=2 size=1\ntick events=writable\ndeliver\ndeliver\n"
       "tick events=readable\nrun\n"},
      {KnownFault::kElementsAhead, "memory",
       "config client=async unlimited=yes\nrun\nraw \"*2000000\\r\\n\"\nrun\n"},
      // EXEC's reply is lost, and EXEC is called back with that to the last command.
      {KnownFault::kArrayWhileSubscribed, "own_reply",
       "config client=async\nstep step=subscribe\nstep step=unsubscribe\nstep step=multi\n"
       "step step=download then=command\nstep step=ping\nstep step=ping\nstep step=exec\n"
       "step step=unsubscribe\nrun\n"},
  };
  Harness avoiding(std::in_place, Subjects());
  for (const Known& known : kKnown) {
    if (!HasFault(kHiredisVersion, known.fault)) continue;
    SCOPED_TRACE(InfoOf(known.fault).id);
    Harness harness(std::in_place, Subjects(), Only(known.fault));
    EXPECT_EQ(BrokenBy(harness, known.ops), known.invariant);
    EXPECT_EQ(BrokenBy(avoiding, known.ops), "");
  }
}

#if HIREDIS_MAJOR == 0
// hiredis issue 1039 fails the assert of unsolicited_reply, which is avoided, but with a peer that
// is honest.
TEST(IoChaosHiredisDeathTest, AnAssertWithoutTheCauseOfAKnownFaultIsAFinding) {
  Harness harness(std::in_place, Subjects(), Only(KnownFault::kStaleCallback));
  EXPECT_DEATH(BrokenBy(harness,
                        "config client=async\nstep step=subscribe size=1\nrun\n"
                        "step step=unsubscribe size=2\nrun\n"),
               "redisProcessCallbacks: Assertion");
}
#endif

TEST(IoChaosHiredis, KnownFaultsAreNamed) {
  std::string error;
  const std::optional<KnownFaultSet> some = ParseKnownFaults("nesting,free_in_push", &error);
  ASSERT_TRUE(some) << error;
  EXPECT_TRUE(some->Has(KnownFault::kNesting));
  EXPECT_TRUE(some->Has(KnownFault::kFreeInPush));
  EXPECT_FALSE(some->Has(KnownFault::kFreeIgnored));
  EXPECT_FALSE(ParseKnownFaults("", &error)->Has(KnownFault::kNesting));
  EXPECT_TRUE(ParseKnownFaults("run", &error)->Has(KnownFault::kFreeIgnored));
  EXPECT_FALSE(ParseKnownFaults("nesting,none", &error));
  EXPECT_NE(error.find("there is no known fault 'none'"), error.npos) << error;
}

TEST(IoChaosHiredis, EachKnownFaultHasARangeOfVersions) {
  for (const KnownFaultInfo& info : KnownFaults()) {
    EXPECT_LT(info.from, info.to) << info.id;
    EXPECT_FALSE(info.what.empty());
  }
}

}  // namespace
}  // namespace resprobe
