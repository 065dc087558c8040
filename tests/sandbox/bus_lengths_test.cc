// Packets whose lengths the servers check with too few bits: one of them ends a node of the servers
// that this project runs on (docs/findings/bus-lengths.md). The core refuses them.

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/cluster/big_endian.h"
#include "core/cluster/bus_codec.h"
#include "sandbox/sandbox_client.h"
#include "sandbox/sandbox_cluster.h"
#include "tests/sandbox/scenarios.h"

namespace resprobe::sandbox {
namespace {

using cluster::Packet;
using cluster::StoreBigEndian;

struct Server {
  const char* name;
  const char* variable;
  Profile profile;

  friend void PrintTo(const Server& server, std::ostream* out) { *out << server.name; }
};

class BusLengthsTest : public testing::TestWithParam<Server> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam().variable);
    if (program == nullptr) GTEST_SKIP() << "the server is missing";
    system_ = std::make_unique<TestSystem>(program, SandboxOptions());
    std::string error;
    ASSERT_TRUE(StartClusterNodes(&system_->sandbox(), program, system_->folder(), &error))
        << error;
    ASSERT_TRUE(FormCluster(&system_->sandbox()));
  }

  Sandbox& sandbox() { return system_->sandbox(); }

  // A ping without gossip, as node 1 would send it.
  Packet Ping() {
    Packet packet;
    packet.header.port = 6379;
    packet.header.cport = 16379;
    packet.header.sender =
        cluster::NodeId::Of(SandboxClient(&sandbox(), 1).Ask({"CLUSTER", "MYID"}));
    packet.header.config_epoch = {2};
    packet.header.current_epoch = {6};
    packet.header.flags = {cluster::NodeFlags::kPrimary | cluster::NodeFlags::kMyself};
    packet.ChooseBody();
    packet.body = cluster::GossipBody();
    return packet;
  }
  // How node 0 has ended after it received these bytes; "" if it lives.
  std::string Send(std::string_view bytes) {
    const uint64_t connection = sandbox().Dial(0, 16379);
    EXPECT_EQ(sandbox().Write(connection, bytes), bytes.size());
    sandbox().RunFor(1'000'000);
    for (size_t i = 1; i < kClusterNodes; ++i) EXPECT_TRUE(sandbox().node(i).up());
    return sandbox().node(0).ending();
  }
  // The core refuses what is at the end of `bytes`, from `at` on.
  void ExpectRefused(std::string_view bytes, size_t at = 0) {
    Packet packet;
    EXPECT_FALSE(cluster::ParsePacket(bytes.substr(at), GetParam().profile, &packet).ok());
  }

  std::unique_ptr<TestSystem> system_;
};

TEST_P(BusLengthsTest, AnExtensionsLengthIsCheckedIn16Bits) {
  Packet packet = Ping();
  packet.header.sender = cluster::NodeId::Of(std::string(cluster::kIdBytes, 'f'));  // no member
  packet.header.mflags.bits = cluster::MessageFlags::kExtensionData;
  std::get<cluster::GossipBody>(packet.body).extensions = {{.type = 9, .data = ""},
                                                           {.type = 9, .data = ""}};
  std::string bytes;
  cluster::WritePacket(packet, &bytes);
  StoreBigEndian(0x7fff0008, 4, cluster::kHeaderBytes, &bytes);
  ExpectRefused(bytes);
  EXPECT_EQ(Send(bytes), "signal 11");
}

TEST_P(BusLengthsTest, SizesOfTextsAreAddedIn32Bits) {
  SandboxClient subscriber(&sandbox(), 0);
  subscriber.Ask({"SUBSCRIBE", "news"}, 100'000);
  std::string bytes;
  cluster::WritePacket(Ping(), &bytes);
  const size_t at = bytes.size();
  Packet publish = Ping();
  publish.header.type = static_cast<uint16_t>(cluster::PacketType::kPublish);
  publish.ChooseBody();
  cluster::WritePacket(publish, &bytes);
  StoreBigEndian(0xffffffff, 4, at + cluster::kHeaderBytes, &bytes);
  StoreBigEndian(1, 4, at + cluster::kHeaderBytes + 4, &bytes);
  ExpectRefused(bytes, at);
  EXPECT_EQ(Send(bytes), "signal 11");
}

TEST_P(BusLengthsTest, TheSameWithALightHeader) {
  SandboxClient subscriber(&sandbox(), 0);
  subscriber.Ask({"SUBSCRIBE", "news"}, 100'000);
  std::string bytes;
  cluster::WritePacket(Ping(), &bytes);
  const size_t at = bytes.size();
  Packet publish;
  publish.header.light = true;
  publish.header.type = static_cast<uint16_t>(cluster::PacketType::kPublish);
  publish.ChooseBody();
  cluster::WritePacket(publish, &bytes);
  StoreBigEndian(0xffffffff, 4, at + cluster::kLightHeaderBytes, &bytes);
  StoreBigEndian(1, 4, at + cluster::kLightHeaderBytes + 4, &bytes);
  ExpectRefused(bytes, at);
  EXPECT_EQ(Send(bytes), GetParam().profile == Profile::kValkey80 ? "signal 11" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Servers, BusLengthsTest,
    testing::Values(Server{"redis", "RESPROBE_REDIS_SERVER", Profile::kRedis70},
                    Server{"valkey", "RESPROBE_VALKEY_SERVER", Profile::kValkey80}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace resprobe::sandbox
