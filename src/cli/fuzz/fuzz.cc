// fuzz: runs the harnesses, one after the other; minimizes and files failures.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/fuzz/fuzz_job.h"
#include "cli/fuzz/fuzz_table.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/shrink_budget.h"
#include "report/watch_page.h"
#include "report/writers.h"
#include "runner/json.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

// What has grown in a harness, over time.
report::Plot PlotOf(const std::vector<FuzzRow>& rows, const std::string& title,
                    const std::string& unit, uint64_t Progress::* value) {
  report::Plot plot = {.title = title, .x = "seconds", .y = unit};
  for (const FuzzRow& row : rows) {
    report::Plot::Line line = {.name = row.harness, .points = {}};
    for (const Progress& progress : row.history) {
      line.points.emplace_back(progress.elapsed, static_cast<double>(progress.*value));
    }
    if (!line.points.empty()) plot.lines.push_back(std::move(line));
  }
  return plot;
}

// The tables of what was checked and reached.
void AddCoverage(const FuzzRow& row, Json* json) {
  for (const auto& [name, statement] : row.invariants) {
    uint64_t violated = 0;
    for (const report::Finding& finding : row.report) {
      if (finding.invariant == name) violated += finding.met;
    }
    (*json)["invariants"][row.harness][name] = {{"what_must_hold", statement},
                                                {"violated", violated}};
  }
  for (const auto& [name, fired] : row.reached.fired) {
    (*json)["faults"][row.harness][name] = {{"times", fired.times}, {"inputs", fired.cases}};
  }
  for (const auto& [name, steps] : row.reached.pairs) {
    (*json)["inputs_by_fault_and_step"][row.harness][name] = steps;
  }
}

// Runs the inputs once more. Most worlds tell nothing of what they reach: the first few show that.
void FindWhatIsReached(const runner::HarnessEntry& harness, const FuzzSearch& search, FuzzRow* row,
                       FuzzTable* display) {
  constexpr size_t kFirst = 50;
  row->invariants = AskInfo(harness).invariants;
  if (runner::Interrupted() || harness.live) return;
  const std::vector<fs::path> inputs = search.Inputs();
  const auto end_of_first =
      inputs.begin() + static_cast<ptrdiff_t>(std::min(inputs.size(), kFirst));
  AddReached(harness, {inputs.begin(), end_of_first}, &row->reached);
  if (row->reached.empty()) return;
  display->Say("counting what " + findings::Plural(inputs.size(), "input") + " of " + harness.name +
               " reach\n");
  AddReached(harness, {end_of_first, inputs.end()}, &row->reached);
}

report::Report ReportOf(const FuzzOptions& options, const std::vector<FuzzRow>& rows,
                        double seconds) {
  report::Report report = report::NewReport("fuzz", seconds);
  report.interrupted = runner::Interrupted();
  Json& json = report.own = {{"engine", options.engine},
                             {"seconds_each", options.seconds},
                             {"jobs", options.jobs},
                             {"seed", options.seed},
                             {"harnesses", Json::array()}};
  for (const FuzzRow& row : rows) {
    Json one = {{"name", row.harness}, {"state", row.state}};
    if (!row.note.empty()) one["note"] = runner::JsonText(row.note);
    const Progress& progress = row.progress;
    if (row.state != "skipped" && row.state != "waiting" && row.state != "stopped") {
      one["seconds"] = progress.elapsed;
      one["executions"] = progress.executions;
      one["executions_per_second"] = progress.per_second;
      one["edges"] = progress.edges;
      one["corpus"] = progress.corpus;
      if (!progress.stability.empty()) one["stability"] = progress.stability;
      one["findings"] = row.report.size();
    }
    json["harnesses"].push_back(std::move(one));
    report::Result result = {
        .name = row.harness, .note = row.note, .seconds = row.progress.elapsed};
    if (row.state == "skipped" || row.state == "stopped") result.status = report::Status::kSkipped;
    if (row.state == "interrupted") result.status = report::Status::kUnknown;
    if (row.state == "failed" || !row.report.empty()) result.status = report::Status::kFailed;
    if (row.state == "done" && row.progress.executions == 0) {
      result.status = report::Status::kUnknown;
      result.note = "nothing was executed";
    }
    if (!row.report.empty()) result.note = findings::Plural(row.report.size(), "finding");
    result.command = "./resprobe fuzz " + row.harness + " --seed " + std::to_string(options.seed);
    report.results.push_back(std::move(result));
    report.findings.insert(report.findings.end(), row.report.begin(), row.report.end());
  }
  for (const FuzzRow& row : rows) AddCoverage(row, &json);
  report.plots = {PlotOf(rows, "Edges", "coverage points reached", &Progress::edges),
                  PlotOf(rows, "Executions", "executions", &Progress::executions),
                  PlotOf(rows, "Corpus", "inputs kept", &Progress::corpus)};
  return report;
}

