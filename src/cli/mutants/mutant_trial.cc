#include "cli/mutants/mutant_trial.h"

#include <signal.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "cli/fuzz/fuzz_job.h"
#include "findings/campaign.h"
#include "mutants/mutant_switch.h"
#include "runner/harness_process.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

template <class T>
void MakeZeros(const fs::path& file) {
  const T zero{};
  runner::WriteFile(file, std::string_view(reinterpret_cast<const char*>(&zero), sizeof(zero)));
}

template <class T>
T ReadAs(const fs::path& file) {
  T value{};
  const std::string content = runner::ReadFile(file);
  if (content.size() >= sizeof(value)) std::memcpy(&value, content.data(), sizeof(value));
  return value;
}

// Different for each trial, the same when it is repeated.
uint64_t SeedOf(const Trial& trial) {
  constexpr uint64_t kApart = 1'000'003;
  return 1 + trial.number * kApart;
}

// Before anything else runs with the fault: shrinking would count too.
void TakeCounts(const fs::path& file, TrialResult* result) {
  const auto counts = ReadAs<mutants::Counts>(file);
  result->reached = counts.reached;
  result->first_reached = counts.first_reached;
  result->triggered = counts.triggered != 0;
  result->first_triggered = counts.first_triggered;
}

// libFuzzer, in the campaign of `fuzz`.
bool Fuzz(const runner::Project& project, const Trial& trial, const fs::path& seeds,
          const fs::path& counts_file, const findings::RunLimits& limits, TrialResult* result) {
  FuzzOptions options;
  options.seconds = trial.seconds;
  options.seed = SeedOf(trial);
  std::error_code error;
  options.corpus =
      trial.source == "committed" && fs::exists(seeds, error) ? seeds.string() : "none";
  options.limits = limits;
  options.stop_on_failure = true;
  if (!trial.without.empty()) options.without = SplitList(trial.without);
  const std::unique_ptr<FuzzSearch> search =
      SearchWithLibFuzzer(project, project.Find(trial.harness), options);
  findings::CampaignOptions campaign_options;
  campaign_options.verb = "mutants";
  campaign_options.stop_on_failure = true;
  campaign_options.file = false;
  campaign_options.say = [](const std::string&) {};
  campaign_options.progress = [] {};
  findings::Campaign campaign(project, search.get(), campaign_options);
  campaign.Loop();
  TakeCounts(counts_file, result);
  const Progress& progress = search->progress();
  if (!progress.trouble.empty()) throw runner::UserError(trial.harness + ": " + progress.trouble);
  result->executions = progress.executions;
  result->seconds = progress.first_failure > 0 ? progress.first_failure : progress.elapsed;
  if (campaign.list().by_signature.empty()) return !runner::Interrupted();
  const findings::Found& found = campaign.list().by_signature.begin()->second;
  result->signature = found.failure.what.signature;
  findings::MetCase met;
  met.tape = found.failure.input.tape;
  try {
    const findings::SmallCase small = search->Reduce(met, {.candidates = 3000, .seconds = 5});
    if (small.failed) {
      result->ops = small.ops_after;
      result->bytes = small.tape.size();
    }
  } catch (const runner::Interruption&) {  // the case stays as it was met
  }
  return true;
}

// `--resprobe random`: one case after the other, each from a seed.
bool RunRandom(const runner::Project& project, const Trial& trial, const fs::path& count_file,
               const fs::path& counts_file, const findings::RunLimits& limits,
               TrialResult* result) {
  MakeZeros<uint64_t>(count_file);
  constexpr int kSeedBits = 32;
  runner::Command command =
      runner::Ask(project.Find(trial.harness),
                  {"random", trial.source, std::to_string(SeedOf(trial) << kSeedBits),
                   std::to_string(UINT64_MAX)},
                  true);
  command.environment.emplace_back("RESPROBE_PROGRESS", count_file);
  if (!trial.without.empty()) command.environment.emplace_back("RESPROBE_WITHOUT", trial.without);
  const double start = runner::Now();
  runner::Process process(command);
  uint64_t count = 0;
  double advanced = start;
  runner::RunResult ran;
  while (process.Pump(0.05)) {
    const double now = runner::Now();
    if (const uint64_t more = ReadAs<uint64_t>(count_file); more != count) {
      count = more;
      advanced = now;
    }
    ran.timed_out = now - advanced > limits.timeout_seconds;
    ran.out_of_memory = process.ResidentMb() > limits.rss_mb;
    const bool over = now - start > trial.seconds && process.err.empty();
    if (over || ran.timed_out || ran.out_of_memory || runner::Interrupted()) {
      process.Signal(SIGKILL);
      while (process.Pump(1)) {
      }
      break;
    }
  }
  result->seconds = runner::Now() - start;
  result->executions = ReadAs<uint64_t>(count_file);
  TakeCounts(counts_file, result);
  if (runner::Interrupted()) return false;
  ran.exit_code = process.exit_code();
  ran.signal = process.signal();
  ran.out = process.out;
  ran.err = process.err;
  if (ran.exit_code == runner::kWrongUse) {
    throw runner::UserError(trial.harness + ": " + ran.err.substr(0, ran.err.find('\n')));
  }
  for (const runner::Fact& fact : runner::ReadFacts(ran.out)) {
    if (fact.key == "invariant") result->signature = "violation:" + fact.value();
  }
  const bool killed = ran.signal == SIGKILL && !ran.timed_out && !ran.out_of_memory;
  if (result->signature.empty() && ran.exit_code != runner::kAllWell && !killed) {
    result->signature = SignatureOf(ran).Text();
  }
  return true;
}

}  // namespace

std::optional<TrialResult> RunTrial(const runner::Project& project, const Trial& trial,
                                    const fs::path& seeds, const findings::RunLimits& limits) {
  const runner::TempFolder temp;
  const fs::path counts_file = temp.path() / "counts";
  MakeZeros<mutants::Counts>(counts_file);
  runner::Project own = project;
  own.work = temp.path() / "work";
  for (runner::HarnessEntry& harness : own.all) {
    harness.environment.emplace_back("RESPROBE_MUTANT", trial.mutant);
    harness.environment.emplace_back("RESPROBE_MUTANT_COUNTS", counts_file);
  }
  TrialResult result;
  const bool engine = trial.source == "committed" || trial.source == "none";
  const bool shows =
      engine ? Fuzz(own, trial, seeds, counts_file, limits, &result)
             : RunRandom(own, trial, temp.path() / "count", counts_file, limits, &result);
  if (!shows) return std::nullopt;
  return result;
}

}  // namespace resprobe::cli
