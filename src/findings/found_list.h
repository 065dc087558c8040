#ifndef RESPROBE_FINDINGS_FOUND_LIST_H_
#define RESPROBE_FINDINGS_FOUND_LIST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "findings/finding_store.h"
#include "report/report.h"
#include "runner/project.h"

namespace resprobe::findings {

// A kind of failure in one campaign.
struct Found {
  Failure failure;
  fs::path folder;     // empty: it could not be written
  bool known = false;  // its folder was there before
  uint64_t met = 1;    // times in this campaign
  // When it was first met: seconds of the run, and executions (0: unknown).
  double seconds = 0;
  uint64_t executions = 0;
  int replaced = 0;  // how often a later case was tried in place of one that does not replay
  // The signatures before it was shrunk, and those of its variants, with how often it was met so.
  std::map<std::string, uint64_t> met_as;
  std::set<std::string> variants;  // their signatures
  std::string trouble;             // why the folder is empty
};

// What a campaign has found, as text and as JSON.
struct FoundList {
  std::string noun = "finding";  // its plural ends in s
  bool known_fails = true;       // whether a finding that an earlier run has filed counts
  std::map<std::string, Found> by_signature{};  // as filed
  double first_seconds = 0;                     // of the run, until the first was met
  // Failures that did not recur, by the signature as met, and how often they were met.
  std::map<std::string, uint64_t> lone{};
  std::set<std::string> not_smallest{};  // the signatures that a limit of shrinking has ended

  // True if so many kinds of failures did not recur that it is no accident.
  bool unsteady() const;
  // True if one of the findings fails the run.
  bool Fails() const;
  // "3 differences".
  std::string Count() const;
  // The lines that end a run: each finding with its folder, and what did not recur.
  std::string Text(const runner::Project& project) const;
  Json ToJson(const runner::Project& project) const;
  // The same, with what the files of their folders hold: stacks, traces, pictures.
  std::vector<report::Finding> ForReport(const runner::Project& project) const;
};

// The command that reruns a finding.
std::string ReplayCommand(const runner::Project& project, const fs::path& folder);

// "1 difference", "3 differences".
std::string Plural(size_t count, const std::string& noun);

// Lines that a terminal can show: a signature may quote what a server has said, a NUL too.
std::string ShownLines(const std::string& text);

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_FOUND_LIST_H_
