// io: runs cases of io_chaos over real TCP, and the same in memory.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "cli/output_options.h"
#include "cli/proxy/qdisc.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/process_runner.h"
#include "findings/shrink_budget.h"
#include "live/tcp/io_differences.h"
#include "live/tcp/io_scenario.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCasesAtOnce = 100;
constexpr size_t kMostShown = 20;  // failures in full

struct IoOptions {
  std::string client;
  std::string peer = "forked";
  std::string harness = "io_live";
  std::vector<std::string> cases;
  uint64_t seeds = 0;
  uint64_t seed = 1;
  std::string scenarios;
  std::string qdisc;
  runner::OutputOptions output;
};

// The option's name, and the name in the case's config.
constexpr std::pair<const char*, const char*> kClients[] = {
    {"hiredis-async", "async"}, {"hiredis-sync", "sync"}, {"core", "plain"}};

// The result of one case.
struct IoResult {
  std::string name;  // a file, or "seed 7"
  fs::path file;
  findings::CaseOutcome run;
  std::string client;
  std::string outcome;  // "equal", "explained", "differs", "not run", "violation", "crash", "unmet"
  std::string note;     // the explaining difference; why it was not run; the unmet line of the
                        // scenario

  // True if the case itself failed; "unmet" is a failure of the scenario's expectations.
  bool failed() const {
    return outcome == "differs" || outcome == "violation" || outcome == "crash";
  }
};

struct Figures {
  std::map<std::string, size_t> outcomes;
  std::map<std::string, size_t> explained;
  std::map<std::string, size_t> not_run;
  std::map<std::string, size_t> clients;
  std::map<std::string, size_t> left_out_steps;
  std::map<std::string, size_t> left_out_cases;
  std::map<std::string, size_t> fired;  // cases over TCP in which each toxic fired
  size_t scenarios_met = 0;
  size_t scenarios_of_others = 0;
  std::vector<IoResult> failures;

  size_t Of(const char* outcome) const {
    const auto at = outcomes.find(outcome);
    return at == outcomes.end() ? 0 : at->second;
  }
  size_t cases() const {
    size_t sum = 0;
    for (const auto& [outcome, count] : outcomes) sum += count;
    return sum;
  }
};

findings::RunSpec SpecOf(const IoOptions& options) {
  findings::RunSpec spec;
  spec.runner = "io";
  spec.harness = options.harness;
  spec.options["peer"] = options.peer;
  for (const auto& [shown, configured] : kClients) {
    if (options.client == shown) spec.options["client"] = configured;
  }
  if (!options.qdisc.empty()) spec.options["qdisc"] = options.qdisc;
  return spec;
}

class IoSearch : public findings::Search {
 public:
  // Both must outlive it.
  IoSearch(const runner::Project& project, const IoOptions& options)
      : project_(project), options_(options), runner_(project, SpecOf(options)) {
    const auto add = [&](const std::vector<fs::path>& files) {
      files_.insert(files_.end(), files.begin(), files.end());
    };
    if (!options.cases.empty()) add(runner::CasesOf(options.cases));
    if (!options.scenarios.empty()) add(runner::CasesOf({options.scenarios}));
    if (options.seeds > 0 || !files_.empty()) return;
    add(runner::CasesOf({project.source / "scenarios" / "io"}));
    add(runner::FilesIn(project.CorpusOf(runner_.harness())));
  }

  // The seeds first, then the files.
  bool Step(const Met& met) override {
    if (seeds_done_ < options_.seeds) {
      const runner::TempFolder temp;
      const size_t count = std::min<uint64_t>(kCasesAtOnce, options_.seeds - seeds_done_);
      const std::vector<fs::path> files =
          GenerateMany(runner_.harness(), options_.seed + seeds_done_, count, temp.path());
      seeds_done_ += count;
      Run(files, "seed ", met);
      return true;
    }
    const size_t count = std::min(kCasesAtOnce, files_.size() - files_done_);
    const auto first = files_.begin() + static_cast<std::ptrdiff_t>(files_done_);
    files_done_ += count;
    Run({first, first + static_cast<std::ptrdiff_t>(count)}, "", met);
    return files_done_ < files_.size();
  }

