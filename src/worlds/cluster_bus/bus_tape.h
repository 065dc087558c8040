#ifndef RESPROBE_WORLDS_CLUSTER_BUS_BUS_TAPE_H_
#define RESPROBE_WORLDS_CLUSTER_BUS_BUS_TAPE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/bus_codec.h"
#include "core/cluster/bus_packet.h"
#include "engine/harness.h"

namespace resprobe {

// The tape of the harness `cluster_bus`: a byte, 'v' for valkey-8.0 or 'r' for redis-7.0 (bit 2 is
// set, or not; the others mean nothing), then what a node receives on a link: packets one after the
// other, the last of them perhaps not whole.
struct BusTape {
  Profile profile = Profile::kRedis70;
  std::string_view stream;  // inside the input
};
BusTape DecodeBusTape(Bytes input);

// Whether a node of the profile's server may handle this packet, by a reading of the format that
// shares nothing with the core's: `packet` ends where its total length says.
bool PacketIsSound(std::string_view packet, Profile profile);
// Whether a server closes a link on which a packet begins so, read as PacketIsSound() reads it.
bool ClosesLink(std::string_view bytes, Profile profile);

// A field that is not what it should be: a length, a count, signature or version.
struct BusLie {
  cluster::DerivedKind kind;
  size_t ordinal;  // among those of its kind in the packet
  uint64_t delta;  // is added to the right value, in the field's size
};

// Part of a stream: a packet whose lengths may be wrong, or bytes that are none.
struct BusPiece {
  bool is_packet = false;
  cluster::Packet packet;
  std::vector<BusLie> lies;
  std::string bytes;  // if it is no packet

  void AppendTo(std::string* out) const;
};

// Cuts a stream into pieces. Their bytes together are the stream again.
std::vector<BusPiece> CutBusStream(const BusTape& tape);
void JoinBusStream(Profile profile, const std::vector<BusPiece>& pieces, Tape* out);

// Packets from a seed: those of a small cluster, most of them sound.
void GenerateBusTape(uint64_t seed, Tape* out);
// Changes a tape by the fields of its packets: values near those of its other packets, lengths,
// entries of lists, types, whole packets. False: the engine's own mutator should do it.
bool MutateBusTape(Bytes tape, uint64_t seed, Tape* out);
// One pass that removes packets, entries of lists and wrong lengths, clears fields and shortens
// texts. Keeps what still fails; true if anything was kept.
bool ShrinkBusTape(Tape* tape, const std::function<bool(const Tape&)>& still_fails);

// Nodes and epochs that exist in a cluster.
struct BusPeople {
  std::vector<cluster::NodeId> nodes;
  std::vector<uint64_t> epochs;
};
// One to six packets from a seed, as somebody sends them who knows a cluster, and wants to break
// it. None has lengths with which servers read outside of a packet (docs/findings/bus-lengths.md).
std::vector<std::string> MakeHostilePackets(uint64_t seed, const BusPeople& people);

// The packets as text, and what is refused with its reason.
std::string ShowBusTape(const BusTape& tape);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_BUS_BUS_TAPE_H_
