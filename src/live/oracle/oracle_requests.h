#ifndef RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/table.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// The words of a request, valid while `args` is.
std::vector<std::string_view> Views(const std::vector<std::string>& args);
// Appends a request as a client sends it.
void AppendWire(std::string* wire, const std::vector<std::string>& args);

// Makes the requests of a case independent of the duration of the run. Both servers get the result.
//
// A case advances a virtual clock; a live server has a real one, and the run does not wait for it.
// So no key may expire because time passes: short relative times are made long, keeping their order
// and far apart from each other, so that GT and LT decide the same on both sides; absolute times
// that are in the future of the case, and in the past or near future of the server, are moved by 95
// years. What expires at once (0, negative, past) stays unchanged. A blocking client (BLPOP) blocks
// without limit.
class TimeRewriter {
 public:
  // Starts a case; `case_now_ms` is the initial value of its clock, `now_ms` the time of day.
  void Reset(int64_t case_now_ms, int64_t now_ms);
  void Advance(int64_t ms) { case_now_ms_ += ms; }
  // The servers have the time of the case: only time-outs of blocking clients are changed, since a
  // server looks at them now and then only.
  void set_exact(bool exact) { exact_ = exact; }
  // True if a word has changed.
  bool Rewrite(const Command& command, std::vector<std::string>* args);

 private:
  static bool ForEver(std::string* word);
  bool FromNow(std::string* word, int64_t unit_ms);
  bool Point(std::string* word, int64_t unit_ms);

  bool exact_ = false;
  int64_t case_now_ms_ = 0;
  int64_t now_ms_ = 0;
  int64_t rewritten_ = 0;
};

// True if a server that parses one of the words as a number finds it out of the range of a double.
// It may then refuse SORT (docs/findings/sort-stale-errno.md).
bool OutOfRange(const std::vector<std::string>& args);

// The reason why a request is sent to neither server; empty if it is sent. Reasons are features
// that the core lacks (docs/core-server.md), and effects beyond the connections of the case.
// `command` is the profile's table entry for the arguments, or nullptr.
std::string LeftOut(const Command* command, const std::vector<std::string>& args, Profile profile,
                    const LiveServer& target);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_REQUESTS_H_