int RunFuzz(const FuzzOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  const std::vector<runner::HarnessEntry> harnesses = project.Select(options.harnesses);
  const auto first_live =
      std::find_if(harnesses.begin(), harnesses.end(),
                   [](const runner::HarnessEntry& harness) { return harness.live; });
  const bool live = first_live != harnesses.end();
  if (live && options.engine == "afl") {
    throw runner::UserError(first_live->name +
                            " runs under libFuzzer only: leave out --engine afl");
  }
  if (!options.corpus.empty() && options.corpus != "none") {
    std::error_code error;
    if (!fs::is_directory(options.corpus, error)) {
      throw runner::UserError("--corpus: there is no folder " + options.corpus +
                              ": give one, or none to begin with nothing");
    }
    if (harnesses.size() != 1) {
      throw runner::UserError("--corpus: the folder is of one harness: name it");
    }
  }
  if (options.server.given()) {
    const auto with_server = [](const runner::HarnessEntry& harness) {
      return harness.with_server();
    };
    if (std::ranges::none_of(harnesses, with_server)) {
      std::vector<std::string> names;
      for (const runner::HarnessEntry& harness : project.all) {
        if (with_server(harness)) names.push_back(harness.name);
      }
      throw runner::UserError("--start is for a harness with a live server: name one of " +
                              absl::StrJoin(names, ", "));
    }
    runner::SetLiveServerCommand(
        runner::CommandLine(options.server.start, options.server.arguments));
  }
  runner::TemporaryFiles();  // before the table, if there are none
  runner::MakeFolder(project.work);
  std::vector<FuzzRow> rows;
  for (const runner::HarnessEntry& harness : harnesses) {
    rows.push_back(
        {.harness = harness.name, .state = "waiting", .note = "", .progress = {}, .findings = {}});
    if (harness.binary.empty()) {
      rows.back().state = "skipped";
      rows.back().note = WhyNotBuilt(harness);
    }
  }
  std::FILE* out = options.output.text_on_stdout() ? stdout : stderr;
  absl::FPrintF(out, "%s on %d cores, %g s for each harness, seed %d\n", options.engine,
                options.jobs, options.seconds, options.seed);
  const std::unique_ptr<report::WatchPage> page = report::WatchPageOf(options.output, out);
  FuzzTable display(&rows, options.seconds, out);
  display.Begin();
  size_t findings = 0;
  bool trouble = false;
  const double start = runner::Now();
  for (size_t i = 0; i < rows.size(); ++i) {
    FuzzRow& row = rows[i];
    if (row.state == "skipped") {
      display.Done(row);
      continue;
    }
    if (runner::Interrupted()) {
      row.state = "stopped";
      row.note = "not run";
      display.Done(row);
      continue;
    }
    row.state = "running";
    try {
      const auto open = options.engine == "afl" ? SearchWithAfl : SearchWithLibFuzzer;
      const std::unique_ptr<FuzzSearch> search = open(project, harnesses[i], options);
      if (const std::string notice = search->Notice(); !notice.empty()) display.Say(notice);
      findings::CampaignOptions campaign_options;
      campaign_options.verb = "fuzz";
      campaign_options.seconds = options.seconds;
      campaign_options.ends_in_time = true;
      campaign_options.open_first = true;
      campaign_options.stop_on_failure = options.stop_on_failure;
      campaign_options.shrink_seconds = findings::ShortShrinkSecondsOf(options.seconds);
      campaign_options.say = [&](const std::string& text) { display.Say(text); };
      // (The campaign created below calls this.)
      const findings::Campaign* running = nullptr;
      campaign_options.progress = [&] {
        row.progress = search->progress();
        row.findings = running->list().by_signature;
        AddToHistory(&row);
        display.Update(row);
        if (page == nullptr) return;
        page->Show([&] {
          row.report = running->list().ForReport(project);
          return ReportOf(options, rows, runner::Now() - start);
        });
      };
      findings::Campaign campaign(project, search.get(), campaign_options);
      running = &campaign;
      campaign.Loop();
      row.progress = search->progress();
      row.findings = campaign.list().by_signature;
      row.report = campaign.list().ForReport(project);
      if (options.output.report()) FindWhatIsReached(harnesses[i], *search, &row, &display);
      row.history.push_back(row.progress);
      row.note = !row.progress.trouble.empty() ? row.progress.trouble : campaign.trouble();
    } catch (const runner::UserError& error) {
      row.note = error.what();
    } catch (const runner::Interruption&) {
    }
    row.state = !row.note.empty() ? "failed" : runner::Interrupted() ? "interrupted" : "done";
    trouble |= !row.note.empty();
    findings += row.findings.size();
    display.Done(row);
    if (!row.note.empty()) {
      std::fflush(out);
      std::fprintf(stderr, "resprobe: %s: %s\n", row.harness.c_str(), row.note.c_str());
    }
  }
  std::fprintf(out, "\n%zu finding%s\n", findings, findings == 1 ? "" : "s");
  for (const FuzzRow& row : rows) {
    for (const auto& [signature, found] : row.findings) {
      std::string met = "met " + findings::Plural(found.met, "time");
      if (found.met > 0) {
        met += absl::StrFormat(", first after %.1f s", found.seconds);
        if (found.executions > 0) {
          met += ", " + runner::Grouped(found.executions) + " executions";
        }
      }
      std::fprintf(out, "  %s: %s, %s: %s\n", row.harness.c_str(), signature.c_str(), met.c_str(),
                   found.folder.empty() ? "not filed" : project.Shown(found.folder).c_str());
    }
  }
  int code = findings == 0 ? runner::kAllWell : runner::kFinding;
  if (trouble) code = runner::kWrongUse;
  if (runner::Interrupted()) code = runner::kInterrupted;
  if (options.output.report()) {
    report::Report report = ReportOf(options, rows, runner::Now() - start);
    report.exit_code = code;
    report::Write(report, options.output);
  }
  return code;
}

}  // namespace

