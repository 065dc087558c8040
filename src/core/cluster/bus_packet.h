#ifndef RESPROBE_CORE_CLUSTER_BUS_PACKET_H_
#define RESPROBE_CORE_CLUSTER_BUS_PACKET_H_

// The packets of the cluster bus as structs. Each struct names its fields once, in the order and
// size in which they are on the wire (Fields()); the parser, the writer, the text form and what
// generates packets are visitors of that description.
//
// The layout is that of clusterMsg, clusterMsgLight and the structs of their data in src/cluster.h
// of redis 7.0.15 and src/cluster_legacy.h of valkey 8.0.1. The two agree; what differs between the
// servers is in BusTraits. All numbers are big-endian, but for the identifier of a module.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/table/profile.h"

namespace resprobe::cluster {

inline constexpr size_t kIdBytes = 40;
inline constexpr size_t kAddressBytes = 46;
inline constexpr size_t kSlots = 16384;
inline constexpr size_t kSlotBytes = kSlots / 8;
inline constexpr size_t kHeaderBytes = 2256;
inline constexpr size_t kLightHeaderBytes = 16;
inline constexpr size_t kGossipBytes = 104;
inline constexpr size_t kExtensionHeaderBytes = 8;
inline constexpr std::string_view kBusSignature = "RCmb";
inline constexpr uint16_t kBusVersion = 1;
// Where the lengths and counts of a header are.
inline constexpr size_t kTotalAt = 4;
inline constexpr size_t kVersionAt = 8;
inline constexpr size_t kTypeAt = 12;
inline constexpr size_t kCountAt = 14;
inline constexpr size_t kExtensionCountAt = 2214;
inline constexpr size_t kMessageFlagsAt = 2253;
// A bit of the type: a light header.
inline constexpr uint16_t kLightBit = 0x8000;

// --- Types of fields.

// Bytes that may have any value; those of two types are not mistaken for each other.
template <class Tag, size_t kSize>
struct FixedBytes {
  static constexpr size_t kBytes = kSize;

  std::array<char, kSize> bytes = {};

  static FixedBytes Of(std::string_view text) {
    FixedBytes made;
    std::memcpy(made.bytes.data(), text.data(), text.size() < kSize ? text.size() : kSize);
    return made;
  }
  std::string_view view() const { return {bytes.data(), kSize}; }
  bool zero() const {
    for (const char byte : bytes) {
      if (byte != 0) return false;
    }
    return true;
  }
  bool operator==(const FixedBytes&) const = default;
};
// The name of a node or a shard: 40 of [0-9a-z] in packets of servers; zeros: none.
using NodeId = FixedBytes<struct NodeIdTag, kIdBytes>;
// Text of an IP address, filled with zeros; zeros alone: that of the connection.
using Address = FixedBytes<struct AddressTag, kAddressBytes>;
// Slot s is bit s % 8 of byte s / 8, from the lowest.
using SlotSet = FixedBytes<struct SlotSetTag, kSlotBytes>;
// Zeros in packets of servers.
template <size_t kSize>
using Reserved = FixedBytes<struct ReservedTag, kSize>;

inline bool HasSlot(const SlotSet& slots, size_t slot) {
  return (static_cast<uint8_t>(slots.bytes[slot / 8]) >> slot % 8 & 1) != 0;
}
inline void AddSlot(SlotSet* slots, size_t slot) {
  char& byte = slots->bytes[slot / 8];
  byte = static_cast<char>(static_cast<uint8_t>(byte) | 1u << slot % 8);
}

struct Epoch {
  uint64_t value = 0;
  bool operator==(const Epoch&) const = default;
};

struct NodeFlags {
  static constexpr uint16_t kPrimary = 1, kReplica = 2, kPFail = 4, kFail = 8, kMyself = 16,
                            kHandshake = 32, kNoAddress = 64, kMeet = 128, kMigrateTo = 256,
                            kNoFailover = 512;
  // valkey: the node reads extensions (defined, and never sent by 8.0.1); and light headers.
  static constexpr uint16_t kExtensions = 1024, kLight = 2048;
  static constexpr std::string_view kNames[] = {"primary",    "replica",    "pfail",      "fail",
                                                "myself",     "handshake",  "noaddr",     "meet",
                                                "migrate-to", "nofailover", "extensions", "light"};

