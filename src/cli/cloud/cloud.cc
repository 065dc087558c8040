// cloud, unit, merge: a campaign on many machines, one of its units, and what comes of them.

#include <absl/strings/str_format.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/cloud/cloud_plan.h"
#include "cli/cloud/engines.h"
#include "cli/cloud/merge.h"
#include "cli/cloud/unit.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/failure.h"
#include "live/server/target.h"
#include "report/writers.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct CloudOptions {
  CloudPlan plan;
  std::string harnesses;
  std::string words;  // of --options
  uint64_t machines = 0;
  std::optional<uint64_t> units;
  std::string engine = "local";
  std::string output;
  std::string format = "console";
  bool no_replay = false;
  SlurmOptions slurm;
  bool print = false;
  KubernetesOptions kubernetes;
};

constexpr uint64_t kMostUnits = 100'000;

// The folder of a campaign, or its campaign.json.
fs::path FolderOfCampaign(const std::string& named) {
  fs::path path(named);
  std::error_code error;
  if (fs::is_directory(path, error)) return path;
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

CloudPlan ReadPlanOf(const std::string& named) {
  std::error_code error;
  const fs::path path(named);
  if (!fs::exists(path, error)) {
    throw runner::UserError(named + ": there is no such campaign: name the folder that cloud made");
  }
  return ReadPlan(fs::is_directory(path, error) ? path / "campaign.json" : path);
}

void CompletePlan(const runner::Project& project, CloudOptions* options) {
  CloudPlan& plan = options->plan;
  if (options->words.find_first_not_of(' ') != std::string::npos) {
    std::string error;
    const auto words = live::WordsOfCommand(options->words, &error);
    if (!words) throw runner::UserError("--options: " + error);
    plan.options = *words;
  }
  if (plan.verb == "fuzz") {
    for (const runner::HarnessEntry& harness : project.Select(SplitList(options->harnesses))) {
      if (!harness.left_out) plan.harnesses.push_back(harness.name);
    }
    plan.units = plan.seeds * plan.harnesses.size();
    if (options->units) {
      throw runner::UserError("--units: fuzz has one for each of --seeds and each harness");
    }
    if (!plan.corpus.empty()) {
      std::error_code ignored;
      if (plan.harnesses.size() != 1) {
        throw runner::UserError("--corpus: the folder is of one harness: name it with --harness");
      }
      if (!fs::is_directory(plan.corpus, ignored)) {
        throw runner::UserError("--corpus: there is no folder " + plan.corpus);
      }
      plan.corpus = fs::absolute(plan.corpus).lexically_normal();
      for (const fs::path& file : runner::FilesIn(plan.corpus)) {
        if (file.extension() == ".ops") {
          throw runner::UserError("--corpus: " + file.string() +
                                  " is text: name a folder of tapes, such as work/corpus/HARNESS");
        }
      }
    }
  } else {
    if (!options->harnesses.empty()) {
      throw runner::UserError("--harness is for --verb fuzz");
    }
    if (!plan.corpus.empty()) throw runner::UserError("--corpus is for --verb fuzz");
    // Small enough that a lost machine loses little, and the last one is not waited for.
    constexpr uint64_t kEach = 4;
    plan.units = options->units.value_or(std::min(plan.seeds, kEach * options->machines));
    if (plan.units > plan.seeds) {
      throw runner::UserError(
          absl::StrFormat("--units %d: there are %d seeds, and each unit has one "
                          "at least",
                          plan.units, plan.seeds));
    }
  }
  if (plan.units > kMostUnits) {
    throw runner::UserError(
        absl::StrFormat("%d units of work: at most %d", plan.units, kMostUnits));
  }
  plan.created = findings::TimeNow();
  CheckPlan(plan);
}

fs::path FolderFor(const runner::Project& project, const CloudOptions& options) {
  if (!options.output.empty()) return fs::absolute(options.output).lexically_normal();
  const fs::path base =
      project.work / "cloud" /
      (options.plan.verb + absl::FormatTime("-%Y%m%d-%H%M%S", absl::Now(), absl::UTCTimeZone()));
  fs::path folder = base;
  std::error_code error;
  for (int i = 2; fs::exists(folder, error); ++i) {
    folder = base.string() + "-" + std::to_string(i);
  }
  return folder;
}

// Writes the plan, or goes on with the one that is there.
void OpenCampaign(const fs::path& folder, CloudPlan* plan) {
  std::error_code error;
  const fs::path file = folder / "campaign.json";
  if (fs::exists(file, error)) {
    CloudPlan there = ReadPlan(file);
    if (!there.SameWork(*plan)) {
      throw runner::UserError(folder.string() +
                              ": holds a campaign with other options: name another --output");
    }
    *plan = std::move(there);
  } else if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    throw runner::UserError(folder.string() +
                            ": is no campaign, and not empty: name another --output");
  } else {
    runner::MakeFolder(folder);
    runner::WriteFile(file, ToJson(*plan).dump(2) + "\n");
  }
  runner::MakeFolder(folder / "results");
}

