#ifndef RESPROBE_FINDINGS_FAILURE_H_
#define RESPROBE_FINDINGS_FAILURE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::findings {

// The live server on which a case runs: the command that starts a private one, or the address of a
// running one.
struct ServerSpec {
  // At most one of these three is not empty.
  std::string start;      // a command; options may follow the program
  std::string address;    // HOST:PORT
  std::string unix_path;  // a socket
  // More arguments for the started program.
  std::vector<std::string> arguments;
  std::string profile;  // profile of the core; "": derived from the server
  bool flush = false;   // the server may hold keys, which are deleted
  bool allow_remote = false;
  bool sandbox = false;   // the started server runs in virtual time
  int hang_seconds = 10;  // a server that is silent for this long hangs
  std::string version;    // "redis 7.0.15": its version when the failure was last seen

  bool given() const { return !start.empty() || !address.empty() || !unix_path.empty(); }
  // Which server it is, for comparing findings: the command that starts it, without its port,
  // socket, and temporary folders; or what it calls itself with a version, or else its address.
  std::string Identity() const;

  bool operator==(const ServerSpec&) const = default;
};

// Limits of a run in a separate process.
struct RunLimits {
  int timeout_seconds = 25;
  size_t rss_mb = 2048;

  bool operator==(const RunLimits&) const = default;
};

// How to run a case: which runner, which harness, which server.
struct RunSpec {
  std::string runner = "process";  // a name of the table in cli/cases/case_runners.h
  std::string harness;             // the harness whose ops the case has
  ServerSpec server;
  RunLimits limits;
  Json options = Json::object();  // specific to the runner

  bool operator==(const RunSpec&) const = default;
};

// What was wrong in a run. All texts are UTF-8 (JsonText()), so that JSON can hold them unchanged.
struct Symptom {
  // Two failures with equal signatures are one finding: "violation:INVARIANT", "asan:KIND:FRAMES",
  // "timeout", "get: another reply", "server has ended: signal 11: f|g|h: xadd".
  std::string signature;
  std::string kind;  // "violation", "asan", "difference", "server has ended", …
  std::string invariant;
  std::string statement;  // what must hold, as text
  std::optional<uint64_t> op;
  std::string expected;
  std::string seen;
  std::vector<std::string> frames;  // innermost first
  Json details = Json::object();    // specific to the runner

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
  uint64_t candidates = 0;  // tried while shrinking

  bool operator==(const FailingCase&) const = default;
};

// A failure, whichever verb found it: everything needed to rerun, shrink, show and freeze it. Its
// only form outside of a program is report.json in its folder (finding_store.h).
struct Failure {
  RunSpec run;
  Symptom what;
  FailingCase input;
  std::string hash;  // of the failing run's trace, if the run reached its end
  // Whether the case alone failed again after it was found; nullopt: not tried.
  std::optional<bool> replays;
  bool interrupted = false;            // before it was minimized
  std::string verb;                    // that found it: "fuzz", "oracle --unmodelled", "kill"
  std::vector<std::string> arguments;  // the words of the command line that found it
  std::string engine;                  // the source of the case: "libfuzzer", "afl", "seeds"
  uint64_t seed = 0;                   // of the engine
  std::string from;                    // the case: "seed 17", a file
  Json versions = Json::object();
  // Times are UTC: "2026-11-22T13:41:25Z".
  std::string first_seen;
  std::string last_seen;
  uint64_t met = 1;     // times, over all runs
  std::string checked;  // when `findings check` last reran it
  std::string state;    // the result: "failing", "gone"; "" if it was never rerun

  bool operator==(const Failure&) const = default;
};

// The current time in the format of Failure.
std::string TimeNow();

Json ToJson(const RunSpec& run);
// Throws UserError, which begins with `where`, if the JSON is invalid.
RunSpec ReadRunSpec(const Json& json, const std::string& where);

// Omits the original, which is a separate file.
Json ToJson(const Failure& failure);
// Accepts reports of earlier versions too; if such a report lacks something that is needed,
// `missing` is a sentence about it. Throws UserError, which begins with `where`, if the JSON is not
// a report.
Failure ReadFailure(const Json& json, const std::string& where, std::string* missing);

// An op as traces name it: "#4", from 0; after the last of `ops` ops "the end, after #3",
// without ops "the end".
std::string OpText(uint64_t op, uint64_t ops);

// The kind of a signature: the part before its first colon.
std::string KindOf(const std::string& signature);

// True if two signatures mean the same failure: if they are equal, or both are of one assertion, or
// both are deaths by a signal, for which an engine and a replay see different top frames.
bool SameFailure(const std::string& a, const std::string& b);

// A signature as the name of a folder or file: letters, digits, '-' and '_', at most 80 bytes.
std::string FileNameOf(const std::string& signature);

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_FAILURE_H_
