#include "worlds/io_known_faults.h"

#include "worlds/known_differences.h"

namespace resprobe {
namespace {

constexpr int k1_0 = HiredisVersion(1, 0, 0);
constexpr int k1_1 = HiredisVersion(1, 1, 0);

constexpr KnownFaultInfo kFaults[] = {
    {KnownFault::kNesting, "nesting",
     "a reply that is deep enough ends the process: it is freed by recursion", k1_0, kNoEnd, "",
     ""},
    {KnownFault::kFreeInConnect, "free_in_connect",
     "redisAsyncFree() and redisAsyncDisconnect() in the connect callback free what is used after",
     kEveryVersion, k1_1, "", ""},
    {KnownFault::kFreeInDisconnect, "free_in_disconnect",
     "redisAsyncFree() in the disconnect callback frees twice", kEveryVersion, k1_1, "", ""},
    {KnownFault::kFreeIgnored, "free_ignored",
     "redisAsyncFree() in the connect callback does nothing if redisAsyncDisconnect() came before "
     "it, and commands are pending",
     k1_1, kNoEnd, "", ""},
    {KnownFault::kMonitorRepush, "monitor_repush",
     "what is pending besides MONITOR is called again and again", kEveryVersion, kNoEnd, "", ""},
    {KnownFault::kAllocationsUnchecked, "allocations_unchecked",
     "results of malloc() are used unchecked", kEveryVersion, k1_0, "", ""},
    {KnownFault::kUnsolicitedReply, "unsolicited_reply",
     "a reply that nobody asked for ends the process", kEveryVersion, kNoEnd, "REDIS_SUBSCRIBED",
     "redisProcessCallbacks"},
    {KnownFault::kSubscribeShape, "subscribe_shape",
     "an array that is no message, while subscribed, ends the process", kEveryVersion, kNoEnd, "",
     "__redisGetSubscribeCallback"},
};

}  // namespace

std::span<const KnownFaultInfo> KnownFaults() { return kFaults; }

bool HasFault(int version, KnownFault fault) {
  for (const KnownFaultInfo& info : kFaults) {
    if (info.fault == fault && version >= info.from && version < info.to) return true;
  }
  return false;
}

const KnownFaultInfo* FaultOfAssert(int version, std::string_view expression,
                                    std::string_view function) {
  for (const KnownFaultInfo& info : kFaults) {
    if (info.function.empty() || version < info.from || version >= info.to) continue;
    if (function.find(info.function) != std::string_view::npos &&
        expression.find(info.assertion) != std::string_view::npos) {
      return &info;
    }
  }
  return nullptr;
}

}  // namespace resprobe
