#ifndef RESPROBE_CLI_CASES_NEEDED_TAPES_H_
#define RESPROBE_CLI_CASES_NEEDED_TAPES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/fuzz/pair_coverage.h"
#include "runner/files.h"
#include "runner/project.h"

namespace resprobe::cli {

// Tapes by the SHA-1 of their content.
using Tapes = std::map<std::string, std::string>;

// Runs libFuzzer's merge of `folders` into the empty folder `into`, with its log in the file
// `control`. A set-cover merge logs all features of each file; an ordinary one only those that
// smaller files lack. Throws UserError if the engine cannot.
void RunMerge(const runner::HarnessEntry& harness, const std::vector<fs::path>& folders,
              const fs::path& into, const fs::path& control, bool set_cover);

// Replaces the folder by one with these tapes, named by their SHA-1.
void WriteTapes(const fs::path& folder, const Tapes& tapes);

// The pairs that each tape reaches, by SHA-1; empty if no tape reaches any.
std::map<std::string, Pairs> PairsOf(const runner::HarnessEntry& harness, const Tapes& tapes);

// The tapes that add no coverage to the smaller ones, and reach no pair that smaller ones do not
// reach.
std::set<std::string> NotNeeded(const runner::HarnessEntry& harness, const Tapes& tapes);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_NEEDED_TAPES_H_