  findings::CaseRunner& runner() override { return runner_; }
  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(figures_.cases()) + " cases, " + found + ", " +
           clock.Rate(figures_.cases(), "cases");
  }

  const Figures& figures() const { return figures_; }
  const std::string& subject() { return runner_.info().subject; }

 private:
  void Run(const std::vector<fs::path>& files, const std::string& seed, const Met& met) {
    if (files.empty()) return;
    runner_.Run(files, true, false, [&](const fs::path& file, findings::CaseOutcome run) {
      IoResult result;
      result.name = seed.empty() ? project_.Shown(file) : seed + file.filename().string();
      result.file = file;
      result.run = std::move(run);
      Judge(&result);
      ++figures_.outcomes[result.outcome];
      if (!result.client.empty()) ++figures_.clients[result.client];
      if (!result.failed() && result.outcome != "unmet") return;
      if (figures_.failures.size() < kMostShown) figures_.failures.push_back(result);
      if (!result.failed()) return;
      findings::MetCase one;
      one.tape = runner_.TapeOf(file);
      one.ops = result.run.ops;
      one.from = result.name;
      one.seed = options_.seed;
      one.outcome = std::move(result.run);
      met(std::move(one));
    });
  }

  void Judge(IoResult* result) {
    std::istringstream lines(result->run.trace);
    bool renamed = false;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string key;
      std::string what;
      std::string detail;
      words >> key >> what;
      if (key == "saw" && what == "fired" && words >> detail) ++figures_.fired[detail];
      if (key != "io") continue;
      std::getline(words >> std::ws, detail);
      if (what == "client") {
        result->client = detail;
      } else if (what == "instead-of") {
        renamed = true;
      } else if (what == "left-out") {
        const size_t blank = detail.find(' ');
        figures_.left_out_steps[detail.substr(0, blank)] +=
            std::strtoull(detail.c_str() + blank, nullptr, 10);
        ++figures_.left_out_cases[detail.substr(0, blank)];
      } else {
        result->outcome = what == "not-run" ? "not run" : what;
        result->note = detail;
      }
    }
    if (result->run.word == "crash") {
      result->outcome = "crash";
      result->note = result->run.what.signature;
    } else if (result->run.failed() && result->outcome != "differs") {
      result->outcome = "violation";
      result->note = result->run.what.invariant;
    }
    if (result->outcome == "explained") ++figures_.explained[result->note];
    if (result->outcome == "not run") ++figures_.not_run[result->note];
    if (result->outcome != "equal" && result->outcome != "explained") return;
    if (result->file.extension() != ".ops") return;
    const live::IoScenario scenario = live::ReadIoScenario(runner::ReadFile(result->file));
    if (scenario.empty()) return;
    // The expectations hold only for the client of the case.
    if (renamed) {
      ++figures_.scenarios_of_others;
      return;
    }
    const std::string unmet = live::Unmet(scenario, live::SeenIn(result->run.trace));
    if (unmet.empty()) {
      ++figures_.scenarios_met;
      return;
    }
    result->outcome = "unmet";
    result->note = unmet;
  }

  const runner::Project& project_;
  const IoOptions& options_;
  findings::ProcessRunner runner_;
  std::vector<fs::path> files_;
  size_t files_done_ = 0;
  uint64_t seeds_done_ = 0;
  Figures figures_;
};

std::string_view ExplanationOf(const std::string& name) {
  for (const live::IoDifference& difference : live::IoDifferences()) {
    if (difference.name == name) return difference.what;
  }
  return "";
}

