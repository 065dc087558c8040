#ifndef RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_
#define RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_

// What hostile calls may not do, and their effects besides a reply, as tables.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace resprobe::live {

// Effects of a call on the connection or the server, besides its one reply.
enum CallEffect : uint32_t {
  kUncounted = 1 << 0,  // from here on, requests get no reply, or several
  kMayClose = 1 << 1,   // may close connections
  kLasting = 1 << 2,    // if it succeeds, it cannot be undone: the server must be restarted
  kPauses = 1 << 3,     // blocks other clients
  kMayWait = 1 << 4,    // its reply may wait for another event
};

// Why a request is never sent, such as "it ends the server"; empty if it may be sent. `own`: to a
// private server in its own folder. Scripts are searched too: a script that contains a denied name
// is denied.
std::string_view WhyDenied(std::span<const std::string> args, bool own);

// The effects of a request, as CallEffect bits.
uint32_t EffectsOf(std::span<const std::string> args);

// The request, in RESP, that undoes what FLUSHALL does not, with a one-line reply; or "".
std::string UndoOf(std::span<const std::string> args);

// Shortens a wait that a client imposes on all others (CLIENT PAUSE), so that a silent server can
// be taken to hang. True if an argument has changed.
bool BoundTimes(std::span<std::string> args);

// The argument that names one of the case's clients by its number, from 1 on (CLIENT UNBLOCK 2,
// CLIENT KILL ID 2), and must be replaced by the server's id for it; nullptr if there is none.
std::string* ClientNumber(std::span<std::string> args);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_
