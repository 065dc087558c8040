#include "live/model/paired_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "engine/generate.h"
#include "engine/ops_harness.h"
#include "live/model/invalidation_live_world.h"
#include "tests/live/lying_server.h"

namespace resprobe::live {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using World = InvalidationLiveWorld;

class PairedServerTest : public testing::Test {
 protected:
  void Serve(LyingServer::Fault before = {}, LyingServer::Fault behind = {}) {
    lying_ = std::make_unique<LyingServer>(std::move(before), std::move(behind));
    Open({.server = lying_->address()});
  }

  void Open(const TargetOptions& target) {
    std::string error;
    PairOptions options;
    options.target = target;
    server_ = PairedServer::Open(options, &error);
    ASSERT_NE(server_, nullptr) << error;
    harness_ = std::make_unique<OpsHarness<World>>(std::in_place, server_.get());
  }

  // The violation, or "".
  std::string Run(const Case<InvalidationWorld>& c) {
    RunContext run;
    harness_->RunCase(c, run);
    if (!run.violated()) return "";
    const std::string text =
        run.violation().invariant + ": " + run.violation().expected + "\n" + run.violation().seen;
    std::string error;
    EXPECT_TRUE(server_->Prepare(&error)) << error;
    return text;
  }
  std::string Run(std::string_view ops) {
    Arena arena;
    Case<InvalidationWorld> c;
    EXPECT_EQ(Parse("ops invalidation\n" + std::string(ops), &arena, &c), "");
    return Run(c);
  }
  // Finds a failing seed, and shrinks its case.
  std::string FindAndShrink(size_t most_ops) {
    for (uint64_t seed = 1; seed < 300; ++seed) {
      Arena arena;
      Case<InvalidationWorld> c;
      Generate(seed, &arena, &c);
      RunContext run;
      harness_->RunCase(c, run);
      if (!run.violated()) continue;
      const std::string signature = server_->difference()->Signature();
      Shrink<InvalidationWorld>(
          [&](const Case<InvalidationWorld>& candidate) {
            RunContext again;
            harness_->RunCase(candidate, again);
            return again.violated() && server_->difference() &&
                   server_->difference()->Signature() == signature;
          },
          &arena, &c);
      EXPECT_LE(c.ops.size(), most_ops) << Print(c);
      return signature;
    }
    return "no seed fails";
  }

  std::unique_ptr<LyingServer> lying_;  // outlives what talks to it
  std::unique_ptr<PairedServer> server_;
  std::unique_ptr<OpsHarness<World>> harness_;
};

// Edits every invalidation that waits for a client.
LyingServer::Fault OnPushes(
    const std::function<void(std::string* output, size_t at, size_t size)>& edit) {
  return [=](Server& server, uint64_t, std::string*) {
    for (const Client* client : server.active_clients()) {
      std::string& output = server.Output(client->id);
      const size_t at = output.find(">2\r\n$10\r\ninvalidate\r\n*1\r\n");
      if (at == output.npos) continue;
      const size_t end = output.find("\r\n", output.find("\r\n", at + 25) + 2) + 2;
      edit(&output, at, end - at);
    }
  };
}

TEST_F(PairedServerTest, FindsNothingBetweenTheModelAndItself) {
  Serve();
  EXPECT_FALSE(server_->sets_clock());
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Arena arena;
    Case<InvalidationWorld> c;
    Generate(seed, &arena, &c);
    ASSERT_EQ(Run(c), "") << "seed " << seed << "\n" << Print(c);
  }
  EXPECT_EQ(server_->counts().cases, 150u);
  EXPECT_GT(server_->counts().replies, 1000u);
  EXPECT_GT(server_->counts().pushes, 100u);
  EXPECT_GT(server_->counts().free.count("keys given up by a full tracking table"), 0u);
}

