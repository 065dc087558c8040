// The packets that real servers send to each other: each is parsed, and written again to the same
// bytes. With RESPROBE_BUS_CAPTURE=FOLDER the distinct ones are written to FOLDER.

#include "sandbox/bus_capture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <ostream>
#include <set>

#include "core/cluster/bus_text.h"
#include "sandbox/sandbox_client.h"
#include "sandbox/sandbox_cluster.h"
#include "tests/sandbox/scenarios.h"

namespace resprobe::sandbox {
namespace {

constexpr int64_t kSecond = 1'000'000;

struct Servers {
  const char* name;
  // Of the first three nodes, and of the other ones: variables of the environment.
  const char* first;
  const char* second;
  Profile first_profile;
  Profile second_profile;

  friend void PrintTo(const Servers& servers, std::ostream* out) { *out << servers.name; }
};

class BusCaptureTest : public testing::TestWithParam<Servers> {
 protected:
  // Null with a reason to skip.
  const char* First() { return std::getenv(GetParam().first); }
  const char* Second() { return std::getenv(GetParam().second); }

  bool Start() {
    for (size_t i = 0; i < kClusterNodes; ++i) {
      const char* const program = i < 3 ? First() : Second();
      if (!StartClusterNode(&system_->sandbox(), program, system_->folder(), &error_)) {
        return false;
      }
    }
    return true;
  }

  std::unique_ptr<TestSystem> system_;
  std::string error_;
};

// What a cluster does in its life: it forms, names are set, clients publish, a primary dies and
// comes back, a replica takes over on demand, a node is forgotten.
class Life {
 public:
  explicit Life(Sandbox* sandbox) : sandbox_(sandbox) {}

  std::string Ask(size_t node, std::initializer_list<std::string_view> words) {
    return SandboxClient(sandbox_, node).Ask(words);
  }
  // "": all went well.
  std::string Live(bool valkey) {
    if (!FormCluster(sandbox_)) return "no cluster";
    for (size_t i = 0; i < kClusterNodes; i += 2) {
      Ask(i,
          {"CONFIG", "SET", "cluster-announce-hostname", "host-" + std::to_string(i) + ".example"});
      if (valkey && i > 2) {
        Ask(i, {"CONFIG", "SET", "cluster-announce-human-nodename", "seven77"});
        Ask(i, {"CONFIG", "SET", "cluster-announce-client-ipv4", "192.0.2.1"});
        Ask(i, {"CONFIG", "SET", "cluster-announce-client-ipv6", "2001:db8::1"});
      }
    }
    sandbox_->RunFor(2 * kSecond);
    for (size_t i = 0; i < kClusterNodes; ++i) {
      Ask(i, {"PUBLISH", "news", "message " + std::to_string(i)});
      Ask(i, {"SPUBLISH", "{a}" + std::to_string(i), std::string(i * 40, 'x')});
      sandbox_->RunFor(kSecond / 10);
    }
    if (FailOver(sandbox_).empty()) return "no failover";
    // It learns from others than the heir that it has lost its slots.
    sandbox_->Hold(1, 4);
    sandbox_->Hold(4, 1);
    std::string error;
    if (!sandbox_->node(1).Start(&error)) return error;
    sandbox_->RunFor(kSecond);
    sandbox_->Release(1, 4);
    sandbox_->Release(4, 1);
    sandbox_->RunFor(4 * kSecond);
    const std::string answer = Ask(3, {"CLUSTER", "FAILOVER"});
    if (answer != "OK") return "CLUSTER FAILOVER: " + answer;
    sandbox_->RunFor(4 * kSecond);
    if (!Ask(3, {"ROLE"}).starts_with("master")) return "no manual failover";
    const std::string forgotten = Ask(5, {"CLUSTER", "MYID"});
    sandbox_->node(5).Crash(CrashKind::kProcess);
    sandbox_->RunFor(kSecond * 3);
    Ask(4, {"CLUSTER", "FORGET", forgotten});
    Ask(3, {"CLUSTER", "FORGET", forgotten});
    sandbox_->RunFor(3 * kSecond);
    return sandbox_->error();
  }

