// seeds: the bank of seeds that once failed.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/output_options.h"
#include "cli/seeds/seed_bank.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/finding_store.h"
#include "live/server/target.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct SeedsOptions {
  std::string file;  // "": the project's
  std::string finding;
  std::optional<uint64_t> seed;
  std::string verb;
  std::string words;
  std::string description;
  std::vector<std::string> seeds;
  runner::OutputOptions output;
};

// A bank that was named must be there, unless it is made now.
SeedBank Open(const runner::Project& project, const SeedsOptions& options, bool make = false) {
  if (options.file.empty()) return SeedBank(project.source / "tests" / "seeds.txt");
  std::error_code error;
  if (!make && !fs::exists(options.file, error)) {
    throw runner::UserError("--file " + options.file +
                            ": there is no such bank: `seeds add --file` makes one");
  }
  return SeedBank(options.file);
}

// "3 seeds in tests/seeds.txt"; "no seeds: there is no bank yet, tests/seeds.txt".
std::string CountOf(const runner::Project& project, const SeedBank& bank) {
  std::error_code error;
  const std::string file = project.Shown(bank.file());
  if (!fs::exists(bank.file(), error)) return "no seeds: there is no bank yet, " + file;
  return findings::Plural(bank.seeds().size(), "seed") + " in " + file;
}

int RunAdd(const SeedsOptions& options) {
  const runner::Project project = runner::OpenProject();
  if (options.finding.empty() == !options.seed.has_value()) {
    throw runner::UserError("seeds add: name a finding's folder, or give --seed N");
  }
  BankedSeed seed;
  if (!options.finding.empty()) {
    if (!options.verb.empty() || !options.words.empty()) {
      throw runner::UserError(
          "seeds add: the finding says its verb and options: leave out --verb "
          "and --options");
    }
    const findings::StoredFailure stored = findings::ReadFinding(options.finding);
    seed = SeedOf(stored.failure);
    seed.description = stored.failure.what.signature;
  } else {
    seed.seed = *options.seed;
    if (!options.verb.empty()) seed.verb = options.verb;
    if (!options.words.empty()) {
      std::string error;
      const auto words = live::WordsOfCommand(options.words, &error);
      if (!words) throw runner::UserError("--options: " + error);
      seed.options = *words;
    }
  }
  if (!options.description.empty()) seed.description = options.description;
  seed.description = runner::TerminalText(seed.description);
  CheckRun(seed);
  SeedBank bank = Open(project, options, true);
  bank.Add(seed);
  bank.Save();
  std::printf("added to %s: %s\n", project.Shown(bank.file()).c_str(),
              SeedBank::LineOf(seed).c_str());
  return runner::kAllWell;
}

Json ToJson(const BankedSeed& seed) {
  return {{"seed", seed.seed},
          {"verb", seed.verb},
          {"options", seed.options},
          {"description", seed.description}};
}

int RunList(const SeedsOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  const SeedBank bank = Open(project, options);
  Json json = {{"file", project.Shown(bank.file())}, {"seeds", Json::array()}};
  for (const BankedSeed& seed : bank.seeds()) {
    if (options.output.text_on_stdout()) std::printf("%s\n", SeedBank::LineOf(seed).c_str());
    json["seeds"].push_back(ToJson(seed));
  }
  if (options.output.text_on_stdout()) {
    std::printf("%s\n", CountOf(project, bank).c_str());
  }
  if (options.output.report()) options.output.Write(json);
  return runner::kAllWell;
}

