#include "live/client/client_live_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/arena.h"
#include "engine/generate.h"
#include "engine/op_source.h"
#include "engine/ops_text.h"

namespace resprobe::live {
namespace {

std::string Driver(const std::string& fault) {
  return std::string("python3 ") + RESPROBE_PLANTED_DRIVER + " " + fault;
}

// The invariant that a run of the case violates; "" if none.
std::string RunText(ClientLiveWorld* world, const std::string& text) {
  Arena arena;
  Case<ClientLiveWorld> c;
  const std::string error = Parse("ops client_live\n" + text, &arena, &c);
  EXPECT_EQ(error, "");
  RunContext run;
  CaseSource<ClientLiveWorld> source(c);
  RunSource(*world, source, run);
  return run.violated() ? run.violation().invariant : "";
}

struct PlantedFault {
  const char* name;
  const char* invariant;
  const char* ops;  // that show it
};

constexpr PlantedFault kFaults[] = {
    {"stale", "own_reply",
     "config timeout=yes\nstep\ntoxic kind=latency first=150\nstep\nstep\nstep\n"},
    {"resend", "sent_once", "config retry=yes\ntoxic kind=fin first=1\nstep step=push\n"},
    {"stubborn", "sent_once", "config\ntoxic kind=fin first=1\nstep step=get\n"},
    {"forget", "called_once", "config\ntoxic kind=fin first=2\nstep\n"},
    {"twice", "called_once", "config\nstep\n"},
    {"liar", "true_error", "config\ntoxic kind=fin first=2\nstep\n"},
    {"deaf", "no_hang", "config\nstep\nhangup\nstep\n"},
    {"storm", "no_hang", "config\nstep\nhangup\nstep\n"},
    {"reuse", "no_use_after_error",
     "config\ntoxic kind=garbage first=1 second=5\nstep\nheal\nstep\n"},
    {"mangle", "well_formed", "config\nstep step=upload size=4\n"},
    {"crash", "alive", "config\nstep\nraw x\\r\\n\nstep\n"},
    {"give_up", "comes_back", "config\nstep\nhangup\nstep\n"},
    {"crosstalk", "messages", "config\nsubscribe\nsubscribe\npublish which=1\ntick\n"},
    {"again", "messages", "config\nsubscribe\npublish\ntick\n"},
    {"lost", "messages", "config\nsubscribe\npublish\n"},
    {"skips", "messages", "config\nsubscribe\npublish\npublish\ntick\n"},
    {"made_up", "messages", "config\nstep\ntick\n"},
    {"backwards", "in_order", "config\npipeline commands=3\n"},
    {"after_end", "no_reply_after_end", "config\nsubscribe\nclose\nstep\n"},
    {"silent", "true_state", "config\nstep\nhangup\nstep\n"},
    {"silent", "true_state", "config\nstep\nclose\n"},
    {"cut", "split_invariance", "config slices=1\ntoxic kind=duplicate_reply\nstep\n"},
};

TEST(ClientLiveWorld, AFaultIsPlantedForEachInvariant) {
  for (const InvariantInfo& invariant : ClientLiveWorld::kInvariants) {
    EXPECT_TRUE(std::ranges::any_of(kFaults, [&](const PlantedFault& fault) {
      return fault.invariant == invariant.name;
    })) << invariant.name;
  }
}

TEST(ClientLiveWorld, FindsEachPlantedFault) {
  for (const PlantedFault& fault : kFaults) {
    // The one that hangs is not waited for as long as usual; the others have all the time.
    const bool hangs = fault.invariant == std::string_view("no_hang");
    ClientLiveWorld world(
        {.driver = Driver(fault.name), .hang_ms = hangs ? 500 : ClientLiveWorld::kHangMs});
    EXPECT_EQ(RunText(&world, fault.ops), fault.invariant) << fault.name;
    // The same case holds for a client without the fault.
    ClientLiveWorld sound({.driver = Driver("none")});
    EXPECT_EQ(RunText(&sound, fault.ops), "") << fault.name;
  }
}

// A subscriber that reconnects subscribes to its channels again.
TEST(ClientLiveWorld, ASubscriberMayReconnect) {
  ClientLiveWorld world({.driver = Driver("none")});
  EXPECT_EQ(RunText(&world, "config\nsubscribe\nhangup\ntick\nsubscribe\npublish\ntick\n"), "");
}

// A subscriber that looks without waiting gets a message that was delayed.
TEST(ClientLiveWorld, AMessageMayBeLate) {
  ClientLiveWorld world({.driver = Driver("none")});
  EXPECT_EQ(RunText(&world, "config\ntoxic kind=latency first=50\nsubscribe\npublish\ntick\n"), "");
}

// What may be sent again: with its retries, a read whose reply was lost; a write never.
TEST(ClientLiveWorld, AReadMayBeSentAgain) {
  ClientLiveWorld world({.driver = Driver("none")});
  EXPECT_EQ(RunText(&world, "config retry=yes\ntoxic kind=fin first=1\nstep step=get\n"), "");
  EXPECT_GT(world.totals().connections, 1);
  EXPECT_EQ(RunText(&world, "config retry=yes\ntoxic kind=fin first=1\nstep step=set\n"), "");
}

TEST(ClientLiveWorld, HoldsForASoundClient) {
  ClientLiveWorld world({.driver = Driver("none")});
  constexpr uint64_t kSeeds = 60;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Arena arena;
    Case<ClientLiveWorld> c;
    Generate(seed, &arena, &c);
    RunContext run;
    CaseSource<ClientLiveWorld> source(c);
    RunSource(world, source, run);
    EXPECT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant
                                 << ": expected " << run.violation().expected << ", seen "
                                 << run.violation().seen;
  }
  EXPECT_GT(world.totals().replies, 100);
  EXPECT_GT(world.totals().left_out.at("async"), 0);
}

TEST(ClientLiveWorld, DoesNotTakeWhatIsLeftOfADishonestPeerForTries) {
  ClientLiveWorld world({.driver = Driver("none")});
  EXPECT_EQ(
      RunText(&world, "config\nstep\nraw -a\\r\\n\nraw -b\\r\\n\nraw -c\\r\\n\nraw -d\\r\\n\n"),
      "");
}

TEST(ClientLiveWorld, SaysWhyADriverDoesNotStart) {
  std::string error;
  EXPECT_FALSE(ClientLiveWorld({.driver = "no-such-driver"}).Open(&error));
  EXPECT_EQ(error, "cannot start the driver no-such-driver: No such file or directory");
  EXPECT_FALSE(ClientLiveWorld({.driver = "sh -c 'echo an error >&2; exit 3'"}).Open(&error));
  EXPECT_NE(error.find("exit code 3: an error"), std::string::npos) << error;
  EXPECT_FALSE(ClientLiveWorld({.driver = "echo hello"}).Open(&error));
  EXPECT_NE(error.find("begins with hello"), std::string::npos) << error;
  EXPECT_FALSE(ClientLiveWorld({.driver = "cat /dev/zero"}).Open(&error));
  EXPECT_NE(error.find("prints a first line without an end"), std::string::npos) << error;
}

// A driver that begins well, then does what the shell commands do.
std::string Shell(const std::string& commands) {
  return R"(sh -c 'echo "{\"driver\":1,\"client\":\"x\"}"; )" + commands + "'";
}

TEST(ClientLiveWorld, SaysThatADriverDoesNotKeepTheProtocol) {
  struct {
    const char* commands;
    const char* error;
  } constexpr kWrongs[] = {
      {"read line; echo oops; cat", "prints a line that answers no request: oops"},
      {"read line; exit 3", "seen: the driver ends: exit code 3"},
      {"exec yes {}", "prints a line that answers no request: {}"},
      {R"(exec yes "{\"ready\":true}")", "prints a line that answers no request: {\"ready\""},
      {"exec cat /dev/zero", "prints a line without an end"},
      {"exec sleep 600", "expected the call ends"},
      {"exec <&-; exec sleep 600", "expected the call ends"},
      {"exec cat", "prints a line that answers no request: {\"do\":\"open\""},
  };
  for (const auto& wrong : kWrongs) {
    std::string error;
    const bool hangs = std::string_view(wrong.error).starts_with("expected the call ends");
    ClientLiveWorld world(
        {.driver = Shell(wrong.commands), .hang_ms = hangs ? 300 : ClientLiveWorld::kHangMs});
    EXPECT_FALSE(world.Open(&error)) << wrong.commands;
    EXPECT_NE(error.find(wrong.error), std::string::npos) << wrong.commands << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(ClientLiveWorld, EndsWhenItIsToldToWhileADriverSaysNothing) {
  std::string error;
  ClientLiveWorld silent({.driver = "sleep 600", .stop = [] { return true; }});
  EXPECT_FALSE(silent.Open(&error));
  EXPECT_NE(error.find("interrupted before"), std::string::npos) << error;
}

}  // namespace
}  // namespace resprobe::live
