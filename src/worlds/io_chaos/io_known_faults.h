#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_

// Where versions of hiredis break the contract of io_chaos, and what the world does about it: it
// does not go there, or ends the run where hiredis ends in an assert of its own, so that a fault
// that is known does not hide others. Described in docs/findings/hiredis-*.md. A harness can be
// told to go there all the same (RESPROBE_KNOWN_FAULTS), to measure how soon each is found.

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
};

// Some of them.
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
  int to;    // the first that has not
  // The assert in which it ends: a part of its expression and its function; "" if it does not.
  std::string_view assertion;
  std::string_view function;
};

std::span<const KnownFaultInfo> KnownFaults();
// "run": all; else their ids with commas between them; "": none. On failure nothing, and `error`
// says which id there is not, and which there are.
std::optional<KnownFaultSet> ParseKnownFaults(std::string_view text, std::string* error);
const KnownFaultInfo& InfoOf(KnownFault fault);
// The version has this fault.
bool HasFault(int version, KnownFault fault);
// The known fault of this version that ends in this assert, or nullptr.
const KnownFaultInfo* FaultOfAssert(int version, std::string_view expression,
                                    std::string_view function);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_KNOWN_FAULTS_H_