  uint16_t bits = 0;
  bool operator==(const NodeFlags&) const = default;
};

// mflags[0].
struct MessageFlags {
  static constexpr uint8_t kPaused = 1, kForceAck = 2, kExtensionData = 4;
  static constexpr std::string_view kNames[] = {"paused", "forceack", "ext-data"};

  uint8_t bits = 0;
  bool operator==(const MessageFlags&) const = default;
};

// Of the cluster, as the sender sees it: 0 ok, 1 fail.
struct ClusterState {
  uint8_t value = 0;
  bool operator==(const ClusterState&) const = default;
};

// Servers send it as it is in memory: little-endian on those that this project runs on.
struct ModuleId {
  uint64_t value = 0;
  bool operator==(const ModuleId&) const = default;
};

// --- The header.

// Field by field as on the wire, after signature, total length and version. A light header ends
// after `count`.
struct Header {
  bool light = false;  // not a field: a bit of the type
  uint16_t port = 0;   // for clients: TCP, or TLS with tls-cluster; light: unused
  uint16_t type = 0;   // a PacketType, or unknown
  uint16_t count = 0;  // of gossip entries in PING, PONG, MEET; light: unused
  Epoch current_epoch;
  Epoch config_epoch;   // a replica's: that of its primary
  uint64_t offset = 0;  // of replication
  NodeId sender;
  SlotSet slots;            // a replica's: those of its primary
  NodeId primary;           // of a replica
  Address ip;               // zeros: that of the connection
  uint16_t extensions = 0;  // how many follow the gossip, if the message flags say ext-data
  Reserved<30> reserved;
  uint16_t pport = 0;  // for clients, the other of TCP and TLS
  uint16_t cport = 0;  // of the bus
  NodeFlags flags;     // of the sender
  ClusterState state;
  MessageFlags mflags;
  Reserved<2> mflags_rest;

  bool operator==(const Header&) const = default;

  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("port", self.port);
    visit.Type(self.type, self.light);
    visit.GossipCount(self.count);
    if (self.light) return;
    visit("current_epoch", self.current_epoch);
    visit("config_epoch", self.config_epoch);
    visit("offset", self.offset);
    visit("sender", self.sender);
    visit("slots", self.slots);
    visit("replicaof", self.primary);
    visit("ip", self.ip);
    visit.ExtensionCount(self.extensions);
    visit("reserved", self.reserved);
    visit("pport", self.pport);
    visit("cport", self.cport);
    visit("flags", self.flags);
    visit("state", self.state);
    visit("mflags", self.mflags);
    visit("mflags_rest", self.mflags_rest);
  }
};

// --- The data.

// What the sender says of another node.
struct Gossip {
  NodeId node;
  uint32_t ping_sent = 0;      // seconds since 1970; 0: none is pending
  uint32_t pong_received = 0;  // the same
  Address ip;
  uint16_t port = 0;
  uint16_t cport = 0;
  NodeFlags flags;
  uint16_t pport = 0;
  uint16_t reserved = 0;

  bool operator==(const Gossip&) const = default;

  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("node", self.node);
    visit("ping", self.ping_sent);
    visit("pong", self.pong_received);
    visit("ip", self.ip);
    visit("port", self.port);
    visit("cport", self.cport);
    visit("flags", self.flags);
    visit("pport", self.pport);
    visit("reserved", self.reserved);
  }
};

enum class ExtensionType : uint16_t {
  kHostname,
  kHumanName,
  kForgotten,
  kShardId,
  kClientIpv4,
  kClientIpv6,
};

// On the wire a length comes first: that of the whole extension, a multiple of 8.
struct Extension {
  uint16_t type = 0;  // an ExtensionType, or unknown
  uint16_t reserved = 0;
  std::string data;  // its size is a multiple of 8

  bool operator==(const Extension&) const = default;

  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("type", self.type);
    visit("reserved", self.reserved);
  }
};

// The data of extensions that have a form. Text ends with a zero, and is filled with zeros.
struct TextData {
  std::string text;
};
// A node that the sender has been told to forget, for `ttl` seconds more.
struct ForgottenData {
  NodeId node;
  uint64_t ttl = 0;

  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("node", self.node);
    visit("ttl", self.ttl);
  }
};
struct ShardData {
  NodeId shard;

  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("shard", self.shard);
  }
};
using ExtensionData = std::variant<TextData, ForgottenData, ShardData>;

