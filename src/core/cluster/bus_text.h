#ifndef RESPROBE_CORE_CLUSTER_BUS_TEXT_H_
#define RESPROBE_CORE_CLUSTER_BUS_TEXT_H_

// The readable form of packets of the cluster bus:
//
//   ping port=6379 current_epoch=6 config_epoch=1 sender=07c37df… slots=0-5460 cport=16379 …
//     gossip node=e7d1eec… pong=1700000003 ip=10.0.0.2 port=6379 cport=16379 flags=primary
//     extension type=hostname text=host-1.example
//     extension type=shardid shard=292f8b36…
//   light publish channel=news message="two words"
//
// A packet is a line, and one more for each gossip entry and extension, indented. Fields have the
// order of the wire; those that are zero are left out, and so are lengths and counts, which follow
// from the rest. Names of types are those of the server's logs; an unknown one is a number, with
// the bytes after the header: `type=77 … data="\x00…"`. Words of other bytes than
// [-+./:_0-9A-Za-z,] are quoted, with \xHH, \" and \\.

#include <string>
#include <string_view>

#include "core/cluster/bus_packet.h"

namespace resprobe::cluster {

// Appends the lines of a packet.
void PrintPacket(const Packet& packet, std::string* out);

// Reads the lines of one packet. What PrintPacket() prints gives the same packet. Returns what is
// wrong, as "line N: what: how to mend it"; "" if nothing is.
std::string ReadPacketText(std::string_view text, Packet* packet);

// "ping", "light publish", "type 77".
std::string PacketName(const Header& header);

}  // namespace resprobe::cluster

#endif  // RESPROBE_CORE_CLUSTER_BUS_TEXT_H_