// The line with which a run that found nothing says that it has shown nothing either; "" if it has.
std::string VacuousLineOf(const runner::RunResult& result) {
  constexpr std::string_view kVacuous = "\nvacuous: ";
  const std::string text = "\n" + result.out;
  const size_t at = text.find(kVacuous);
  if (at == text.npos) return "";
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

// The last line that says something.
std::string LastLineOf(const runner::RunResult& result) {
  std::string text = result.err.empty() ? result.out : result.err;
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
}

std::string CommandOf(const BankedSeed& seed) {
  std::string text = "./resprobe";
  for (const std::string& word : seed.Arguments()) text += " " + runner::ShellWord(word);
  return text;
}

int RunTest(const SeedsOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  const SeedBank bank = Open(project, options);
  for (const BankedSeed& seed : bank.seeds()) CheckRun(seed);  // before any work
  size_t failing = 0;
  size_t cannot = 0;
  size_t vacuous = 0;
  const double began = runner::Now();
  report::Report report = report::NewReport("seeds test", 0);
  Json json = {{"file", project.Shown(bank.file())}, {"seeds", Json::array()}};
  for (const BankedSeed& seed : bank.seeds()) {
    std::vector<std::string> words = {fs::read_symlink("/proc/self/exe")};
    for (const std::string& word : seed.Arguments()) words.push_back(word);
    const double start = runner::Now();
    const runner::RunResult result = runner::RunToEnd({words, {}});
    const int milliseconds = static_cast<int>(1000 * (runner::Now() - start));
    const char* word = "ok";
    const std::string nothing_shown = VacuousLineOf(result);
    if (result.exit_code == runner::kWrongUse) {
      word = "cannot run";
      ++cannot;
    } else if (result.exit_code == runner::kFinding && !nothing_shown.empty()) {
      word = "vacuous";
      ++vacuous;
    } else if (result.exit_code != runner::kAllWell) {
      word = "FAIL";
      ++failing;
    }
    if (options.output.text_on_stdout()) {
      absl::PrintF("%-10s [seed=%d] %s %s (%d ms)\n", word, seed.seed, seed.verb,
                   runner::TerminalText(seed.description), milliseconds);
      if (result.exit_code != runner::kAllWell) {
        std::printf("    %s\n    %s\n",
                    runner::TerminalText(nothing_shown.empty() ? LastLineOf(result) : nothing_shown)
                        .c_str(),
                    CommandOf(seed).c_str());
      }
      std::fflush(stdout);
    }
    Json one = ToJson(seed);
    one["result"] = word;
    one["milliseconds"] = milliseconds;
    json["seeds"].push_back(std::move(one));
    report::Result tried = {
        .name = seed.verb + " " + std::to_string(seed.seed) + ": " + seed.description,
        .command = CommandOf(seed),
        .seed = seed.seed,
        .seconds = milliseconds / 1000.0};
    if (result.exit_code != runner::kAllWell) {
      tried.note = nothing_shown.empty() ? LastLineOf(result) : nothing_shown;
      tried.status =
          std::string_view(word) == "FAIL" ? report::Status::kFailed : report::Status::kUnknown;
    }
    report.results.push_back(std::move(tried));
  }
  if (options.output.text_on_stdout()) {
    if (bank.seeds().empty()) {
      std::printf("%s\n", CountOf(project, bank).c_str());
    } else {
      std::printf("%s: %zu fail", findings::Plural(bank.seeds().size(), "seed").c_str(), failing);
      if (vacuous > 0) std::printf(", %zu vacuous", vacuous);
      if (cannot > 0) std::printf(", %zu cannot run here", cannot);
      std::printf("\n");
    }
  }
  int code = cannot > 0 ? runner::kWrongUse : runner::kAllWell;
  if (failing + vacuous > 0) code = runner::kFinding;
  report.seconds = runner::Now() - began;
  report.exit_code = code;
  report.own = json;
  if (bank.seeds().empty()) report.vacuous = "the bank is empty";
  report::Write(report, options.output);
  return code;
}

int RunRemove(const SeedsOptions& options) {
  const runner::Project project = runner::OpenProject();
  SeedBank bank = Open(project, options);
  size_t removed = 0;
  for (const std::string& text : options.seeds) {
    uint64_t seed = 0;
    const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (code != std::errc() || at != text.data() + text.size()) {
      throw runner::UserError("seeds rm " + text + ": is no seed: give a whole number");
    }
    const size_t count = bank.Remove(seed, options.verb);
    if (count == 0) {
      throw runner::UserError("seeds rm " + text + ": " + project.Shown(bank.file()) +
                              " does not have it: ./resprobe seeds list shows what it has");
    }
    removed += count;
  }
  bank.Save();
  std::printf("%s removed\n", findings::Plural(removed, "seed").c_str());
  return runner::kAllWell;
}

}  // namespace

