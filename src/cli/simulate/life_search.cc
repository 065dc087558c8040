#include "cli/simulate/life_search.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "cli/command_line/verb.h"
#include "cli/oracle/live_runners.h"
#include "core/table/letter_case.h"
#include "runner/files.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// A command that was never answered without an error in this many requests was not tested.
constexpr uint64_t kEnoughAsked = 50;

struct PartInfo {
  std::string_view name;
  std::optional<history::Part> part;  // none: streams alone
  std::string_view harness;
};

constexpr PartInfo kParts[] = {
    {history::kPartNames[0], history::Part::kConcurrent, "command_handler"},
    {history::kPartNames[1], history::Part::kCrash, "durability"},
    {history::kPartNames[2], history::Part::kStorm, "invalidation"},
    {"replicas", std::nullopt, "replication"},
};

findings::RunSpec SpecOf(const SimulateOptions& options) {
  LiveOptions live;
  live.server = options.server;
  findings::RunSpec spec = ToRunSpec(live, "life", std::string(kLives));
  if (!options.plant.empty()) spec.options["plant"] = options.plant;
  return spec;
}

void Add(const history::Life::Counts& from, history::Life::Counts* to) {
  to->operations += from.operations;
  to->unknown += from.unknown;
  to->reconnects += from.reconnects;
  to->strangers += from.strangers;
  to->crashes += from.crashes;
}

}  // namespace

LifeSearch::LifeSearch(const runner::Project& project, const SimulateOptions& options)
    : options_(options), lives_(project, SpecOf(options)), current_(&lives_) {
  lives_.Open();
  std::vector<std::string> names;
  for (const PartInfo& info : kParts) names.emplace_back(info.name);
  const std::vector<std::string> wanted = SplitList(options.parts);
  for (const std::string& name : wanted) {
    if (name != "all" && std::ranges::find(names, name) == names.end()) {
      throw runner::UserError("--parts " + options.parts + ": there is no part '" + name +
                              "': use " + absl::StrJoin(names, ", "));
    }
  }
  for (const PartInfo& info : kParts) {
    const bool all = std::ranges::find(wanted, "all") != wanted.end();
    const bool named = std::ranges::find(wanted, info.name) != wanted.end();
    if (!all && !named) continue;
    PartOfLives part;
    part.name = info.name;
    part.has_life = info.part.has_value();
    part.part = info.part.value_or(history::Part::kConcurrent);
    if (lives_.simulated()) {
      // A planted fault is one of the lives' server.
      if (options.plant.empty()) part.harness = info.harness;
    } else if (!part.has_life) {
      part.left_out =
          "a live server is one server: ./resprobe oracle and the harness "
          "replication_live have replicas";
    } else {
      part.left_out = lives_.WhyNot(part.part);
    }
    if (!part.has_life && part.harness.empty() && part.left_out.empty()) continue;
    if (named && !part.left_out.empty()) {
      throw runner::UserError("--parts " + options.parts + ": " +
                              (options.parts == part.name ? "" : part.name + ": ") + part.left_out);
    }
    if (!part.harness.empty() && !streams_.contains(part.harness)) {
      streams_[part.harness] = std::make_unique<findings::ProcessRunner>(
          project, findings::RunSpec{.runner = "process",
                                     .harness = part.harness,
                                     .server = {},
                                     .limits = {},
                                     .options = Json::object()});
    }
    parts_.push_back(std::move(part));
  }
  const bool lives =
      std::ranges::any_of(parts_, [](const PartOfLives& part) { return part.left_out.empty(); });
  if (!lives) throw runner::UserError("--parts " + options.parts + ": leaves nothing to be done");
}

findings::CaseRunner& LifeSearch::runner() { return *current_; }

bool LifeSearch::Step(const Met& met) {
  if (next_part_ == 0) {
    if (seeds_ == options_.seeds) return false;
    ++seeds_;
  }
  PartOfLives& part = parts_[next_part_];
  next_part_ = (next_part_ + 1) % parts_.size();
  if (!part.left_out.empty()) return true;
  const uint64_t seed = options_.seed + static_cast<uint64_t>(seeds_ - 1);
  if (part.has_life) Live(&part, seed, met);
  if (!part.harness.empty()) Stream(&part, seed, met);
  return true;
}

void LifeSearch::CountCommands(const history::History& history) {
  for (const history::Operation& operation : history.operations) {
    if (!operation.answered()) continue;
    std::vector<std::vector<std::string>> requests;
    if (!RequestsOf(operation, &requests)) continue;
    Asked& asked = commands_[LowerCase(requests[0][0])];
    ++asked.times;
    if (!operation.replies.starts_with('-')) ++asked.ok;
  }
}

