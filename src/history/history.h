#ifndef RESPROBE_HISTORY_HISTORY_H_
#define RESPROBE_HISTORY_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::history {

// What a client asked for at once, and what came back: one request, or a transaction from MULTI to
// EXEC. It takes effect at one moment between its begin and its end, or, without replies, perhaps
// never.
struct Operation {
  static constexpr uint64_t kNever = UINT64_MAX;

  uint32_t client = 0;
  // Microseconds of one clock for all clients: before the first byte was sent, and after the last
  // one arrived. Operations that share a moment overlap.
  uint64_t begin_us = 0;
  // Without replies: the time after which it cannot take effect any more (that server has crashed),
  // or kNever.
  uint64_t end_us = kNever;
  std::string requests;  // as RESP, one after another
  std::string replies;   // likewise; empty: unknown, since the connection broke

  bool answered() const { return !replies.empty(); }
};

// What clients of one server saw, in any order.
struct History {
  std::vector<Operation> operations;
};

// The arguments of each request of an operation. False if they are not whole requests.
bool RequestsOf(const Operation& operation, std::vector<std::vector<std::string>>* requests);

// The requests as text: "MULTI ; SET k 1 ; EXEC".
std::string RequestsText(const Operation& operation);

// --- History as text, one line for each operation:
//
//   CLIENT BEGIN END  WORD… [; WORD…]… -> REPLIES
//
// END is a time, "?" (unknown whether it was done), or "?TIME" (the same, done before TIME if at
// all). REPLIES are quoted bytes of RESP; they are missing where END is "?". Words are those of
// .ops text; a word that is ";" or "->" is quoted. Lines that begin with # are comments.

std::string LineOf(const Operation& operation);
std::string Print(const History& history);
// False, with "line N: what is wrong", if the text is malformed.
bool Parse(std::string_view text, History* history, std::string* error);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_HISTORY_H_
