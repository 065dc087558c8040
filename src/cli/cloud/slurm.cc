#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "cli/cloud/engines.h"
#include "cli/cloud/result_folder.h"
#include "cli/cloud/unit.h"
#include "cli/full/parts.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// Runs a program of slurm. Throws UserError that quotes what it says, if it fails.
std::string AskSlurm(std::vector<std::string> words) {
  // TMPDIR names a folder of this process, and a job inherits the environment.
  words.insert(words.begin(), {"env", "-u", "TMPDIR"});
  const runner::RunResult result = runner::RunToEnd({words, {}});
  if (result.exit_code == 0) return result.out;
  std::string said = result.err.empty() ? result.out : result.err;
  std::ranges::replace(said, '\n', ' ');
  throw runner::UserError(runner::TerminalText(said.empty() ? words[3] + " fails" : said));
}

// "0-3,7": the numbers as sbatch takes them.
std::string RangesOf(const std::vector<uint64_t>& numbers) {
  std::vector<std::string> ranges;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    ranges.push_back(last == i ? std::to_string(numbers[i])
                               : absl::StrFormat("%d-%d", numbers[i], numbers[last]));
    i = last + 1;
  }
  return absl::StrJoin(ranges, ",");
}

void WriteScript(const fs::path& file, const std::string& purpose, const std::string& command) {
  runner::WriteFile(file, "#!/bin/sh\n# " + purpose + "\nexec " + command + "\n");
}

// The last line of a file that says something; "" if there is none.
std::string LastLineOfFile(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return "";
  std::string text = runner::ReadFile(file);
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
}

// The jobs of a campaign, as slurm sees them.
struct SlurmJobs {
  std::string units;  // the array's ID
  std::string merge;
};

// How many of the jobs are in which state ("RUNNING", "PENDING"); none: they have ended.
std::map<std::string, int> StatesOf(const SlurmJobs& jobs) {
  std::map<std::string, int> states;
  // (An ID that slurm has forgotten is an error if no other is given.)
  const runner::RunResult result =
      runner::RunToEnd({{"squeue", "--noheader", "--array", "--format", "%T", "--jobs",
                         jobs.units + "," + jobs.merge},
                        {}});
  std::istringstream lines(result.out);
  for (std::string state; std::getline(lines, state);) {
    if (!state.empty()) ++states[state];
  }
  if (result.exit_code != 0 && result.err.find("Invalid job id") == result.err.npos) {
    ++states["UNKNOWN"];  // the controller may come back
  }
  return states;
}

}  // namespace

void CheckSlurm() {
  for (const char* const program : {"sbatch", "squeue", "scancel"}) {
    if (!IsInPath(program)) {
      throw runner::UserError(std::string("--engine slurm: there is no ") + program +
                              " here: start it where slurm's commands are (Debian: slurm-client)");
    }
  }
}