// PING, PONG, MEET.
struct GossipBody {
  std::vector<Gossip> gossip;
  std::vector<Extension> extensions;

  bool operator==(const GossipBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit.List(self.gossip);
    visit.List(self.extensions);
  }
};

// FAIL.
struct FailBody {
  NodeId node;

  bool operator==(const FailBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("node", self.node);
  }
};

// PUBLISH, PUBLISHSHARD.
struct PublishBody {
  std::string channel;
  std::string message;

  bool operator==(const PublishBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit.Size(self.channel);
    visit.Size(self.message);
    visit.Text("channel", self.channel);
    visit.Text("message", self.message);
  }
};

// AUTH_REQUEST, AUTH_ACK, MFSTART.
struct NoBody {
  bool operator==(const NoBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self&, Visit&) {}
};

// UPDATE: the slots of another node.
struct UpdateBody {
  Epoch config_epoch;
  NodeId node;
  SlotSet slots;

  bool operator==(const UpdateBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("node_epoch", self.config_epoch);
    visit("node", self.node);
    visit("node_slots", self.slots);
  }
};

// MODULE.
struct ModuleBody {
  ModuleId module;
  uint8_t kind = 0;
  std::string payload;

  bool operator==(const ModuleBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit("module", self.module);
    visit.Size(self.payload);
    visit("kind", self.kind);
    visit.Text("payload", self.payload);
  }
};

// Of a type that the servers do not know: all bytes after the header.
struct UnknownBody {
  std::string data;

  bool operator==(const UnknownBody&) const = default;
  template <class Self, class Visit>
  static void Fields(Self& self, Visit& visit) {
    visit.Rest("data", self.data);
  }
};

using Body =
    std::variant<NoBody, GossipBody, FailBody, PublishBody, UpdateBody, ModuleBody, UnknownBody>;

enum class PacketType : uint16_t {
  kPing,
  kPong,
  kMeet,
  kFail,
  kPublish,
  kAuthRequest,
  kAuthAck,
  kUpdate,
  kMfStart,
  kModule,
  kPublishShard,
};
inline constexpr size_t kPacketTypes = 11;

// Its name is that of the server's logs.
struct PacketTypeInfo {
  std::string_view name;
  size_t body;  // an alternative of Body
  bool light;   // may have a light header
};
inline constexpr PacketTypeInfo kPacketTypeInfo[kPacketTypes] = {
    {"ping", 1, false},    {"pong", 1, false},     {"meet", 1, false},       {"fail", 2, false},
    {"publish", 3, true},  {"auth-req", 0, false}, {"auth-ack", 0, false},   {"update", 4, false},
    {"mfstart", 0, false}, {"module", 5, false},   {"publishshard", 3, true}};
inline constexpr size_t kUnknownBody = 6;

// The alternative of Body that packets of a type have.
constexpr size_t BodyOf(uint16_t type) {
  return type < kPacketTypes ? kPacketTypeInfo[type].body : kUnknownBody;
}

// Any bytes that ParsePacket() (bus_codec.h) accepts are one of these, and no bit of them is lost.
// Of a body with gossip, Header::count is the size of the list; with ext-data in the message flags,
// so is Header::extensions.
struct Packet {
  Header header;
  Body body;

  bool operator==(const Packet&) const = default;

  // Gives it an empty body of its type, unless it has a body of that kind.
  void ChooseBody();
  // Sets the counts of the header to the sizes of the lists.
  void CountLists();
  bool Is(PacketType type) const { return header.type == static_cast<uint16_t>(type); }
};

// What differs between the servers.
struct BusTraits {
  // A server looks at the signature and the total length when this many bytes have arrived.
  size_t first_bytes;
  // Knows light headers.
  bool light;
  // The extensions that it knows, as a set of bits 1 << ExtensionType.
  uint32_t extensions;
};
inline constexpr BusTraits kBusTraits[kProfileCount] = {
    {.first_bytes = 8, .light = false, .extensions = 1},
    {.first_bytes = 14, .light = true, .extensions = 0x3f}};
constexpr const BusTraits& BusTraitsOf(Profile profile) {
  return kBusTraits[static_cast<size_t>(profile)];
}

}  // namespace resprobe::cluster

#endif  // RESPROBE_CORE_CLUSTER_BUS_PACKET_H_
