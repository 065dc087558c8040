#ifndef RESPROBE_LIVE_ORACLE_ORACLE_COMPARE_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_COMPARE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/table/table.h"

namespace resprobe::live {

using Freedom = ReplyFreedom;
inline constexpr size_t kFreedoms = kReplyFreedoms;
std::string_view FreedomName(Freedom freedom);
// The position of the cursor in a request of the SCAN family: after the key, if there is one.
size_t CursorPosition(const Command& command);

// A request as both servers received it.
struct Asked {
  // Part of the case, of the comparison of the final state, or of the transition to the next case.
  enum class Part : uint8_t { kCase, kState, kBetween } part = Part::kCase;
  uint64_t case_number = 0;
  // When its case began, and with it the core's clock stopped; ms of the steady clock.
  int64_t began_ms = 0;
  const Command* command = nullptr;
  std::vector<std::string> args;  // as the core received them
  size_t op = 0;
  size_t client = 0;
  int db = 0;        // of the client
  int protocol = 2;  // protocol of its reply
  // For EXEC: the requests that it ran.
  std::vector<Asked> queued = {};
  // A SPOP that the core executed as SREM of the server's choice: its reply is the number removed.
  bool popped = false;
  int64_t population = -1;  // elements that existed before, -1: unknown
  // kPick, kScan: the possible elements (of pairs: the fields, each followed by its value).
  bool universe_known = false;
  std::vector<std::string> universe = {};
  bool universe_complete = false;  // a scan from 0 to 0 returns all of it
};

struct Mismatch {
  // The replies mean the same: two errors, or the same text as another type of string.
  bool only_form = false;
  bool is_error = false;     // one of them is an error
  std::string command = {};  // "zadd", "exec: zadd" for one that EXEC ran
  std::string kind = {};     // "error text", "integer where the core has null"
  std::string cause = {};    // if it is that of other commands, too: "error text 'A' for 'B'"
};

struct ComparerCounts {
  // How often each freedom was needed: only where the replies differ, or where nothing else can be
  // compared.
  std::array<uint64_t, kFreedoms> freedoms = {};
  uint64_t other_error_texts = 0;  // errors with the same code and another text, taken as the same
};

// Compares the replies to one request.
class Comparer {
 public:
  // The counts must outlive the comparer.
  explicit Comparer(ComparerCounts* counts) : counts_(counts) {}

  bool Same(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server,
            Mismatch* mismatch);
  // The same for pushes: equal, except for the server's own id of a lost redirection target.
  bool SamePush(const resp::ReplyView& core, const resp::ReplyView& server);
  // Errors are the same if their codes are, the first words.
  void set_only_error_codes(bool only) { only_error_codes_ = only; }
  // Errors with other texts have the text as their cause, without the words of the request.
  void set_groups_errors(bool groups) { groups_errors_ = groups; }
  // The error with which the server replies to the command `name`, which it does not have. Such an
  // error to a command that it has is one cause, whatever the command.
  void set_unknown_command(const std::string& error, std::string_view name);
  // By how much the server's clock may be wrong (LiveServer::clock_uncertainty_ms()).
  void set_clock_uncertainty_ms(int64_t ms) { clock_uncertainty_ms_ = ms; }
  // The server's clock shows what the core's does.
  void set_exact_time(bool exact) { exact_time_ = exact; }
  // See Oracle::ObserveShapes().
  void ObserveShapes(std::span<uint8_t> shapes) { shapes_ = shapes; }

 private:
  bool SameExec(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server,
                Mismatch* mismatch);
  bool SameTime(const Asked& asked, const resp::ReplyView& core,
                const resp::ReplyView& server) const;
  bool Allowed(const Asked& asked, Freedom freedom, const resp::ReplyView& core,
               const resp::ReplyView& server);

  void NoteShape(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server);

  ComparerCounts* const counts_;
  std::span<uint8_t> shapes_;
  bool only_error_codes_ = false;
  bool groups_errors_ = false;
  int64_t clock_uncertainty_ms_ = 0;
  bool exact_time_ = false;
  std::string unknown_;
  std::string a_;
  std::string b_;
};

// A push in the form in which it is compared: without the id in "tracking-redir-broken".
std::string WrittenPush(const resp::ReplyView& push);

// Milliseconds of the steady clock, for Asked::began_ms.
int64_t SteadyMs();

// True if the values are identical, byte for byte.
bool Identical(const resp::ReplyView& a, const resp::ReplyView& b);
// True if the elements are identical in any order; with `pairs`, pairs of a flat array.
bool SameInAnyOrder(const resp::ReplyView& a, const resp::ReplyView& b, bool pairs);
// The kind of mismatch where the elements are the same. A known "value of array" (scores that are
// rounded, say) is not to hide it.
inline constexpr std::string_view kOrderOfElements = "order of elements";
// "integer where the core has null".
std::string KindOfMismatch(const resp::ReplyView& core, const resp::ReplyView& server);

// The kind of mismatch where the core says that there is no key (TTL, PTTL), of a server of any
// kind.
inline constexpr std::string_view kNotMinusTwo = "value of -2";

// What kind of reply it is: "null array", "error WRONGTYPE", "bulk string".
std::string Label(const resp::ReplyView& value);

// How far apart two times may be, besides the time since the case began and the uncertainty of the
// clocks: a server may know the time by a second, and its TTL may be rounded in another way.
inline constexpr int64_t kTimeToleranceMs = 1000;

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_COMPARE_H_
