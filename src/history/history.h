#ifndef RESPROBE_HISTORY_HISTORY_H_
#define RESPROBE_HISTORY_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::history {

// What a client asked for and what came back: one request, or a transaction from MULTI to EXEC. It
// takes effect at one moment between its begin and its end; without replies, perhaps never.
struct Operation {
  static constexpr uint64_t kNever = UINT64_MAX;

  // A number for each connection: a client that reconnects gets a new one.
  uint32_t client = 0;
  // Microseconds on one clock for all clients: read before the first byte was sent, and after the
  // last byte arrived. Operations that share a microsecond overlap.
  uint64_t begin_us = 0;
  // Without replies: the time after which it can no longer take effect, since the server that had
  // it has crashed; or kNever.
  uint64_t end_us = kNever;
  std::string requests;  // RESP, one after another
  std::string replies;   // RESP, one after another; empty: unknown, since the connection broke

  bool answered() const { return !replies.empty(); }
};

// What the clients of one server saw. The operations may be in any order.
struct History {
  std::vector<Operation> operations;
};

// Sets the arguments of each request of an operation. False if they are not whole requests.
bool RequestsOf(const Operation& operation, std::vector<std::vector<std::string>>* requests);

// The requests as text: "MULTI ; SET k 1 ; EXEC".
std::string RequestsText(const Operation& operation);

// --- History as text, one line for each operation:
//
//   CLIENT BEGIN END  WORD… [; WORD…]… -> REPLIES
//
// BEGIN and END are microseconds. END may be "?" (unknown whether it was done) or "?TIME" (unknown,
// and if at all, done before TIME). REPLIES are the bytes of RESP, quoted; they are missing where
// END has a "?". Words are written as in .ops text; a word that is ";" or "->" is quoted. Lines
// that begin with # are comments.

std::string LineOf(const Operation& operation);
std::string Print(const History& history);
// False, with "line N: what is wrong", if the text is malformed.
bool Parse(std::string_view text, History* history, std::string* error);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_HISTORY_H_