void LifeSearch::Live(PartOfLives* part, uint64_t seed, const Met& met) {
  current_ = &lives_;
  LifeSpec life = {.seed = seed,
                   .operations = static_cast<uint64_t>(options_.ops),
                   .clients = static_cast<uint32_t>(options_.clients),
                   .keys = static_cast<uint32_t>(options_.keys),
                   .part = part->part};
  LifeCaseRunner::Lived lived = lives_.Live(&life);
  ++part->lives;
  Add(lived.counts, &part->counts);
  CountCommands(lived.history);
  if (lived.verdict.by_witness) {
    ++part->by_witness;
  } else {
    part->searched += lived.verdict.search.operations;
  }
  constexpr size_t kSome = 20;
  if (!lived.verdict.no_witness.empty() && no_witness_.size() < kSome) {
    no_witness_.push_back("seed " + std::to_string(seed) + ", " + part->name + ": " +
                          lived.verdict.no_witness);
  }
  if (lived.outcome.failed()) {
    ++part->violations;
    if (failed_seeds_.empty() || failed_seeds_.back() != seed) failed_seeds_.push_back(seed);
    findings::MetCase one;
    one.tape = CaseOf(life, lived.history);
    one.ops = lived.history.operations.size();
    one.from = "seed " + std::to_string(seed) + ", " + part->name;
    one.seed = seed;
    one.outcome = std::move(lived.outcome);
    met(std::move(one));
  } else if (lived.verdict.verdict == history::Verdict::kUnknown) {
    ++part->unknown;
    ++why_unknown_["seed " + std::to_string(seed) + ", " + part->name + ": " + lived.verdict.why];
  } else {
    ++part->ok;
  }
}

void LifeSearch::Stream(PartOfLives* part, uint64_t seed, const Met& met) {
  findings::ProcessRunner& runner = *streams_[part->harness];
  current_ = &runner;
  const runner::TempFolder temp;
  const fs::path tape = temp.path() / "case";
  const runner::Streamed streamed = runner::RunStream(
      runner.harness(), seed, static_cast<uint64_t>(options_.ops), tape,
      {.timeout_seconds = static_cast<double>(runner.spec().limits.timeout_seconds),
       .rss_mb = runner.spec().limits.rss_mb});
  ++part->streams;
  part->stream_ops += streamed.ops;
  if (!streamed.failed) return;
  ++part->failed_streams;
  if (failed_seeds_.empty() || failed_seeds_.back() != seed) failed_seeds_.push_back(seed);
  findings::MetCase one;
  one.tape = runner::ReadFile(tape);
  one.ops = static_cast<uint64_t>(options_.ops);
  one.from = "seed " + std::to_string(seed) + ", " + part->name + ", as a stream";
  one.seed = seed;
  one.outcome = runner.RunOne(tape);
  if (!one.outcome.failed()) {
    // The ops that are kept do not show it; the seed does.
    one.outcome.word = "violation";
    one.outcome.what.kind = "violation";
    one.outcome.what.invariant = streamed.invariant;
    one.outcome.what.signature =
        streamed.invariant.empty() ? "stream ends the process" : "violation:" + streamed.invariant;
    one.outcome.text = "  BINARY --resprobe stream " + std::to_string(seed) + " " +
                       std::to_string(options_.ops) + " shows it, and its last ops alone do not\n";
  }
  met(std::move(one));
}

std::string LifeSearch::Line(const std::string& found, const findings::RunClock& clock) const {
  uint64_t operations = 0;
  for (const PartOfLives& part : parts_) operations += part.counts.operations + part.stream_ops;
  return runner::Grouped(static_cast<uint64_t>(seeds_)) + (seeds_ == 1 ? " seed, " : " seeds, ") +
         clock.Rate(operations, "operations") + ", " + found;
}

std::string LifeSearch::Summary() const {
  std::string text =
      absl::StrFormat("%s: %d clients, %d keys, %d operations in each life\n", lives_.ServerName(),
                      options_.clients, options_.keys, options_.ops);
  text += absl::StrFormat("%-24s %6s %6s %10s %8s %11s %8s %9s %8s\n", "part", "lives", "ok",
                          "violation", "unknown", "operations", "ordered", "lost", "crashes");
  for (const PartOfLives& part : parts_) {
    if (!part.left_out.empty()) {
      text += absl::StrFormat("%-24s left out: %s\n", part.name, part.left_out);
      continue;
    }
    if (part.has_life) {
      text += absl::StrFormat("%-24s %6d %6d %10d %8d %11d %8d %9d %8d\n", part.name, part.lives,
                              part.ok, part.violations, part.unknown, part.counts.operations,
                              part.by_witness, part.counts.unknown, part.counts.crashes);
    }
    if (!part.harness.empty()) {
      text += absl::StrFormat("%-24s %6d %6d %10d %8s %11d\n", "  stream of " + part.harness,
                              part.streams, part.streams - part.failed_streams, part.failed_streams,
                              "", part.stream_ops);
    }
  }
  text +=
      "(ordered: lives that the server's own order of requests explains, the others are searched; "
      "lost:\noperations without a reply)\n";
  for (const auto& [why, times] : why_unknown_) text += "unknown: " + why + "\n";
  if (!why_unknown_.empty()) {
    text +=
        "what many clients do with few keys at the same time can have too many orders to try: give "
        "fewer --clients, more --keys or fewer --ops\n";
  }
  if (!failed_seeds_.empty()) {
    text += "failed seeds: " + absl::StrJoin(failed_seeds_, " ") + "\n";
  }
  return text;
}