bool RunOnSlurm(const CloudPlan& plan, const fs::path& folder, uint64_t machines,
                const SlurmOptions& options, std::FILE* out) {
  std::vector<uint64_t> numbers;
  for (uint64_t i = 0; i < plan.units; ++i) {
    if (!IsUnitDone(plan, i, folder / "results")) numbers.push_back(i);
  }
  const fs::path scripts = folder / "slurm";
  runner::MakeFolder(scripts);
  const std::string program = runner::ShellWord(fs::read_symlink("/proc/self/exe")) + " ";
  const std::string campaign = runner::ShellWord(folder);
  WriteScript(scripts / "unit.sh", "A unit of work of the campaign in this folder.",
              program + "unit " + campaign + " --number \"$SLURM_ARRAY_TASK_ID\"");
  WriteScript(scripts / "merge.sh", "The merge of its results.",
              program + "merge " + campaign + " --output " + runner::ShellWord(folder / "merged"));
  std::error_code error;
  fs::remove_all(folder / "merged", error);  // of an earlier run
  fs::remove(scripts / "merge.log", error);

  // The ID of the job that sbatch has accepted.
  const auto submit = [&](const std::vector<std::string>& own, const fs::path& script) {
    std::vector<std::string> words = {"sbatch", "--parsable", "--chdir", folder,
                                      "--open-mode=append"};
    words.insert(words.end(), own.begin(), own.end());
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    words.push_back(script);
    std::string id = AskSlurm(words);
    return id.substr(0, id.find_first_of(";\n"));
  };
  SlurmJobs jobs;
  std::vector<std::string> after;
  if (!numbers.empty()) {
    jobs.units = submit({"--job-name=resprobe", "--requeue",
                         "--array=" + RangesOf(numbers) + "%" + std::to_string(machines),
                         "--output", scripts / "unit-%a.log"},
                        scripts / "unit.sh");
    after = {"--dependency=afterany:" + jobs.units};
  }
  std::vector<std::string> own = {"--job-name=resprobe-merge", "--output", scripts / "merge.log"};
  own.insert(own.end(), after.begin(), after.end());
  try {
    jobs.merge = submit(own, scripts / "merge.sh");
  } catch (const runner::UserError&) {
    if (!jobs.units.empty()) AskSlurm({"scancel", jobs.units});
    throw;
  }
  if (jobs.units.empty()) jobs.units = jobs.merge;
  absl::FPrintF(out, "slurm has job %s for %d units, and job %s for the merge; logs are in %s\n",
                jobs.units, numbers.size(), jobs.merge, scripts.string());
  std::fflush(out);
  if (options.detach) {
    absl::FPrintF(out, "squeue -j %s,%s shows them; scancel %s ends the units\n", jobs.units,
                  jobs.merge, jobs.units);
    return false;
  }

  const double start = runner::Now();
  std::set<uint64_t> seen;
  uint64_t done = plan.units - numbers.size();
  std::string said;
  bool cancelled = false;
  for (;;) {
    if (runner::Interrupted()) {
      runner::ForgetInterrupts();
      const std::string& job = cancelled ? jobs.merge : jobs.units;
      absl::FPrintF(out, "interrupted: job %s is cancelled%s\n", job,
                    cancelled ? "" : "; what is there is merged");
      std::fflush(out);
      AskSlurm({"scancel", job});
      cancelled = true;
    }
    std::map<std::string, int> states;
    try {
      states = StatesOf(jobs);
    } catch (const runner::Interruption&) {
      continue;
    }
    std::set<std::string> there;  // of a shared folder, one list is asked for
    for (fs::directory_iterator at(folder / "results", error), end; !error && at != end;
         at.increment(error)) {
      there.insert(at->path().filename());
    }
    for (const uint64_t number : numbers) {
      const CloudUnit unit = UnitOf(plan, number);
      if (seen.contains(number) || !there.contains(NameOf(unit))) continue;
      if (!IsUnitDone(plan, number, folder / "results")) continue;
      seen.insert(number);
      ++done;
      const std::string line = LastLineOfFile(scripts / absl::StrFormat("unit-%d.log", number));
      absl::FPrintF(out, "[%d of %d, %.0f s] %s\n", done, plan.units, runner::Now() - start,
                    runner::TerminalText(line.empty() ? "unit " + NameOf(unit) : line));
      std::fflush(out);
    }
    if (states.empty()) break;
    std::vector<std::string> words;
    for (const auto& [state, count] : states)
      words.push_back(absl::StrFormat("%d %s", count, state));
    if (std::string now = absl::StrJoin(words, ", "); now != said) {
      absl::FPrintF(out, "[%d of %d, %.0f s] jobs: %s\n", done, plan.units, runner::Now() - start,
                    now);
      std::fflush(out);
      said = std::move(now);
    }
    // A controller serves many: it is asked twice in a second by no one.
    constexpr double kPoll = 1;
    for (double until = runner::Now() + kPoll; runner::Now() < until && !runner::Interrupted();) {
      poll(nullptr, 0, 100);
    }
  }
  if (!fs::exists(folder / "merged" / "report.json", error)) {
    const std::string why = LastLineOfFile(scripts / "merge.log");
    if (cancelled) throw runner::Interruption();
    throw runner::UserError("the job of the merge has left no report" +
                            (why.empty() ? " and no log" : ": " + why));
  }
  std::fputs(runner::ReadFile(scripts / "merge.log").c_str(), out);
  if (cancelled) throw runner::Interruption();
  return true;
}

}  // namespace resprobe::cli