Verb SeedsVerb() {
  const auto options = std::make_shared<SeedsOptions>();
  Verb verb("seeds", "the bank of seeds that once failed");
  verb.details =
      "A seed that has failed stays in the bank, with its verb and all options, and is run again "
      "by `seeds test`. The bank is a text file, tests/seeds.txt, a line for each seed:\n"
      "  SEED VERB DESCRIPTION\n"
      "  SEED VERB --OPTION… -- DESCRIPTION\n"
      "A seed whose run found nothing and has shown nothing either, since it met too little, is "
      "`vacuous`: it does not pass, and it is no failure. "
      "Lines that begin with # are comments. Any verb that runs a seed alone (--seed N --seeds 1) "
      "can be named.";
  const auto add_file = [&](Verb* one) {
    one->Text("--file", "FILE", &options->file, "The bank")
        .ShowDefault("tests/seeds.txt")
        .Complete(Completion::kFile);
  };
  Verb& add = verb.verbs.emplace_back("add", "add a seed, or that of a finding");
  add.details =
      "With the folder of a finding, its seed and all options of the run that found it; otherwise "
      "those that are given.";
  add.Argument("FOLDER", &options->finding, "The folder of a finding")
      .Complete(Completion::kFolder);
  add.Number("--seed", "N", &options->seed, 0, UINT64_MAX, "The seed");
  add.Text("--verb", "VERB", &options->verb, "What it is a seed of").ShowDefault("simulate");
  add.Text("--options", "WORDS", &options->words, "Options of that verb, quoted as for a shell");
  add.Text("--description", "S", &options->description, "What failed");
  add_file(&add);
  add.examples = {
      {"seeds add work/findings/lives/simulate-violation-linearizable-get", "that of a finding"},
      {"seeds add --seed 8675309 --description 'SET and GET under concurrent writes'",
       "a seed of simulate"},
      {"seeds add --seed 7 --verb oracle --options '--start redis-server'",
       "a seed of another verb, with options"}};
  add.exit_codes = "0 added, 2 wrong use.";
  add.run = [=] { return RunAdd(*options); };
  Verb& list = verb.verbs.emplace_back("list", "print the bank");
  add_file(&list);
  AddOutputOptions(&list, &options->output);
  list.examples = {{"seeds list", "prints all"}};
  list.exit_codes = "0 printed, 2 wrong use.";
  list.run = [=] { return RunList(*options); };
  Verb& test = verb.verbs.emplace_back("test", "run all seeds of the bank");
  add_file(&test);
  AddReportOptions(&test, &options->output);
  test.examples = {{"seeds test", "runs all, one after the other"}};
  test.exit_codes =
      "0 all pass, 1 one fails again or is vacuous, 2 wrong use or one cannot run here.";
  test.run = [=] { return RunTest(*options); };
  Verb& remove = verb.verbs.emplace_back("rm", "remove seeds");
  remove.Arguments("SEED", &options->seeds, "Seeds").Required();
  remove.Text("--verb", "VERB", &options->verb, "Only those of this verb");
  add_file(&remove);
  remove.examples = {{"seeds rm 8675309", "removes all entries with this seed"}};
  remove.exit_codes = "0 removed, 2 wrong use.";
  remove.run = [=] { return RunRemove(*options); };
  verb.exit_codes = list.exit_codes;
  return verb;
}

}  // namespace resprobe::cli
