// full: everything that fits the time given, and one report of it.

#include <absl/strings/str_format.h>

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/full/parts.h"
#include "cli/full/spec.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "report/watch_page.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct FullOptions {
  double seconds = 0;  // 0: by --quick
  bool quick = false;
  int64_t seed = 1;
  ServerOptions server;  // none: those that are here
  std::string spec;
  runner::OutputOptions output;
};

constexpr const char* kUsualServers[] = {"redis-server", "valkey-server"};
constexpr double kQuickSeconds = 120;
constexpr double kSeconds = 3600;

// What runs without a server: the harnesses, the core in simulation.
void AddOwn(const runner::Project& project, const FullOptions& options, std::vector<Part>* parts) {
  const std::string seed = std::to_string(options.seed);
  parts->push_back({.name = "smoke", .words = {"smoke", "--seed", seed}, .least = 10});
  std::error_code error;
  if (fs::exists(project.source / "tests" / "seeds.txt", error)) {
    parts->push_back({.name = "seeds test", .words = {"seeds", "test"}});
  }
  double harnesses = 0;
  for (const runner::HarnessEntry& harness : project.all) {
    if (!harness.live && !harness.left_out) ++harnesses;
  }
  parts->push_back({.name = "fuzz",
                    .words = {"fuzz", "--time", "{each}", "--seed", seed},
                    .share = 8,
                    .least = harnesses,
                    .each = harnesses});
  parts->push_back({.name = "simulate",
                    .words = {"simulate", "--time", "{time}", "--seeds", "1000000", "--seed", seed,
                              "--ops", "300"},
                    .share = 2,
                    .least = 2});
  parts->push_back({.name = "chaos",
                    .words = {"chaos", "--time", "{time}", "--seed", seed},
                    .share = 2,
                    .least = 5});
  if (options.quick) return;
  parts->push_back({.name = "crash-points",
                    .words = {"crash-points", "--seed", seed, "--seeds", "10", "--budget", "200"},
                    .least = 10});
  parts->push_back({.name = "io", .words = {"io", "--seeds", "100", "--seed", seed}, .least = 10});
}

void AddServer(const FullOptions& options, const ServerOptions& server, std::vector<Part>* parts) {
  const std::string seed = std::to_string(options.seed);
  const std::string on = ", " + server.start;
  const auto add = [&](const std::string& verb, double share, double least,
                       std::vector<std::string> more) {
    std::vector<std::string> words = {verb};
    for (const std::string& word : server.Words()) words.push_back(word);
    words.insert(words.end(), more.begin(), more.end());
    parts->push_back(
        {.name = verb + on, .words = std::move(words), .share = share, .least = least});
  };
  add("oracle", 2, 2, {"--time", "{time}", "--seed", seed});
  add("simulate", 2, 2, {"--time", "{time}", "--seeds", "1000000", "--seed", seed, "--ops", "300"});
  add("stress", 0, 1, {"--ops", "20000", "--connections", "50"});
  if (options.quick) return;
  add("model-check", 1, 2, {"--time", "{time}", "--seed", seed});
  add("chaos", 1, 30, {"--time", "{time}", "--seed", seed});
  add("crash", 1, 60, {"--time", "{time}", "--seed", seed});
  add("invalidate", 1, 10, {"--time", "{time}", "--seed", seed, "--kill", "10", "--flushes", "5"});
  // Thirty samples, a second apart at least.
  add("soak", 2, 30, {"--duration", "{seconds}", "--interval", "1"});
}

int RunFull(const FullOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  std::vector<Part> parts;
  if (!options.spec.empty()) {
    parts = PartsOf(ReadSpec(options.spec), options.server);
  } else {
    AddOwn(project, options, &parts);
    if (options.server.given()) {
      for (const ServerOptions& server : options.server.Each()) AddServer(options, server, &parts);
    } else {
      for (const char* const start : kUsualServers) {
        ServerOptions server;
        server.start = start;
        if (IsInPath(start)) {
          AddServer(options, server, &parts);
        } else {
          parts.push_back(
              {.name = start, .left_out = "it is not here: ./resprobe packages fetches it"});
        }
      }
    }
  }
  double seconds = options.seconds;
  if (seconds == 0 && options.spec.empty()) seconds = options.quick ? kQuickSeconds : kSeconds;
  report::Report report = report::NewReport("full", 0);
  const std::unique_ptr<report::WatchPage> page =
      report::WatchPageOf(options.output, options.output.text_on_stdout() ? stdout : stderr);
  const double start = runner::Now();
  RunParts(
      parts, seconds,
      [&](const std::string& line) {
        if (page != nullptr) page->Show([&] { return report; });
        if (!options.output.text_on_stdout()) return;
        std::printf("%s\n", runner::TerminalText(line).c_str());
        std::fflush(stdout);
      },
      &report);
  report.seconds = runner::Now() - start;
  report.interrupted = runner::Interrupted();
  report.exit_code = ExitCodeOf(report);
  report.own = {{"quick", options.quick}, {"seed", options.seed}, {"time", seconds}};
  if (!options.spec.empty()) report.own["spec"] = options.spec;
  const report::Summary summary = SummaryOf(report);
  if (options.output.text_on_stdout()) {
    absl::PrintF("%d passed, %d failed, %d unknown, %d skipped, in %.0f s\n", summary.passed,
                 summary.failed, summary.unknown, summary.skipped, report.seconds);
    std::fflush(stdout);
  }
  runner::ForgetInterrupts();  // what was done is still written
  report::Write(report, options.output);
  return report.exit_code;
}

