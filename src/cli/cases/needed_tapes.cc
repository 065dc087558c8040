#include "cli/cases/needed_tapes.h"

#include <utility>

#include "cli/fuzz/fuzz_job.h"
#include "runner/harness_process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// The tapes of `folder`, by SHA-1, that each add coverage to the smaller ones.
std::set<std::string> AddingCoverage(const runner::HarnessEntry& harness, const fs::path& folder) {
  runner::TempFolder temp;
  const fs::path into = temp.path() / "merged";
  RunMerge(harness, {folder}, into, temp.path() / "control", false);
  std::set<std::string> kept;
  for (const fs::path& file : runner::FilesIn(into)) {
    kept.insert(runner::Sha1(runner::ReadFile(file)));
  }
  return kept;
}

// The pairs that each file reaches, by its name.
std::map<std::string, Pairs> PairsIn(const runner::HarnessEntry& harness,
                                     const std::vector<fs::path>& files) {
  std::map<std::string, Pairs> met;
  FindPairs(harness, files, [&](const fs::path& file, const Pairs& pairs) {
    if (!pairs.empty()) met[file.filename().string()] = pairs;
  });
  return met;
}

}  // namespace

void RunMerge(const runner::HarnessEntry& harness, const std::vector<fs::path>& folders,
              const fs::path& into, const fs::path& control, bool set_cover) {
  runner::MakeFolder(into);
  runner::Command command;
  command.argv = {harness.binary, set_cover ? "-set_cover_merge=1" : "-merge=1",
                  "-merge_control_file=" + control.string(), into};
  for (const fs::path& folder : folders) command.argv.push_back(folder);
  command.environment = runner::SanitizerEnvironment(false);
  const runner::RunResult result = RunToEnd(command);
  if (result.exit_code != 0) {
    throw runner::UserError(harness.name + ": libFuzzer could not merge its corpus (" +
                            SignatureOf(result).Text() + "): run ./resprobe replay on it");
  }
}

void WriteTapes(const fs::path& folder, const Tapes& tapes) {
  std::error_code error;
  fs::remove_all(folder, error);
  runner::MakeFolder(folder);
  for (const auto& [name, tape] : tapes) runner::WriteFile(folder / name, tape);
}

std::map<std::string, Pairs> PairsOf(const runner::HarnessEntry& harness, const Tapes& tapes) {
  runner::TempFolder temp;
  WriteTapes(temp.path() / "tapes", tapes);
  return PairsIn(harness, runner::FilesIn(temp.path() / "tapes"));
}

std::set<std::string> NotNeeded(const runner::HarnessEntry& harness, const Tapes& tapes) {
  runner::TempFolder temp;
  WriteTapes(temp.path() / "tapes", tapes);
  const std::set<std::string> covering = AddingCoverage(harness, temp.path() / "tapes");
  std::vector<fs::path> files;
  for (const std::string& sha1 : covering) files.push_back(temp.path() / "tapes" / sha1);
  std::map<std::string, Pairs> met = PairsIn(harness, files);
  // A world whose covering tapes report no pair has none: most have none, and a trace takes longer
  // than a run.
  if (!met.empty()) met = PairsIn(harness, runner::FilesIn(temp.path() / "tapes"));
  std::set<std::pair<size_t, std::string>> by_size;
  for (const auto& [sha1, tape] : tapes) by_size.emplace(tape.size(), sha1);
  std::set<std::string> not_needed;
  Pairs all;
  for (const auto& [size, sha1] : by_size) {
    const size_t before = all.size();
    all.merge(met[sha1]);
    if (all.size() == before && !covering.contains(sha1)) not_needed.insert(sha1);
  }
  return not_needed;
}

}  // namespace resprobe::cli