int WriteManifests(const CloudOptions& options) {
  const std::map<std::string, std::string> manifests =
      KubernetesManifests(options.plan, options.machines, options.kubernetes);
  if (options.print) {
    for (const auto& [name, text] : manifests) {
      std::printf("---\n# %s\n%s", name.c_str(), text.c_str());
    }
    return runner::kAllWell;
  }
  if (options.output.empty()) {
    throw runner::UserError(
        "--engine kubernetes writes manifests: give --output DIR, or --print them");
  }
  runner::MakeFolder(options.output);
  for (const auto& [name, text] : manifests) {
    runner::WriteFile(fs::path(options.output) / name, text);
    std::printf("%s\n", (fs::path(options.output) / name).c_str());
  }
  std::printf("nothing was started: docs/cloud.md says how\n");
  return runner::kAllWell;
}

void CheckEngineOptions(const CloudOptions& options) {
  if (options.engine != "slurm" && (options.slurm.detach || !options.slurm.arguments.empty())) {
    throw runner::UserError(std::string(options.slurm.detach ? "--detach" : "--sbatch") +
                            " is for --engine slurm");
  }
  if (options.engine != "kubernetes" && options.print) {
    throw runner::UserError("--print is for --engine kubernetes");
  }
  if (options.format != "console" && (options.slurm.detach || options.engine == "kubernetes")) {
    throw runner::UserError(
        "--format: there is no report yet when this ends: ./resprobe report show "
        "prints that of the merge");
  }
}

int RunCloud(CloudOptions options) {
  CheckEngineOptions(options);
  const runner::Project project = runner::OpenProject();
  CompletePlan(project, &options);
  if (options.engine == "kubernetes") return WriteManifests(options);
  if (options.engine == "slurm") CheckSlurm();
  const fs::path folder = FolderFor(project, options);
  OpenCampaign(folder, &options.plan);
  const runner::OutputOptions output = {.format = options.format, .file = ""};
  std::FILE* const out = output.text_on_stdout() ? stdout : stderr;
  absl::FPrintF(out, "%s: %s of %s in %s on %s (%s)\n", project.Shown(folder),
                findings::Plural(options.plan.seeds, "seed"), options.plan.verb,
                findings::Plural(options.plan.units, "unit"),
                findings::Plural(options.machines, "machine"), options.engine);
  std::fflush(out);
  report::Report report;
  bool interrupted = false;
  const fs::path merged = folder / "merged";
  if (options.engine == "slurm") {
    if (!RunOnSlurm(options.plan, folder, options.machines, options.slurm, out)) {
      return runner::kAllWell;
    }
    interrupted = runner::Interrupted();
    runner::ForgetInterrupts();
    const fs::path file = merged / "report.json";
    report = report::ReadReport(Json::parse(runner::ReadFile(file), nullptr, false), file);
  } else {
    RunOnThisMachine(options.plan, folder, options.machines, out);
    interrupted = runner::Interrupted();
    runner::ForgetInterrupts();  // what was done is still merged
    report = Merge(
        project, {.folders = {folder}, .output = merged, .replay = !options.no_replay, .out = out});
  }
  if (output.report()) report::Write(report, output);
  if (interrupted) {
    absl::FPrintF(out, "interrupted: the same command with --output %s goes on\n",
                  runner::ShellWord(project.Shown(folder)));
    return runner::kInterrupted;
  }
  return report.exit_code;
}