// What cannot be transferred is counted, not skipped silently.
TEST_F(PairedServerTest, CountsWhatAForeignServerDoesNotDo) {
  Serve();
  EXPECT_EQ(Run("config clients=0\nwrite client=0 kind=setpx key=0 ms=10\n"
                "deliver client=0\nadvance ms=50\nread client=0 key=0\ndeliver client=0\n"
                "evict key=0\nrestart\n"),
            "");
  const auto& left_out = server_->counts().left_out;
  EXPECT_EQ(left_out.size(), 3u);
  EXPECT_EQ(Run("config clients=1 replica=reads\nwrite client=0 kind=set key=0\ndeliver client=0\n"
                "read client=1 key=0\nbarrier\nfailover\nread client=1 key=0\n"),
            "");
  EXPECT_EQ(left_out.count("replica: the case runs on one server"), 1u);
  EXPECT_EQ(server_->counts().expired, 0u);
}

TEST_F(PairedServerTest, FindsAPushThatIsMissing) {
  Serve({}, OnPushes([](std::string* output, size_t at, size_t size) { output->erase(at, size); }));
  EXPECT_THAT(FindAndShrink(5), HasSubstr(": push missing"));
}

TEST_F(PairedServerTest, FindsAPushTooMany) {
  Serve({}, OnPushes([](std::string* output, size_t at, size_t size) {
          if (output->size() == at + size) output->append(*output, at, size);
        }));
  EXPECT_THAT(FindAndShrink(5), HasSubstr(": a push too many"));
}

TEST_F(PairedServerTest, FindsAPushOfAnotherKey) {
  Serve({}, OnPushes([](std::string* output, size_t at, size_t size) {
          char& last = (*output)[at + size - 3];
          last = last == '0' ? '1' : '0';
        }));
  EXPECT_THAT(FindAndShrink(5), HasSubstr(": another push"));
}

TEST_F(PairedServerTest, FindsAPushBeforeItsReply) {
  Serve({}, OnPushes([](std::string* output, size_t at, size_t size) {
          const std::string push = output->substr(at, size);
          output->erase(at, size);
          output->insert(0, push);
        }));
  EXPECT_THAT(FindAndShrink(5), HasSubstr(": order"));
}

TEST_F(PairedServerTest, FindsAnotherReply) {
  Serve([](Server&, uint64_t, std::string* bytes) {
    if (const size_t at = bytes->find("\r\nHGET\r\n$2\r\nh1\r\n$2\r\nf1"); at != bytes->npos) {
      (*bytes)[at + 21] = '0';
    }
  });
  EXPECT_THAT(FindAndShrink(4), HasSubstr("hget: another reply"));
}

TEST_F(PairedServerTest, ShowsBothSidesAndWhatWasSent) {
  Serve({}, OnPushes([](std::string* output, size_t at, size_t size) { output->erase(at, size); }));
  RunContext run;
  Arena arena;
  Case<InvalidationWorld> c;
  ASSERT_EQ(Parse("ops invalidation\nconfig clients=1\nread client=0 key=0\ndeliver client=0\n"
                  "write client=1 kind=set key=0\ndeliver client=1\n",
                  &arena, &c),
            "");
  harness_->RunCase(c, run);
  ASSERT_TRUE(server_->difference());
  const PairDifference& difference = *server_->difference();
  EXPECT_EQ(difference.Signature(), "set: push missing");
  EXPECT_EQ(difference.request, "2> SET k0 v1");
  EXPECT_EQ(difference.where, "connection 1");
  EXPECT_EQ(difference.model, "push: >[\"invalidate\", [\"k0\"]]");
  EXPECT_EQ(difference.server, "nothing");
  EXPECT_EQ(difference.session,
            (std::vector<std::string>{"1> HELLO 3", "1> CLIENT TRACKING ON", "2> HELLO 3",
                                      "2> CLIENT TRACKING ON", "1> GET k0", "2> SET k0 v1"}));
  EXPECT_EQ(run.violation().invariant, "same_push");
  EXPECT_EQ(run.violation().op, 3u);
}