 private:
  Sandbox* const sandbox_;
};

TEST_P(BusCaptureTest, EachPacketIsParsedAndWrittenAgainAsItWas) {
  if (First() == nullptr || Second() == nullptr) GTEST_SKIP() << "a server is missing";
  SandboxOptions options;
  options.seed = 3;
  system_ = std::make_unique<TestSystem>(First(), options);
  ASSERT_TRUE(Start()) << error_;
  std::map<std::string, size_t> seen;
  std::set<std::string> packets;
  size_t wrong = 0;
  std::string error;
  {
    BusCapture capture(&system_->sandbox(), [&](const BusArrival& arrival) {
      cluster::Packet packet;
      const cluster::BusResult result = cluster::ParsePacket(
          arrival.bytes, arrival.to < 3 ? GetParam().first_profile : GetParam().second_profile,
          &packet);
      std::string written;
      if (result.ok()) cluster::WritePacket(packet, &written);
      std::string text;
      cluster::PrintPacket(packet, &text);
      cluster::Packet read;
      if (!result.ok() || written != arrival.bytes ||
          !cluster::ReadPacketText(text, &read).empty() || read != packet) {
        ++wrong;
        EXPECT_LT(wrong, 5U) << cluster::BusErrorText(result.error) << " at byte " << result.offset
                             << "\n"
                             << text;
      }
      ++seen[cluster::PacketName(packet.header)];
      if (const auto* const lists = std::get_if<cluster::GossipBody>(&packet.body)) {
        for (const cluster::Extension& extension : lists->extensions) {
          ++seen["extension " + std::to_string(extension.type)];
          EXPECT_TRUE(cluster::DataOf(extension).has_value()) << text;
        }
      }
      packets.emplace(arrival.bytes);
    });
    EXPECT_EQ(Life(&system_->sandbox()).Live(GetParam().second_profile == Profile::kValkey80), "");
    error = capture.error();
  }
  EXPECT_EQ(error, "");
  EXPECT_EQ(wrong, 0U);
  for (const auto& [name, count] : seen) std::printf("%8zu %s\n", count, name.c_str());
  for (const char* const name : {"ping", "pong", "meet", "fail", "auth-req", "auth-ack", "update",
                                 "mfstart", "extension 0"}) {
    EXPECT_GT(seen[name], 0U) << name;
  }
  const bool light = std::string_view(GetParam().name) != "redis";
  const bool full = std::string_view(GetParam().name) != "valkey";
  EXPECT_EQ(seen["light publish"] > 0, light);
  EXPECT_EQ(seen["light publishshard"] > 0, !full);
  EXPECT_EQ(seen["publish"] > 0, full);
  if (light) {
    for (const char* const name :
         {"extension 1", "extension 2", "extension 3", "extension 4", "extension 5"}) {
      EXPECT_GT(seen[name], 0U) << name;
    }
  }
  if (const char* const folder = std::getenv("RESPROBE_BUS_CAPTURE")) {
    size_t number = 0;
    for (const std::string& packet : packets) {
      char name[32];
      std::snprintf(name, sizeof(name), "%04zu", number++);
      std::ofstream(std::string(folder) + "/" + GetParam().name + "_" + name, std::ios::binary)
          << packet;
    }
  }
}

TEST_P(BusCaptureTest, AnObserverDoesNotChangeTheRun) {
  if (First() == nullptr || Second() == nullptr) GTEST_SKIP() << "a server is missing";
  uint64_t hashes[2] = {};
  uint64_t bytes = 0;
  for (const bool observed : {false, true}) {
    SandboxOptions options;
    options.tie_seed = 9;
    system_ = std::make_unique<TestSystem>(First(), options);
    ASSERT_TRUE(Start()) << error_;
    if (observed) {
      system_->sandbox().Observe(
          [&](const SandboxArrival& arrival) { bytes += arrival.bytes.size(); });
    }
    ASSERT_TRUE(FormCluster(&system_->sandbox()));
    EXPECT_NE(FailOver(&system_->sandbox()), "");
    hashes[observed ? 1 : 0] = system_->sandbox().trace_hash();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_GT(bytes, 1'000'000U);
}

INSTANTIATE_TEST_SUITE_P(
    Clusters, BusCaptureTest,
    testing::Values(Servers{"redis", "RESPROBE_REDIS_SERVER", "RESPROBE_REDIS_SERVER",
                            Profile::kRedis70, Profile::kRedis70},
                    Servers{"valkey", "RESPROBE_VALKEY_SERVER", "RESPROBE_VALKEY_SERVER",
                            Profile::kValkey80, Profile::kValkey80},
                    Servers{"mixed", "RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER",
                            Profile::kRedis70, Profile::kValkey80}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace resprobe::sandbox
