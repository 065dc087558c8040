#ifndef RESPROBE_FINDINGS_FAILURE_H_
#define RESPROBE_FINDINGS_FAILURE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::cli {

// The live server that a case runs on: what starts a private one, or where one listens.
struct ServerSpec {
  // At most one of these three is not empty.
  std::string start;      // a command; options may follow the program
  std::string address;    // HOST:PORT
  std::string unix_path;  // a socket
  // More words for the command line of what is started.
  std::vector<std::string> arguments;
  std::string profile;  // what the core follows; "": the server's own
  bool flush = false;   // the server may hold keys; they are deleted
  bool allow_remote = false;
  int hang_seconds = 10;  // a server that says nothing for so long hangs
  std::string version;    // "redis 7.0.15": what it was when the failure was last seen

  bool given() const { return !start.empty() || !address.empty() || !unix_path.empty(); }
  bool operator==(const ServerSpec&) const = default;
};

// What a run in a process of its own may take.
struct RunLimits {
  int timeout_seconds = 25;
  size_t rss_mb = 2048;

  bool operator==(const RunLimits&) const = default;
};

// How a case is run: which runner, of which harness, on which server.
struct RunSpec {
  std::string runner = "process";  // a name of the table in cli/cases/case_runners.h
  std::string harness;             // the one whose ops the case has
  ServerSpec server;
  RunLimits limits;
  Json options = Json::object();  // the runner's own

  bool operator==(const RunSpec&) const = default;
};

// What was wrong in a run. All texts are UTF-8 (JsonText()), so that JSON holds them as they are.
struct Symptom {
  // Two failures with equal signatures are one finding: "violation:INVARIANT", "asan:KIND:FRAMES",
  // "timeout", "get: another reply", "server has ended: signal 11: f|g|h: xadd".
  std::string signature;
  std::string kind;  // "violation", "asan", "difference", "server has ended", …
  std::string invariant;
  std::string statement;  // what must hold, in words
  std::optional<uint64_t> op;
  std::string expected;
  std::string seen;
  std::vector<std::string> frames;  // innermost first
  Json details = Json::object();    // the runner's own

  bool operator==(const Symptom&) const = default;
};

// A failing case.
struct FailingCase {
  std::string tape;      // the smallest one
  std::string original;  // as it was met
  std::string text;      // the tape as `.ops` text; raw bytes too (engine/bytes_text.h)
  bool minimized = false;
  uint64_t ops_before = 0;
  uint64_t ops_after = 0;
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  uint64_t candidates = 0;  // that were tried to make it smaller

  bool operator==(const FailingCase&) const = default;
};

// A failure, whichever verb found it: all that is needed to run it again, to make it smaller, to
// show it and to freeze it. Its one form outside of a program is report.json in its folder
// (finding_store.h).
struct Failure {
  RunSpec run;
  Symptom what;
  FailingCase input;
  std::string hash;  // of the failing run's trace, if the run reached its end
  // Whether the case alone showed it again after it was found; nullopt: nobody has tried.
  std::optional<bool> replays;
  bool interrupted = false;  // before it was minimized
  std::string engine;        // what made the case: "libfuzzer", "afl", "seeds"
  uint64_t seed = 0;         // of the engine
  std::string from;          // the case: "seed 17", a file
  Json versions = Json::object();
  // Times are UTC: "2026-11-22T13:41:25Z".
  std::string first_seen;
  std::string last_seen;
  uint64_t met = 1;     // times, over all runs
  std::string checked;  // when it was last run again by `findings check`
  std::string state;    // and what came of it: "failing", "gone"; "" if it never was

  bool operator==(const Failure&) const = default;
};

// The time now, as in Failure.
std::string TimeNow();

Json ToJson(const RunSpec& run);
// Throws UserError, which begins with `where`, at what is no such thing.
RunSpec ReadRunSpec(const Json& json, const std::string& where);

// The original is left out: it is a file of its own.
Json ToJson(const Failure& failure);
// Also of earlier versions of this program; what such a report does not say, and is needed, is one
// sentence in `missing`. Throws UserError, which begins with `where`, if it is no report at all.
Failure ReadFailure(const Json& json, const std::string& where, std::string* missing);

// The kind of a signature: what is before its first colon.
std::string KindOf(const std::string& signature);

// Whether two signatures stand for one failure. Equal ones do; and all ends by a signal, above
// which an engine sees other frames than a replay.
bool SameFailure(const std::string& a, const std::string& b);

// A signature as the name of a folder or file: letters, digits, '-' and '_', at most 80 bytes.
std::string FileNameOf(const std::string& signature);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_FAILURE_H_