// Real servers.
class RealPairedServerTest : public PairedServerTest,
                             public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    Open({.start = program});
  }
};
INSTANTIATE_TEST_SUITE_P(Servers, RealPairedServerTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(RealPairedServerTest, AgreesOnTheSeedCorpus) {
  const char* source = std::getenv("RESPROBE_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  ASSERT_TRUE(server_->sets_clock());
  for (const char* folder : {"/corpus/invalidation", "/tests/regressions/invalidation"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(source) + folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::ostringstream content;
      content << file.rdbuf();
      const std::string bytes = content.str();
      Arena arena;
      Case<InvalidationWorld> c;
      if (bytes.starts_with("ops ")) {
        ASSERT_EQ(Parse(bytes, &arena, &c), "");
      } else {
        Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, &arena, &c);
      }
      EXPECT_EQ(Run(c), "") << entry.path();
    }
  }
  EXPECT_GT(server_->counts().replies, 500u);
  EXPECT_GT(server_->counts().pushes, 50u);
  EXPECT_GT(server_->counts().state, 100u);
}

// The case sets the clock: the key lives up to the last millisecond, and is then deleted by the
// next client that accesses it, or by the server's own cycle.
TEST_P(RealPairedServerTest, KeysExpireWhenTheCaseSaysSo) {
  EXPECT_EQ(Run("config clients=1\nwrite client=0 kind=setpx key=0 ms=50\n"
                "write client=0 kind=setpx key=1 ms=70\nbarrier\n"
                "read client=0 key=0\nread client=1 key=0\nread client=1 key=1\nbarrier\n"
                "advance ms=50\nread client=1 key=0 how=uncached\nbarrier\n"
                "advance ms=1\nread client=0 key=0 how=uncached\ndeliver client=0\nbarrier\n"
                "advance ms=200\nbarrier\nread client=1 key=1\nbarrier\n"),
            "");
  EXPECT_EQ(server_->counts().expired, 2u);
  EXPECT_TRUE(server_->counts().left_out.empty());
}

// The run deletes the key (DEL): clients that track it are notified as of an eviction.
TEST_P(RealPairedServerTest, TellsOfEvictions) {
  for (const std::string_view config :
       {"clients=1", "clients=1 mode=bcast", "clients=1 noloop=yes", "clients=1 wires=two"}) {
    EXPECT_EQ(Run("config " + std::string(config) +
                  "\nwrite client=0 kind=set key=0\nbarrier\nread client=0 key=0\n"
                  "read client=1 key=0\nbarrier\nevict key=0\nbarrier\nread client=1 key=0\n"),
              "")
        << config;
  }
  EXPECT_EQ(server_->counts().left_out.size(), 1u);
  EXPECT_EQ(server_->counts().left_out.begin()->second, 4u);
}

TEST_P(RealPairedServerTest, RestartsForReal) {
  EXPECT_EQ(Run("config clients=1\nread client=0 key=0\nwrite client=1 kind=set key=0\nbarrier\n"
                "read client=0 key=0\nbarrier\nrestart\nbarrier\nconnect client=0\n"
                "read client=0 key=0\nbarrier\nread client=0 key=0\nbarrier\n"),
            "");
  EXPECT_EQ(server_->counts().processes, 1u);
}

// Another client tracks, which no reply and no push to the case's clients shows.
TEST_P(RealPairedServerTest, ComparesWhatIsLeft) {
  std::string error;
  const UniqueFd fd = server_->target().Connect(&error);
  ASSERT_TRUE(SendAll(fd.get(), "CLIENT TRACKING ON\r\n"));
  char reply[5];
  ASSERT_EQ(recv(fd.get(), reply, sizeof(reply), MSG_WAITALL), 5);
  EXPECT_THAT(Run("config clients=0\nread client=0 key=0\n"),
              AllOf(HasSubstr("same_state"), HasSubstr("state: tracking_clients")));
}

TEST_P(RealPairedServerTest, NoticesAServerThatEnds) {
  std::string error;
  const UniqueFd fd = server_->target().Connect(&error);
  ASSERT_TRUE(SendAll(fd.get(), "DEBUG SEGFAULT\r\n"));
  char byte;
  while (recv(fd.get(), &byte, 1, 0) > 0) {
  }
  EXPECT_NE(Run("config clients=0\nread client=0 key=0\n").find("server_alive"), std::string::npos);
  EXPECT_EQ(Run("config clients=0\nread client=0 key=0\nbarrier\n"), "");
}

}  // namespace
}  // namespace resprobe::live
