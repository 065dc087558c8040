#include "live/tcp/io_differences.h"

#include <algorithm>

namespace resprobe::live {
namespace {

constexpr IoDifference kDifferences[] = {
    {"send_buffer",
     "how much a write takes before the peer reads, and when the socket is writable again, is up "
     "to the kernel's buffers"},
};

}  // namespace

std::span<const IoDifference> IoDifferences() { return kDifferences; }

std::string SeenIn(std::string_view trace) {
  std::string seen;
  while (!trace.empty()) {
    const std::string_view line = trace.substr(0, trace.find('\n'));
    trace.remove_prefix(std::min(line.size() + 1, trace.size()));
    if (!line.starts_with(kSaw)) continue;
    seen += line.substr(kSaw.size());
    seen += '\n';
  }
  return seen;
}

std::string_view WhyLeftOut(ToxicKind kind) {
  switch (kind) {
    case ToxicKind::kEintr:
      return "only a signal interrupts a call, a peer cannot";
    case ToxicKind::kEagain:
      return "no peer can make a kernel return EAGAIN while bytes wait";
    case ToxicKind::kFullBacklog:
      return "TCP has no such result of connect()";
    case ToxicKind::kShortWrite:
      return "a kernel accepts part of a write only if its buffer is full";
    default:
      return "";
  }
}

}  // namespace resprobe::live
