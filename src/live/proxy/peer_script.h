#ifndef RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_
#define RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/proxy/toxic_gate.h"

namespace resprobe::live {

// What an evil peer does, as text:
//
//   seed 7                       decides jitter and sizes of slices
//   send_buffer 4096             of the peer's sockets, in bytes; the system's if left out
//   receive_buffer 4096
//   reply "+OK\r\n" "$1\r\na\r\n"  the replies, one to each request, over and over; without any
//                                the core answers, as a server does
//   slicer average_size=3        toxics as sim/toxic.h prints them: on all connections …
//   connection 2                 … and those from here on only on the second
//   rst bytes=100
//   # a comment
struct PeerScript {
  uint64_t seed = 1;
  int send_buffer = 0;
  int receive_buffer = 0;
  std::vector<std::string> replies;
  std::vector<GateToxic> toxics;  // their names tell them apart

  // All of it as text.
  std::string Print() const;
};

// On failure nothing, and `error` is "line N: what is wrong: how to mend it".
std::optional<PeerScript> ParsePeerScript(std::string_view text, std::string* error);

// A script from a seed: for each of the first connections other toxics and numbers.
PeerScript GeneratePeerScript(uint64_t seed);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_PEER_SCRIPT_H_
