#ifndef RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_
#define RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_

// What hostile calls may not do, and what they do besides answering: declared here, as tables.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace resprobe::live {

// What a call does to the connection or the server, besides giving one reply.
enum CallEffect : uint32_t {
  kUncounted = 1 << 0,  // gives none, or several replies, from here on
  kMayClose = 1 << 1,   // may close connections
  kLasting = 1 << 2,    // if it succeeds, nothing undoes it: the server is to be restarted
  kPauses = 1 << 3,     // others have to wait
  kMayWait = 1 << 4,    // its reply may not come until something happens
};

// Why a request is never sent, "it ends the server"; empty if it may be. `own`: to a private server
// in a folder of its own. Looks into scripts as well: a word in them that names what is denied
// denies the call.
std::string_view WhyDenied(std::span<const std::string> args, bool own);

// The effects of a request, CallEffect bits.
uint32_t EffectsOf(std::span<const std::string> args);

// The request, in RESP, that takes back what FLUSHALL does not, with one line of reply; or "".
std::string UndoOf(std::span<const std::string> args);

// Shortens what a client asks the server to wait for everybody's account (CLIENT PAUSE), so that
// silence means that it hangs. True if a word has changed.
bool BoundTimes(std::span<std::string> args);

// The word that names one of the case's clients by its number from 1 on (CLIENT UNBLOCK 2, CLIENT
// KILL ID 2), or nullptr: the server's own id is to stand there.
std::string* ClientNumber(std::span<std::string> args);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RULES_H_
