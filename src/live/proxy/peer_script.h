#ifndef RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_
#define RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/proxy/toxic_gate.h"

namespace resprobe::live {

// The behaviour of an evil peer, as text:
//
//   seed 7                       determines jitter and slice sizes
//   send_buffer 4096             of the peer's sockets, in bytes; the system's default if omitted
//   receive_buffer 4096
//   reply "+OK\r\n" "$1\r\na\r\n"  the replies, one per request, repeated in a cycle; without any
//                                the core answers, as a server does
//   slicer average_size=3        toxics as sim/toxic.h prints them: on all connections …
//   connection 2                 … and after this line only on the second
//   rst bytes=100
//   # a comment
struct PeerScript {
  uint64_t seed = 1;
  int send_buffer = 0;
  int receive_buffer = 0;
  std::vector<std::string> replies;
  std::vector<GateToxic> toxics;  // distinguished by name

  // The whole script as text.
  std::string Print() const;
};

// On failure returns nullopt, and `error` is "line N: what is wrong: how to fix it".
std::optional<PeerScript> ParsePeerScript(std::string_view text, std::string* error);

// Generates a script from a seed: each of the first connections gets different toxics and values.
PeerScript GeneratePeerScript(uint64_t seed);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_