void Print(const IoOptions& options, const std::string& subject, const Figures& figures) {
  for (const IoResult& failure : figures.failures) {
    std::printf("%s: %s%s%s\n", failure.name.c_str(), failure.outcome.c_str(),
                failure.note.empty() ? "" : ": ", failure.note.c_str());
  }
  const char* const where = options.peer == "forked" ? "over TCP to a peer in a process of its own"
                            : options.peer == "tcp"  ? "over TCP to a peer in the same process"
                                                     : "in memory twice, without a kernel";
  std::printf("%s, %s\n", subject.c_str(), where);
  std::printf("%zu cases: %zu equal, %zu explained, %zu differ, %zu not run", figures.cases(),
              figures.Of("equal"), figures.Of("explained"), figures.Of("differs"),
              figures.Of("not run"));
  for (const char* other : {"violation", "crash", "unmet"}) {
    if (figures.Of(other) > 0) std::printf(", %zu %s", figures.Of(other), other);
  }
  std::printf("\n");
  std::printf("clients:");
  for (const auto& [client, count] : figures.clients) {
    std::printf(" %s %zu", client.c_str(), count);
  }
  std::printf("\n");
  for (const auto& [name, count] : figures.explained) {
    std::printf("explained by %s: %zu cases: %s\n", name.c_str(), count,
                std::string(ExplanationOf(name)).c_str());
  }
  for (const auto& [why, count] : figures.not_run) {
    std::printf("not run: %zu cases: %s\n", count, why.c_str());
  }
  for (const auto& [toxic, steps] : figures.left_out_steps) {
    const ToxicInfo* const info = FindToxic(toxic);
    std::printf("left out: %s, %zu steps of %zu cases: %s\n", toxic.c_str(), steps,
                figures.left_out_cases.at(toxic),
                info == nullptr ? "" : std::string(live::WhyLeftOut(info->kind)).c_str());
  }
  if (figures.scenarios_met + figures.scenarios_of_others + figures.Of("unmet") > 0) {
    std::printf("scenarios: %zu as they say", figures.scenarios_met);
    if (figures.scenarios_of_others > 0) {
      std::printf(", %zu speak of another client", figures.scenarios_of_others);
    }
    std::printf("\n");
  }
  std::printf("cases in which a toxic took effect:");
  for (const auto& [toxic, count] : figures.fired) std::printf(" %s %zu", toxic.c_str(), count);
  std::printf("%s\n", figures.fired.empty() ? " none" : "");
}

Json ToJson(const IoOptions& options, const std::string& subject, const Figures& figures) {
  Json json = {{"subject", subject},
               {"peer", options.peer},
               {"cases", figures.cases()},
               {"equal", figures.Of("equal")},
               {"explained", figures.explained},
               {"differ", figures.Of("differs")},
               {"not_run", figures.not_run},
               {"violations", figures.Of("violation")},
               {"crashes", figures.Of("crash")},
               {"scenarios_met", figures.scenarios_met},
               {"scenarios_of_other_clients", figures.scenarios_of_others},
               {"scenarios_unmet", figures.Of("unmet")},
               {"clients", figures.clients},
               {"fired_cases", figures.fired},
               {"left_out", Json::array()},
               {"failures", Json::array()}};
  for (const auto& [toxic, steps] : figures.left_out_steps) {
    json["left_out"].push_back({{"toxic", toxic},
                                {"steps", steps},
                                {"cases", figures.left_out_cases.at(toxic)},
                                {"why", std::string(live::WhyLeftOut(FindToxic(toxic)->kind))}});
  }
  for (const IoResult& failure : figures.failures) {
    json["failures"].push_back({{"case", runner::JsonText(failure.name)},
                                {"outcome", failure.outcome},
                                {"note", runner::JsonText(failure.note)},
                                {"expected", failure.run.what.expected},
                                {"seen", failure.run.what.seen}});
  }
  return json;
}

