#include "worlds/io_chaos/io_known_faults.h"

#include <algorithm>

#include "worlds/resp/known_differences.h"

namespace resprobe {
namespace {

constexpr int kVersion100 = HiredisVersion(1, 0, 0);
constexpr int kVersion110 = HiredisVersion(1, 1, 0);
constexpr int kVersion130 = HiredisVersion(1, 3, 0);
constexpr int kVersion141 = HiredisVersion(1, 4, 1);

constexpr KnownFaultInfo kFaults[] = {
    {KnownFault::kNesting, "nesting",
     "a reply that is deep enough ends the process: it is freed by recursion", kVersion100,
     kVersion141, "", ""},
    {KnownFault::kFreeInConnect, "free_in_connect",
     "redisAsyncFree() and redisAsyncDisconnect() in the connect callback free what is used after",
     kEveryVersion, kVersion110, "", ""},
    {KnownFault::kFreeInDisconnect, "free_in_disconnect",
     "redisAsyncFree() in the disconnect callback frees twice", kEveryVersion, kVersion110, "", ""},
    {KnownFault::kFreeIgnored, "free_ignored",
     "redisAsyncFree() in the connect callback does nothing if redisAsyncDisconnect() came before "
     "it, and commands are pending",
     kVersion110, kNoEnd, "", ""},
    {KnownFault::kFreeInPush, "free_in_push",
     "redisAsyncFree() in the push callback is put off until a reply has been called back",
     kVersion100, kNoEnd, "", ""},
    {KnownFault::kMonitorRepush, "monitor_repush",
     "what is pending besides MONITOR is called again and again", kEveryVersion, kNoEnd, "", ""},
    {KnownFault::kMonitorSwallows, "monitor_swallows",
     "a read that brings no whole reply costs MONITOR its next line", kEveryVersion, kVersion110,
     "", ""},
    {KnownFault::kCommandWhileSubscribed, "command_while_subscribed",
     "a command given while subscribed, whose reply is an array, is never called back",
     kEveryVersion, kVersion110, "", ""},
    {KnownFault::kStaleCallback, "stale_callback",
     "a message for which there is no callback goes to the callback before it, once more",
     kEveryVersion, kVersion110, "", ""},
    {KnownFault::kAllocationsUnchecked, "allocations_unchecked",
     "results of malloc() are used unchecked", kEveryVersion, kVersion100, "", ""},
    {KnownFault::kSubscribeOutOfMemory, "subscribe_out_of_memory",
     "a SUBSCRIBE that runs out of memory leaves a null pointer in the table of channels",
     kVersion100, kNoEnd, "", ""},
    {KnownFault::kUnsolicitedReply, "unsolicited_reply",
     "a reply that nobody asked for ends the process", kEveryVersion, kNoEnd, "REDIS_SUBSCRIBED",
     "redisProcessCallbacks"},
    {KnownFault::kSubscribeShape, "subscribe_shape",
     "an array that is no message, while subscribed, ends the process", kEveryVersion, kNoEnd, "",
     "__redisGetSubscribeCallback"},
    {KnownFault::kAttributeAsReply, "attribute_as_reply",
     "an attribute is handed out as if it were the reply that it describes", kVersion130, kNoEnd,
     "", ""},
    {KnownFault::kSigpipe, "sigpipe", "a write to a peer that is gone raises SIGPIPE",
     kEveryVersion, kNoEnd, "", ""},
    {KnownFault::kInterruptedConnect, "interrupted_connect",
     "a signal while redisConnect() waits makes it fail", kEveryVersion, kVersion130, "", ""},
    {KnownFault::kFullBacklog, "full_backlog",
     "EAGAIN of connect(), on a Unix socket, makes redisAsyncConnectUnix() fail", kEveryVersion,
     kVersion130, "", ""},
    {KnownFault::kFullBacklogBlocking, "full_backlog_blocking",
     "redisConnectUnix() does not wait for room in the backlog", kEveryVersion, kNoEnd, "", ""},
    {KnownFault::kElementsAhead, "elements_ahead",
     "the header of an aggregate takes memory for all its elements, before any has come",
     kEveryVersion, kNoEnd, "", ""},
    {KnownFault::kAttachOutOfMemory, "attach_out_of_memory",
     "redisAsyncFree() after redisLibuvAttach() has failed uses a null pointer", kVersion100,
     kNoEnd, "", "", "libuv"},
    {KnownFault::kConnectTimer, "connect_timer",
     "the tick that establishes a connection after its deadline ends its first command",
     kVersion110, kNoEnd, "", "", "poll"},
    {KnownFault::kArrayWhileSubscribed, "array_while_subscribed",
     "a reply that is an array is taken for a message if the next SUBSCRIBE or UNSUBSCRIBE waits",
     kVersion110, kNoEnd, "", ""},
};

}  // namespace

std::span<const KnownFaultInfo> KnownFaults() { return kFaults; }

std::optional<KnownFaultSet> ParseKnownFaults(std::string_view text, std::string* error) {
  if (text == "run") return KnownFaultSet::All();
  KnownFaultSet set;
  while (!text.empty()) {
    const std::string_view id = text.substr(0, text.find(','));
    text.remove_prefix(std::min(id.size() + 1, text.size()));
    const auto at = std::find_if(std::begin(kFaults), std::end(kFaults),
                                 [&](const KnownFaultInfo& info) { return info.id == id; });
    if (at == std::end(kFaults)) {
      *error = "there is no known fault '" + std::string(id) + "': use run, for all, or some of";
      for (const KnownFaultInfo& info : kFaults) *error += " " + std::string(info.id);
      return std::nullopt;
    }
    set.Add(at->fault);
  }
  return set;
}

const KnownFaultInfo& InfoOf(KnownFault fault) {
  for (const KnownFaultInfo& info : kFaults) {
    if (info.fault == fault) return info;
  }
  return kFaults[0];
}

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
