#ifndef RESPROBE_TESTS_CORE_CLUSTER_PACKETS_H_
#define RESPROBE_TESTS_CORE_CLUSTER_PACKETS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/bus_codec.h"
#include "core/cluster/bus_packet.h"

namespace resprobe::cluster {

inline NodeId IdOf(char c) { return NodeId::Of(std::string(kIdBytes, c)); }

inline Header SampleHeader(PacketType type) {
  Header header;
  header.port = 6379;
  header.type = static_cast<uint16_t>(type);
  header.current_epoch = {7};
  header.config_epoch = {3};
  header.offset = 1234567890123;
  header.sender = IdOf('a');
  for (size_t slot = 0; slot < 5461; ++slot) AddSlot(&header.slots, slot);
  AddSlot(&header.slots, 16383);
  header.primary = IdOf('b');
  header.ip = Address::Of("10.0.0.1");
  header.pport = 6380;
  header.cport = 16379;
  header.flags = {NodeFlags::kPrimary | NodeFlags::kMyself | NodeFlags::kLight};
  header.state = {1};
  header.mflags = {MessageFlags::kPaused};
  return header;
}

inline Packet Sample(PacketType type) {
  Packet packet = {SampleHeader(type), {}};
  packet.ChooseBody();
  return packet;
}

// A packet of each type, with each extension, and of no known type; by its name.
inline std::map<std::string, Packet> SamplePackets() {
  std::map<std::string, Packet> packets;
  for (const PacketType type : {PacketType::kPing, PacketType::kPong, PacketType::kMeet}) {
    Packet packet = Sample(type);
    auto& lists = std::get<GossipBody>(packet.body);
    Gossip entry;
    entry.node = IdOf('c');
    entry.ping_sent = 1'700'000'001;
    entry.pong_received = 1'700'000'002;
    entry.ip = Address::Of("10.0.0.3");
    entry.port = 6381;
    entry.cport = 16381;
    entry.flags = {NodeFlags::kReplica | NodeFlags::kPFail};
    entry.pport = 6382;
    if (type != PacketType::kPing) lists.gossip = {entry, entry, entry};
    if (type == PacketType::kMeet) {
      packet.header.mflags.bits |= MessageFlags::kExtensionData;
      lists.extensions = {MakeExtension(ExtensionType::kHostname, TextData{"host-1.example"}),
                          MakeExtension(ExtensionType::kHumanName, TextData{"seven77"}),
                          MakeExtension(ExtensionType::kClientIpv4, TextData{"192.0.2.1"}),
                          MakeExtension(ExtensionType::kClientIpv6, TextData{"2001:db8::1"}),
                          MakeExtension(ExtensionType::kForgotten, ForgottenData{IdOf('d'), 60}),
                          MakeExtension(ExtensionType::kShardId, ShardData{IdOf('e')}),
                          {.type = 77, .reserved = 5, .data = "8 bytes."}};
    }
    packet.CountLists();
    packets[std::string(kPacketTypeInfo[packet.header.type].name)] = packet;
  }
  for (const PacketType type :
       {PacketType::kAuthRequest, PacketType::kAuthAck, PacketType::kMfStart}) {
    packets[std::string(kPacketTypeInfo[static_cast<size_t>(type)].name)] = Sample(type);
  }
  Packet fail = Sample(PacketType::kFail);
  fail.body = FailBody{IdOf('c')};
  packets["fail"] = fail;
  Packet update = Sample(PacketType::kUpdate);
  update.body = UpdateBody{{9}, IdOf('c'), update.header.slots};
  packets["update"] = update;
  Packet publish = Sample(PacketType::kPublish);
  publish.body = PublishBody{"news", "two \"words\"\r\n"};
  packets["publish"] = publish;
  Packet shard = Sample(PacketType::kPublishShard);
  shard.body = PublishBody{"", ""};
  packets["publishshard"] = shard;
  Packet module = Sample(PacketType::kModule);
  module.body = ModuleBody{{0x0102030405060708}, 9, std::string("a\0b", 3)};
  packets["module"] = module;
  Packet unknown = Sample(PacketType::kPing);
  unknown.header.type = 0x1234;
  unknown.body = UnknownBody{"what a later server sends"};
  packets["unknown"] = unknown;
  for (const PacketType type : {PacketType::kPublish, PacketType::kPublishShard}) {
    Packet light;
    light.header.light = true;
    light.header.type = static_cast<uint16_t>(type);
    light.body = PublishBody{"channel", "message"};
    packets["light " + std::string(kPacketTypeInfo[light.header.type].name)] = light;
  }
  return packets;
}

inline std::string Written(const Packet& packet) {
  std::string bytes;
  WritePacket(packet, &bytes);
  return bytes;
}

}  // namespace resprobe::cluster

#endif  // RESPROBE_TESTS_CORE_CLUSTER_PACKETS_H_