int RunIo(const IoOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  IoSearch search(project, options);
  const std::string subject = search.subject();
  if (!options.qdisc.empty()) EnterNetworkWith(options.qdisc);
  findings::CampaignOptions campaign_options;
  campaign_options.verb = "io";
  campaign_options.shrink_seconds = findings::ShortShrinkSecondsOf(0);
  campaign_options.out = options.output.text_on_stdout() ? stdout : stderr;
  findings::Campaign campaign(project, &search, campaign_options);
  campaign.Loop();
  const bool interrupted = runner::Interrupted();
  runner::ForgetInterrupts();
  const Figures& figures = search.figures();
  report::Report report = report::NewReport("io", campaign.clock().Seconds());
  report.interrupted = interrupted;
  report.findings = campaign.list().ForReport(project);
  report.own = ToJson(options, subject, figures);
  if (options.output.text_on_stdout()) {
    Print(options, subject, figures);
    if (!campaign.list().by_signature.empty())
      std::fputs(campaign.list().Text(project).c_str(), stdout);
  }
  if (!options.qdisc.empty()) {
    const std::string qdisc = QdiscFigures();
    report.own["qdisc"] = qdisc;
    if (options.output.text_on_stdout()) {
      std::printf("%s\n", qdisc.c_str());
    }
  }
  if (!figures.failures.empty()) report.exit_code = runner::kFinding;
  for (const IoResult& failure : figures.failures) {
    report.results.push_back({.name = failure.name,
                              .status = report::Status::kFailed,
                              .note = failure.outcome + ": " + failure.note});
  }
  if (figures.failures.empty()) {
    const bool none = figures.Of("not run") == figures.cases();
    report.results.push_back({.name = "cases over TCP are as in memory",
                              .status = none ? report::Status::kUnknown : report::Status::kPassed,
                              .note = none ? "not one case could be run" : ""});
  }
  report::Write(report, options.output);
  if (interrupted) throw runner::Interruption();
  if (!campaign.trouble().empty()) throw runner::UserError(campaign.trouble());
  if (!figures.failures.empty()) return runner::kFinding;
  if (figures.Of("not run") == figures.cases()) {
    throw runner::UserError("io: not one case could be run: see why above");
  }
  return runner::kAllWell;
}

}  // namespace

Verb IoVerb() {
  const auto options = std::make_shared<IoOptions>();
  Verb verb("io", "cases of io_chaos over real TCP, beside memory");
  verb.details =
      "Each case runs in memory, then with the kernel's TCP between client and peer; results of "
      "the client's calls, callbacks and errors must be the same, in the same order. Time is "
      "virtual both times. Without cases: scenarios/io and the seed corpus of io_chaos.\n"
      "A scenario says in its comments what the client sees (docs/io-chaos-live.md).";
  verb.examples = {
      {"io", "runs all scenarios and seeds"},
      {"io --seeds 200 --client hiredis-sync", "runs generated cases with one kind of client"},
      {"io --cases case.ops --qdisc 'netem delay 5ms loss 1%'",
       "runs a case over a network that delays and loses packets"}};
  verb.exit_codes =
      "0 all equal or explained, 1 a case differs, fails, or is not as it says, 2 wrong use.";
  std::vector<std::string> clients;
  for (const auto& [shown, configured] : kClients) clients.emplace_back(shown);
  verb.Choice("--client", clients, &options->client, "The client, whatever the cases say");
  verb.Choice("--peer", {"memory", "tcp", "forked"}, &options->peer,
              "forked: in a process of its own; tcp: in this process; memory: no TCP at all")
      .ShowDefault();
  verb.Choice("--harness", {"io_live", "io_live_hiredis_0_14"}, &options->harness,
              "io_live_hiredis_0_14: with that hiredis")
      .ShowDefault();
  verb.Texts("--cases", "FILE", &options->cases, "Tapes, .ops files, folders of them")
      .Complete(Completion::kFile)
      .count = Option::Count::kList;
  verb.Number("--seeds", "N", &options->seeds, 1, 100'000'000, "The cases of N seeds");
  verb.Number("--seed", "S", &options->seed, 0, UINT64_MAX, "The first of them")
      .Needs("--seeds")
      .ShowDefault();
  verb.Text("--scenarios", "DIR", &options->scenarios, "A folder of scenarios")
      .Complete(Completion::kFolder);
  verb.Text("--qdisc", "SPEC", &options->qdisc,
            "Put a queueing discipline of tc(8) below the connections, in a network namespace of "
            "their own: 'netem delay 5ms loss 1% duplicate 1% reorder 25%'");
  AddReportOptions(&verb, &options->output);
  verb.run = [=] {
    if (!options->qdisc.empty() && options->peer == "memory") {
      throw runner::UserError("--qdisc: --peer memory has no network: use forked or tcp");
    }
    return RunIo(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