int RunMergeVerb(const std::vector<std::string>& folders, const std::string& output,
                 const std::string& format, bool no_replay) {
  const runner::Project project = runner::OpenProject();
  const runner::OutputOptions form = {.format = format, .file = ""};
  const report::Report report =
      Merge(project, {.folders = folders,
                      .output = output.empty() ? project.work / "merged" : fs::path(output),
                      .replay = !no_replay,
                      .out = form.text_on_stdout() ? stdout : stderr});
  if (form.report()) report::Write(report, form);
  return report.exit_code;
}

}  // namespace

Verb CloudVerb() {
  const auto options = std::make_shared<CloudOptions>();
  Verb verb("cloud", "a campaign on many machines");
  verb.details =
      "Splits the seeds of a verb into units of work, and runs them on M machines: processes of "
      "this one, a job array of slurm, or an Indexed Job of kubernetes, whose manifests it writes. "
      "Each unit leaves a result folder; `merge` makes one of them. A unit whose machine is lost "
      "is done again elsewhere. Ctrl-C keeps what is there, and the same command with the same "
      "--output goes on. docs/cloud.md says more.";
  verb.examples = {{"cloud --seeds 2000 --machines 4 --options '--ops 1000'",
                    "lives of the core, on four cores"},
                   {"cloud --seeds 100000 --machines 10 --engine slurm", "the same on a cluster"},
                   {"cloud --verb fuzz --harness resp_parser --seeds 8 --time 10m --machines 4",
                    "fuzzes a harness eight times, from eight seeds"},
                   {"cloud --seeds 100000 --machines 10 --engine kubernetes --output manifests",
                    "writes the manifests"}};
  verb.exit_codes =
      "0 all units are done and pass, 1 one fails, shows nothing or has no result, 2 wrong use, "
      "130 "
      "interrupted.";
  verb.Number("--seeds", "N", &options->plan.seeds, 1, INT64_MAX,
              "Seeds of all units together; of fuzz: runs of each harness")
      .Required();
  verb.Number("--machines", "M", &options->machines, 1, kMostUnits, "How many units run at a time")
      .Required();
  verb.Choice("--engine", {"local", "slurm", "kubernetes"}, &options->engine, "What runs them")
      .ShowDefault();
  verb.Text("--output", "DIR", &options->output,
            "The folder of the campaign, which all machines must have; of kubernetes: that of the "
            "manifests")
      .ShowDefault("a new one in work/cloud")
      .Complete(Completion::kFolder);
  verb.Choice("--format", report::Formats(), &options->format,
              "How the merged report is printed; it is kept in merged/report.json anyway")
      .ShowDefault();
  verb.Group("The work");
  verb.Text("--verb", "VERB", &options->plan.verb,
            "What runs the seeds: any verb with --seed and "
            "--seeds that writes a report, or fuzz")
      .ShowDefault();
  verb.Text("--options", "WORDS", &options->words, "Options of that verb, quoted as for a shell");
  verb.Number("--seed", "S", &options->plan.seed, 0, INT32_MAX, "The first seed").ShowDefault();
  verb.Time("--time", &options->plan.seconds, "Of each unit: 30s, 5m, 1h");
  verb.Number("--units", "N", &options->units, 1, kMostUnits,
              "Units of work; default: four for each machine");
  verb.Text("--harness", "NAME,…", &options->harnesses, "Of fuzz: harnesses; default: all")
      .Complete(Completion::kHarness);
  verb.Text("--corpus", "DIR", &options->plan.corpus,
            "Of fuzz: inputs to begin with besides the seeds; each unit gets a share")
      .Complete(Completion::kFolder);
  verb.Flag("--no-replay", &options->no_replay,
            "Merge without running again what several units have found");
  verb.Group("slurm");
  verb.Texts("--sbatch", "WORD", &options->slurm.arguments,
             "An argument for sbatch: --sbatch=--partition=long");
  verb.Flag("--detach", &options->slurm.detach, "Submit the jobs, and do not wait");
  verb.Group("kubernetes");
  verb.Flag("--print", &options->print, "Print the manifests").Excludes("--output");
  verb.Text("--image", "NAME", &options->kubernetes.image, "The image of the Dockerfile")
      .ShowDefault();
  verb.Text("--name", "NAME", &options->kubernetes.name, "Of the jobs").ShowDefault();
  verb.Text("--claim", "NAME", &options->kubernetes.claim,
            "The PersistentVolumeClaim for the results")
      .ShowDefault();
  verb.Text("--cpu", "QUANTITY", &options->kubernetes.cpu, "Of a pod").ShowDefault();
  verb.Text("--memory", "QUANTITY", &options->kubernetes.memory, "Of a pod").ShowDefault();
  verb.Group("");
  verb.run = [=] { return RunCloud(*options); };
  return verb;
}

