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

// What a server may choose freely in a reply. All else must be equal: types, kinds of null, numbers
// as they are written, errors with their texts.
enum class Freedom : uint8_t {
  kNone,
  kOrder,   // elements (of a map: pairs) in any order
  kPairs,   // pairs in any order, in one array in RESP2 (HGETALL)
  kTime,    // a time that is left, or one that was given as a time from now: within a tolerance
  kMasked,  // the server's own affair: ids, what the clock says, help, all of its command table
  kHello,   // HELLO: id, version, modules; CLIENT TRACKINGINFO: the id of redirection
  kPick,    // SRANDMEMBER and its kin: any of the elements
  kPop,     // SPOP: any of the elements, which the core then takes as well
  kSort,    // SORT BY what does not sort, or what ALPHA finds equal: elements in any order
  kScan,    // any cursor; elements of what is there, and all of it from 0 to 0
};
inline constexpr size_t kFreedoms = 10;
std::string_view FreedomName(Freedom freedom);
Freedom FreedomOf(const Command& command);

// A request as both servers got it.
struct Asked {
  // Of the case, of the comparison of what it leaves, or of the way from one case to the next.
  enum class Part : uint8_t { kCase, kState, kBetween } part = Part::kCase;
  uint64_t case_number = 0;
  const Command* command = nullptr;
  std::vector<std::string> args;  // as the core got them
  size_t op = 0;
  size_t client = 0;
  int protocol = 2;  // in which it is answered
  // Of EXEC: what it ran.
  std::vector<Asked> queued = {};
  // SPOP that the core answered by SREM of the server's choice: its reply is the number removed.
  bool popped = false;
  int64_t population = -1;  // elements that were there before, -1: not known
  // kPick, kScan: what can be chosen (of pairs: the fields, each followed by its value).
  bool universe_known = false;
  std::vector<std::string> universe = {};
  bool universe_complete = false;  // a scan from 0 to 0 shows all of it
};

struct Mismatch {
  std::string command;  // "zadd", "exec: zadd" for one that EXEC ran
  std::string kind;     // "error text", "integer where the core has null"
};

// Compares the replies to one request. How often which freedom was needed is counted: only where
// the replies differ, or where the freedom is all there is to compare.
class Comparer {
 public:
  bool Same(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server,
            Mismatch* mismatch);
  // The same for what came on its own: equal, but for the server's own number of a target that is
  // lost.
  bool SamePush(const resp::ReplyView& core, const resp::ReplyView& server);
  const std::array<uint64_t, kFreedoms>& used() const { return used_; }
  // See Oracle::ObserveShapes().
  void ObserveShapes(std::span<uint8_t> shapes) { shapes_ = shapes; }

 private:
  bool SameExec(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server,
                Mismatch* mismatch);
  bool Allowed(const Asked& asked, Freedom freedom, const resp::ReplyView& core,
               const resp::ReplyView& server);

  void NoteShape(const Asked& asked, const resp::ReplyView& core, const resp::ReplyView& server);

  std::array<uint64_t, kFreedoms> used_ = {};
  std::span<uint8_t> shapes_;
  std::string a_;
  std::string b_;
};

// A push as it is compared: without the number in "tracking-redir-broken".
std::string WrittenPush(const resp::ReplyView& push);

// Whether the values are written the same, byte for byte.
bool Identical(const resp::ReplyView& a, const resp::ReplyView& b);
// Whether the elements are, in any order; those of a flat array in pairs with `pairs`.
bool SameInAnyOrder(const resp::ReplyView& a, const resp::ReplyView& b, bool pairs);
// "integer where the core has null".
std::string KindOfMismatch(const resp::ReplyView& core, const resp::ReplyView& server);

// How far apart two times may be, since the servers ran the request at different moments.
inline constexpr int64_t kTimeToleranceMs = 10'000'000;

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_COMPARE_H_