int CheckSpecs(const std::vector<std::string>& files, const ServerOptions& server) {
  for (const std::string& file : files) {
    const std::vector<Part> parts = PartsOf(ReadSpec(file), server);
    for (const Part& part : parts) {
      std::string line = "./resprobe";
      for (const std::string& word : part.words) line += " " + runner::ShellWord(word);
      std::printf("%s: %s\n  %s\n", runner::TerminalText(file).c_str(),
                  runner::TerminalText(part.name).c_str(),
                  runner::TerminalText(part.left_out.empty() ? line : part.left_out).c_str());
    }
  }
  return runner::kAllWell;
}

}  // namespace

Verb FullVerb() {
  const auto options = std::make_shared<FullOptions>();
  Verb verb("full", "everything that fits the time given, and one report of it");
  verb.details =
      "The verbs of this program one after the other, each with a share of the time: smoke, the "
      "bank of seeds, all harnesses, lives and faults of the core in simulation; then, for each "
      "server, the oracle, lives, load, and without --quick the model check, faults, crashes, the "
      "hunt for stale reads, and a soak. What a part leaves of its time is for those after it; "
      "what does not fit, or is not here, is skipped, and is said. Every part is in the report as "
      "it reports itself. With --spec the parts are those of a file instead (./resprobe spec).";
  verb.examples = {
      {"full --quick --format html --output r.html", "two minutes, and a page to look at"},
      {"full --time 8h --format json --output night.json", "a night"},
      {"full --spec dst.yaml --time 30m", "what a file says, within half an hour"}};
  verb.exit_codes =
      "0 all parts pass, 1 one fails or shows nothing, 2 wrong use, 130 interrupted: the report of "
      "what was done is written all the same.";
  verb.Flag("--quick", &options->quick, "Leave out what is slow").Excludes("--spec");
  verb.Time("--time", &options->seconds, "For all of it: 10m, 8h")
      .ShowDefault("2m with --quick, 1h without, no limit with --spec");
  verb.Number("--seed", "N", &options->seed, 1, INT32_MAX, "Of each part").ShowDefault();
  verb.Text("--spec", "FILE", &options->spec, "The parts of a YAML file instead")
      .Complete(Completion::kFile);
  options->server.AddTo(&verb, {.running = false,
                                .flush = false,
                                .hang = false,
                                .several = true,
                                .usual = {std::begin(kUsualServers), std::end(kUsualServers)}});
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] { return RunFull(*options); };
  return verb;
}

Verb SpecVerb() {
  struct Options {
    std::vector<std::string> files;
    FullOptions full;
  };
  const auto options = std::make_shared<Options>();
  Verb verb("spec", "run the scenarios of a YAML file");
  verb.details =
      "A file of scenarios by verb: smoke, chaos, stress, soak, oracle, simulation. docs/spec.md "
      "says what each key does. A key that is unknown, or that cannot be honoured, is refused with "
      "FILE:LINE before anything runs.";
  const ServerTraits traits = {.running = false, .flush = false, .hang = false};
  Verb& check = verb.verbs.emplace_back("check", "say what files would run, or what is wrong");
  check.Arguments("FILE", &options->files, "YAML files").Complete(Completion::kFile).Required();
  options->full.server.AddTo(&check, traits);
  check.examples = {{"spec check dst.yaml", "prints the command of each test"}};
  check.exit_codes = "0 all can be run, 2 one cannot.";
  check.run = [=] { return CheckSpecs(options->files, options->full.server); };
  Verb& run = verb.verbs.emplace_back("run", "run all tests of a file");
  run.Argument("FILE", &options->full.spec, "A YAML file").Complete(Completion::kFile).Required();
  options->full.server.AddTo(&run, traits);
  AddReportOptions(&run, &options->full.output);
  run.examples = {{"spec run dst.yaml --start valkey-server --format junit --output dst.xml",
                   "runs them, for CI"}};
  run.exit_codes = "0 all pass, 1 one fails or shows nothing, 2 wrong use.";
  run.run = [=] { return RunFull(options->full); };
  verb.exit_codes = run.exit_codes;
  return verb;
}

}  // namespace resprobe::cli
