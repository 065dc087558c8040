#ifndef RESPROBE_LIVE_TCP_IO_DIFFERENCES_H_
#define RESPROBE_LIVE_TCP_IO_DIFFERENCES_H_

// What the traces of IoLiveWorld contain, for code that reads them and does not link the world.

#include <span>
#include <string>
#include <string_view>

#include "sim/toxic.h"

namespace resprobe::live {

// A difference by design between the simulation and the kernel. It explains a case only if the
// simulation, given what the kernel did in this respect, produces the kernel's result.
struct IoDifference {
  std::string_view name;
  std::string_view what;
};
std::span<const IoDifference> IoDifferences();

// The reason why a step that has no equivalent over real sockets is omitted on both sides.
std::string_view WhyLeftOut(ToxicKind kind);

// The lines marked "saw" in a trace of IoLiveWorld.
std::string SeenIn(std::string_view trace);

// The prefix of such a line.
inline constexpr std::string_view kSaw = "saw ";

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_IO_DIFFERENCES_H_