Verb FuzzVerb() {
  const auto options = std::make_shared<FuzzOptions>();
  options->jobs = std::max(1u, std::thread::hardware_concurrency());
  Verb verb("fuzz", "run the harnesses; minimize and file what breaks");
  verb.details =
      "Without a HARNESS: all whose subject runs in memory, one after the other.\n"
      "New corpus entries go to work/corpus/HARNESS, findings to work/findings/HARNESS: the "
      "minimized case, its text, trace, stack, report.json and the command that replays it. Ctrl-C "
      "keeps what was learnt.";
  verb.examples = {
      {"fuzz resp_parser --time 10s", "fuzzes one harness for ten seconds"},
      {"fuzz --time 5m", "fuzzes each harness for five minutes"},
      {"fuzz invalidation_live --start valkey-server", "fuzzes the core beside a live server"},
      {"fuzz command_handler --engine afl", "fuzzes with AFL++"}};
  verb.exit_codes = "0 nothing found, 1 a finding, 2 wrong use, 130 interrupted.";
  verb.Arguments("HARNESS", &options->harnesses, "Harnesses (./resprobe list)")
      .Complete(Completion::kHarness);
  verb.Time("--time", &options->seconds,
            "For each harness: 30s, 5m, 1h. Its findings are made small meanwhile; what is left of "
            "that at the end takes at most 10 s")
      .ShowDefault();
  verb.Flag("--stop-on-failure", &options->stop_on_failure,
            "End each harness after its first finding, also one that is known");
  verb.Number("--jobs", "N", &options->jobs, 1, 1024,
              "Processes side by side; default: one for each core");
  verb.Choice("--engine", {"libfuzzer", "afl"}, &options->engine, "The fuzzing engine")
      .ShowDefault();
  options->server.AddTo(&verb, HarnessServerTraits());
  verb.Number("--seed", "N", &options->seed, 0, UINT64_MAX,
              "Seed of the first process; default: from the clock");
  verb.Text("--corpus", "none|DIR", &options->corpus,
            "Begin with nothing, or with the cases of a folder, instead of the seeds and what was "
            "learnt before; what is learnt is then dropped at the end");
  verb.Number("--timeout", "SECONDS", &options->limits.timeout_seconds, 1, runner::kMostSeconds,
              "A run that takes longer is a finding")
      .ShowDefault();
  verb.Number("--rss", "MB", &options->limits.rss_mb, 1, runner::kMostMegabytes,
              "A run that takes more memory is a finding")
      .ShowDefault();
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] {
    if (options->seed == 0)
      options->seed = static_cast<uint64_t>(runner::Now() * 1e6) % 1'000'000'007;
    return RunFuzz(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
