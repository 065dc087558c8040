#ifndef RESPROBE_FINDINGS_DESCRIPTOR_H_
#define RESPROBE_FINDINGS_DESCRIPTOR_H_

#include <string>

#include "runner/harness_process.h"
#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

// The replay descriptor of a failure: report.json in the folder of a finding. It takes nothing else
// to run the case again or to freeze it. Of its keys these matter to a program:
//
//   harness     whose case it is
//   signature   how it failed: "violation:INVARIANT", "asan:KIND:FRAMES", "timeout", …
//   statement   what must hold, in words (violations)
//   case        the minimized case as `.ops` text; raw bytes too (engine/bytes_text.h)
//   hash        the hash of the failing run's trace (where the run lived to tell)
//   limits      of the runs that showed it: `timeout` in seconds, `rss` in MB
//   seed        the engine's, with `engine`
//   versions    resprobe, commit, subject, compiler, flags, engine
struct Descriptor {
  std::string harness;
  std::string signature;
  std::string case_text;  // "" in the report of a run that was interrupted
  bool minimized = false;
  // "limits"; 0: the report tells of none.
  int timeout_seconds = 0;
  size_t rss_mb = 0;
};

// Reads what a report tells. Throws UserError if it is none.
Descriptor ReadDescriptor(const fs::path& file);

// What was under test, and how it was built: the value of `versions`.
Json VersionsOf(const Project& project, const HarnessInfo& info);

// The tape as `.ops` text, with every choice in it spelled out.
std::string CaseText(const HarnessEntry& harness, const HarnessInfo& info, const fs::path& tape);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_DESCRIPTOR_H_
