#ifndef RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/table.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Makes the requests of a case independent of how long the run takes. Both servers get what comes
// out.
//
// A case moves a virtual clock; a live server has its own, and nobody waits for it. So no key may
// expire because time passes: times from now that are short are made long, with their order kept
// and each two of them far apart, so that GT and LT decide the same on both sides; points of time
// that are yet to come for the case, and past or near for the server, are moved by 95 years. What
// expires at once (0, negative, past) stays as it is. A client that waits (BLPOP) waits for ever.
class TimeRewriter {
 public:
  // A new case; `case_now_ms` is where its clock starts, `now_ms` the time of the day.
  void Reset(int64_t case_now_ms, int64_t now_ms);
  void Advance(int64_t ms) { case_now_ms_ += ms; }
  // True if a word has changed.
  bool Rewrite(const Command& command, std::vector<std::string>* args);

 private:
  static bool ForEver(std::string* word);
  bool FromNow(std::string* word, int64_t unit_ms);
  bool Point(std::string* word, int64_t unit_ms);

  int64_t case_now_ms_ = 0;
  int64_t now_ms_ = 0;
  int64_t rewritten_ = 0;
};

// The literal words of a syntax (spec.h), each once: "NX", "XX", "EX" …
std::vector<std::string_view> LiteralsOf(std::string_view syntax);

// Whether a server that reads one of the words as a number finds it out of the range of a double.
// It may then refuse SORT (docs/findings/sort-stale-errno.md).
bool OutOfRange(const std::vector<std::string>& args);

// Why a request is sent to neither server; empty if it is sent. The reasons are those of the core:
// what it does not have (docs/core-server.md), or what would reach beyond the connections of the
// case. `command` is what the profile's table has for the arguments, or nullptr.
std::string LeftOut(const Command* command, const std::vector<std::string>& args, Profile profile,
                    const LiveServer& target);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_
