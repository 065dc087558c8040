#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_

// Faults by which versions of hiredis break the contract of io_chaos. The world avoids them, or
// ends the run where hiredis fails one of its own asserts, so that a known fault does not hide
// others. They are described in docs/findings/hiredis-*.md. RESPROBE_KNOWN_FAULTS makes a harness
// trigger them nevertheless, to measure how soon each is found.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace resprobe {

enum class KnownFault : uint8_t {
  kNone,
  kNesting,
  kFreeInConnect,
  kFreeInDisconnect,
  kFreeIgnored,
  kFreeInPush,
  kMonitorRepush,
  kMonitorSwallows,
  kCommandWhileSubscribed,
  kStaleCallback,
  kAllocationsUnchecked,
  kSubscribeOutOfMemory,
  kUnsolicitedReply,
  kSubscribeShape,
  kAttributeAsReply,
  kSigpipe,
  kInterruptedConnect,
  kFullBacklog,
  kFullBacklogBlocking,
  kElementsAhead,
  kAttachOutOfMemory,
  kConnectTimer,
  kArrayWhileSubscribed,
};

// A set of known faults.
class KnownFaultSet {
 public:
  static KnownFaultSet All() {
    KnownFaultSet all;
    all.bits_ = ~uint64_t{0};
    return all;
  }
  void Add(KnownFault fault) { bits_ |= Bit(fault); }
  bool Has(KnownFault fault) const { return (bits_ & Bit(fault)) != 0; }

 private:
  static uint64_t Bit(KnownFault fault) { return uint64_t{1} << static_cast<unsigned>(fault); }
  uint64_t bits_ = 0;
};

struct KnownFaultInfo {
  KnownFault fault;
  std::string_view id;
  std::string_view what;
  int from;  // the first version of hiredis that has it (known_differences.h: HiredisVersion)
  int to;    // the first version without it
  // The assert that it fails: a part of its expression and its function; "" if it fails none.
  std::string_view assertion;
  std::string_view function;
  std::string_view adapter = {};  // the adapter of hiredis that has it; "": hiredis itself
};

std::span<const KnownFaultInfo> KnownFaults();
// Parses "run": all; a comma-separated list of ids: those; "": none. On failure returns nothing,
// and `error` names the unknown id and lists the known ones.
std::optional<KnownFaultSet> ParseKnownFaults(std::string_view text, std::string* error);
const KnownFaultInfo& InfoOf(KnownFault fault);
// True if the version has this fault.
bool HasFault(int version, KnownFault fault);
// The known fault of this version that fails this assert, or nullptr.
const KnownFaultInfo* FaultOfAssert(int version, std::string_view expression,
                                    std::string_view function);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_