std::string LifeSearch::LastLine() const {
  uint64_t ok = 0;
  uint64_t violations = 0;
  uint64_t unknown = 0;
  for (const PartOfLives& part : parts_) {
    ok += part.ok + part.streams - part.failed_streams;
    violations += part.violations + part.failed_streams;
    unknown += part.unknown;
  }
  if (unknown == 0) return "";
  return absl::StrFormat("%d ok, %s, %d unknown\n", ok, findings::Plural(violations, "violation"),
                         unknown);
}

Json LifeSearch::Report() const {
  Json parts = Json::object();
  for (const PartOfLives& part : parts_) {
    Json& one = parts[part.name] = Json::object();
    if (!part.left_out.empty()) {
      one["left_out"] = part.left_out;
      continue;
    }
    if (part.has_life) {
      one["lives"] = part.lives;
      one["ok"] = part.ok;
      one["violations"] = part.violations;
      one["unknown"] = part.unknown;
      one["operations"] = part.counts.operations;
      one["ordered_by_server"] = part.by_witness;
      one["searched_operations"] = part.searched;
      one["unanswered"] = part.counts.unknown;
      one["reconnects"] = part.counts.reconnects;
      one["other_connections"] = part.counts.strangers;
      one["crashes"] = part.counts.crashes;
    }
    if (!part.harness.empty()) {
      one["stream"] = {{"harness", part.harness},
                       {"runs", part.streams},
                       {"ops", part.stream_ops},
                       {"failed", part.failed_streams}};
    }
  }
  Json commands = Json::object();
  for (const auto& [name, asked] : commands_) {
    commands[name] = {{"answered", asked.times}, {"without_error", asked.ok}};
  }
  Json unknown = Json::array();
  for (const auto& [why, times] : why_unknown_) unknown.push_back(runner::JsonText(why));
  Json no_witness = Json::array();
  for (const std::string& why : no_witness_) no_witness.push_back(runner::JsonText(why));
  return {{"server", lives_.ServerName()},
          {"seed", options_.seed},
          {"seeds", seeds_},
          {"ops", options_.ops},
          {"clients", options_.clients},
          {"keys", options_.keys},
          {"parts", parts},
          {"commands", commands},
          {"unknown", unknown},
          {"orders_that_do_not_explain", no_witness}};
}

void LifeSearch::AddTo(report::Report* report) const {
  for (const PartOfLives& part : parts_) {
    report::Result result = {.name = part.name};
    if (!part.left_out.empty()) {
      result.status = report::Status::kSkipped;
      result.note = part.left_out;
    } else if (part.violations + part.failed_streams > 0) {
      result.status = report::Status::kFailed;
      result.note = absl::StrFormat("%d of %d lives, %d of %d streams", part.violations, part.lives,
                                    part.failed_streams, part.streams);
    } else if (part.unknown > 0 || part.lives + part.streams == 0) {
      result.status = report::Status::kUnknown;
      result.note = absl::StrFormat("%d of %d lives could not be judged", part.unknown, part.lives);
    }
    report->results.push_back(std::move(result));
  }
}

std::string LifeSearch::WhyVacuous() const {
  if (!options_.plant.empty()) return "the fault of --plant " + options_.plant + " was not found";
  uint64_t unknown = 0;
  for (const PartOfLives& part : parts_) {
    unknown += part.unknown;
    if (!part.left_out.empty()) continue;
    if (part.has_life && part.counts.operations == 0) return part.name + ": no operation was run";
    if (part.has_life && part.part == history::Part::kCrash && part.counts.crashes == 0) {
      return part.name + ": nothing was crashed";
    }
  }
  if (unknown > 0) {
    return std::to_string(unknown) + (unknown == 1 ? " history" : " histories") +
           " could not be judged";
  }
  std::vector<std::string> never;
  for (const auto& [name, asked] : commands_) {
    if (asked.times >= kEnoughAsked && asked.ok == 0) never.push_back(name);
  }
  if (!never.empty())
    return "these commands were never answered without an error: " + absl::StrJoin(never, ", ");
  return "";
}

int RunSimulate(SimulateOptions& options) {
  options.output.Check();
  if (!options.plant.empty() && options.server.given()) {
    throw runner::UserError("--plant is a fault of the simulated server: leave out " +
                            absl::StrJoin(options.server.Words(), " "));
  }
  const runner::Project project = runner::OpenProject();
  LifeSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "simulate";
  campaign.prefix = "simulate-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  const int code = findings::Campaign(project, &search, campaign).Run(options.output);
  std::fputs(search.LastLine().c_str(), campaign.out);
  return code;
}

}  // namespace resprobe::cli
