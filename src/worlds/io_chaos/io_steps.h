#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_STEPS_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_STEPS_H_

// What the user of a client under test can do: the words of the ops of `io_chaos`.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

// A request of the client's user.
enum class ClientStep : uint8_t {
  kPing,
  kSet,
  kGet,
  kDownload,
  kUpload,
  kMulti,
  kExec,
  kSubscribe,
  kPsubscribe,
  kUnsubscribe,
  kPunsubscribe,
  kMonitor,
  kHello,
  kTracking,
};
inline constexpr std::string_view kClientStepNames[] = {
    "ping",      "set",        "get",         "download",     "upload",  "multi", "exec",
    "subscribe", "psubscribe", "unsubscribe", "punsubscribe", "monitor", "hello", "tracking"};
constexpr std::span<const std::string_view> EnumNames(ClientStep) { return kClientStepNames; }

constexpr bool IsSubscription(ClientStep step) {
  return step == ClientStep::kSubscribe || step == ClientStep::kPsubscribe;
}
constexpr bool IsUnsubscription(ClientStep step) {
  return step == ClientStep::kUnsubscribe || step == ClientStep::kPunsubscribe;
}
// Its callback gets everything that arrives for it, until the connection ends.
constexpr bool Stays(ClientStep step) {
  return step == ClientStep::kMonitor || IsSubscription(step);
}

// The action of a client's callback, or of its user at any time.
enum class ClientAction : uint8_t { kNothing, kCommand, kDisconnect, kFree, kReconnect };
inline constexpr std::string_view kClientActionNames[] = {"nothing", "command", "disconnect",
                                                          "free", "reconnect"};
constexpr std::span<const std::string_view> EnumNames(ClientAction) { return kClientActionNames; }

enum class ClientCallback : uint8_t { kConnect, kReply, kNoReply, kPush, kDisconnect };
inline constexpr std::string_view kClientCallbackNames[] = {"connect", "reply", "no-reply", "push",
                                                            "disconnect"};
constexpr std::span<const std::string_view> EnumNames(ClientCallback) {
  return kClientCallbackNames;
}

// The keys and channels of all requests.
inline constexpr std::string_view kIoKeys[] = {"a", "b", "c"};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_STEPS_H_