Verb UnitVerb() {
  struct Options {
    std::string campaign;
    uint64_t number = 0;
    std::string results;
  };
  const auto options = std::make_shared<Options>();
  Verb verb("unit", "one unit of work of such a campaign");
  verb.details =
      "Does the work of a unit, and leaves its result in the folder results of the campaign. Does "
      "nothing if it is there. `cloud` starts this on each machine; a scheduler of your own can do "
      "the same.";
  verb.Argument("CAMPAIGN", &options->campaign, "The folder of the campaign, or its campaign.json")
      .Complete(Completion::kFolder)
      .Required();
  verb.Number("--number", "K", &options->number, 0, kMostUnits, "Which unit, from 0").Required();
  verb.Text("--results", "DIR", &options->results, "Where the result goes")
      .ShowDefault("results, in the campaign's folder")
      .Complete(Completion::kFolder);
  verb.examples = {{"unit work/cloud/night --number 7", "does the eighth unit"}};
  verb.exit_codes =
      "0 the work is done, whatever was found, 1 a signal has ended it: try again, 2 wrong use, "
      "130 "
      "interrupted.";
  verb.run = [=] {
    const CloudPlan plan = ReadPlanOf(options->campaign);
    if (options->number >= plan.units) {
      throw runner::UserError(absl::StrFormat("--number %d: the campaign has %d units, from 0",
                                              options->number, plan.units));
    }
    CheckPlan(plan);
    const fs::path results = options->results.empty()
                                 ? FolderOfCampaign(options->campaign) / "results"
                                 : fs::path(options->results);
    return RunUnit(plan, options->number, fs::absolute(results).lexically_normal());
  };
  return verb;
}

Verb MergeVerb() {
  struct Options {
    std::vector<std::string> folders;
    std::string output;
    std::string format = "console";
    bool no_replay = false;
  };
  const auto options = std::make_shared<Options>();
  Verb verb("merge", "merge the results of units of work");
  verb.details =
      "DIR is the result of a unit, a folder of such, the folder of a campaign, or the output of "
      "another merge. Corpora are merged by coverage; findings by harness, server and signature: "
      "counted, and of several the first that fails again is kept; counters are added, reports "
      "become one. What is damaged or half-written is named and left out, and so is what another "
      "result counts already. The output has the form of a result, and replaces what was there at "
      "the end, at once.";
  verb.Arguments("DIR", &options->folders, "Results").Complete(Completion::kFolder).Required();
  verb.Text("--output", "DIR", &options->output, "Where the merged result goes")
      .ShowDefault("work/merged")
      .Complete(Completion::kFolder);
  verb.Choice("--format", report::Formats(), &options->format,
              "How the merged report is printed; it is kept in report.json anyway")
      .ShowDefault();
  verb.Flag("--no-replay", &options->no_replay,
            "Do not run findings again that several results have");
  verb.examples = {{"merge work/cloud/night", "merges a campaign again"},
                   {"merge monday tuesday --output both --format markdown",
                    "merges two results, and prints the report"}};
  verb.exit_codes =
      "0 all results are merged and pass, 1 one fails, shows nothing or is left out, 2 wrong use.";
  verb.run = [=] {
    return RunMergeVerb(options->folders, options->output, options->format, options->no_replay);
  };
  return verb;
}

}  // namespace resprobe::cli
