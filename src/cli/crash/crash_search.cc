#include "cli/crash/crash_search.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "cli/crash/planted_faults.h"
#include "cli/oracle/live_runners.h"
#include "cli/output_options.h"
#include "engine/generate.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::cli {
namespace {

findings::RunSpec SpecOf(const CrashOptions& options) {
  findings::RunSpec spec;
  spec.runner = "crash";
  spec.harness = std::string(DurabilityWorld::kName);
  spec.server.start = WithWholePaths(options.server.start);
  spec.server.arguments = options.server.arguments;
  if (!options.plant.empty()) spec.options["plant"] = options.plant;
  return spec;
}

bool Affects(DiskFaultKind kind, DiskOp call) {
  using enum DiskFaultKind;
  switch (kind) {
    case kSyncFails:
    case kSlowSync:
    case kSyncLost:
      return call == DiskOp::kSync;
    case kNoSpace:
    case kShortWrite:
    case kWriteFlip:
    case kSlowWrite:
      return call == DiskOp::kWrite;
    case kWriteError:
      return call == DiskOp::kWrite || call == DiskOp::kTruncate;
    case kReadError:
    case kShortRead:
    case kReadFlip:
      return call == DiskOp::kRead;
    case kOpenError:
    case kRestFlip:
      return call == DiskOp::kOpen;
    case kRenameError:
      return call == DiskOp::kRename || call == DiskOp::kUnlink || call == DiskOp::kMakeDirectory ||
             call == DiskOp::kRemoveDirectory;
    case kInterrupted:
      return call == DiskOp::kOpen || call == DiskOp::kWrite || call == DiskOp::kRead ||
             call == DiskOp::kSync;
    case kReadOnly:
      return false;
  }
  return false;
}

// The names of the results, for columns and for a report.
constexpr std::string_view kColumns[] = {"kept",        "within",   "lost", "mixed",
                                         "unavailable", "poisoned", "stuck"};
static_assert(std::size(kColumns) == DurabilityCounts::kOutcomes);

}  // namespace

CrashSearch::CrashSearch(const runner::Project& project, const CrashOptions& options,
                         const std::vector<NamedFault>& faults)
    : options_(options), plan_(faults, options.faults) {
  for (const size_t policy :
       ChosenOf("--policy", options.policy,
                std::vector<std::string>(std::begin(kStartPolicies), std::end(kStartPolicies)))) {
    policies_.push_back(static_cast<StartPolicy>(policy));
  }
  while (kCrashLevelNames[static_cast<size_t>(level_)] != options.level) {
    level_ = static_cast<CrashLevel>(static_cast<size_t>(level_) + 1);
  }
  if (options.sweep && plan_.kinds().empty()) {
    throw runner::UserError("--sweep lets calls fail, and --faults " + options.faults +
                            " names no way to fail: add enospc, eio, short, eintr or another");
  }
  if (options.server.start.empty() && options.verb == "chaos") {
    subject_ = std::make_unique<CoreSubject>(project, options.plant);
    return;
  }
  subject_ = std::make_unique<LiveSubject>(project, SpecOf(options));
  if (options.verb == "chaos") return;
  const bool kill = plan_.Has(NamedFault::By::kKill);
  const bool power = plan_.Has(NamedFault::By::kPower);
  live::CrashProbes::Options probes;
  probes.kill = kill;
  probes.power = power;
  probes.states = static_cast<uint64_t>(options.states);
  probes.wants = [this](const DiskCall& call, SandboxRole role) { return Wants(call, role); };
  subject_->live()->set_probes(std::move(probes));
  if (!power) subject_->live()->set_ends_with(CrashKind::kProcess);
}

bool CrashSearch::Step(const Met& met) {
  if (!swept_.empty()) {
    Sweep(met);
    return true;
  }
  if (options_.seeds > 0 && cases_ == options_.seeds) return false;
  seed_ = options_.seed + cases_++;
  arena_.Reset();
  Make(static_cast<uint64_t>(seed_), &base_);
  listing_ = options_.sweep;
  probing_ = !options_.sweep;
  RunCase(base_, "seed " + std::to_string(seed_), met);
  probing_ = listing_ = false;
  return true;
}

void CrashSearch::Aside(bool begins) {
  if (begins) probing_ = false;
}

std::string CrashSearch::Line(const std::string& found, const findings::RunClock& clock) const {
  return runner::Grouped(static_cast<uint64_t>(cases_)) + " cases, " +
         clock.Rate(counts_.lives, "lives") + ", " + found;
}

std::string CrashSearch::FiredText() const {
  std::string text = absl::StrFormat("%-32s %9s", "fault", "fired");
  for (const std::string_view column : kColumns) text += absl::StrFormat(" %11s", column);
  text += absl::StrFormat(" %11s %11s\n", "excused", "refused");
  for (const NamedFault* fault : plan_.faults()) {
    for (const size_t mishap : fault->mishaps) {
      std::string name(fault->name);
      if (fault->mishaps.size() > 1) name += ": " + std::string(MishapName(mishap));
      const DurabilityCounts::Results& after = counts_.after[mishap];
      text += absl::StrFormat("%-32s %9d", name, counts_.fired[mishap]);
      for (const uint64_t count : after.outcomes) text += absl::StrFormat(" %11d", count);
      text += absl::StrFormat(" %11d %11d\n", after.excused, after.refused_writes);
    }
  }
  return text +
         "(fired: how often; then what was recovered later on the same disk, of this what is "
         "excused,\nand writes that were refused: docs/durability.md)\n";
}

Json CrashSearch::FiredReport() const {
  Json report = Json::object();
  for (const NamedFault* fault : plan_.faults()) {
    if (fault->mishaps.empty()) continue;
    Json& one = report[std::string(fault->name)] = Json::object();
    uint64_t fired = 0;
    for (const size_t mishap : fault->mishaps) {
      const DurabilityCounts::Results& after = counts_.after[mishap];
      Json came = {{"fired", counts_.fired[mishap]}};
      for (size_t i = 0; i < after.outcomes.size(); ++i) {
        came[std::string(NameOf(static_cast<DurabilityOutcome>(i)))] = after.outcomes[i];
      }
      came["excused"] = after.excused;
      came["refused_writes"] = after.refused_writes;
      one[std::string(MishapName(mishap))] = came;
      fired += counts_.fired[mishap];
    }
    one["fired"] = fired;
  }
  return report;
}

std::string CrashSearch::Summary() const {
  std::string text =
      absl::StrFormat("%s, level %s: %d cases, %d processes started, %d crashes", subject_->Name(),
                      options_.level, cases_, counts_.lives, counts_.crashes);
  if (!chaos()) text += absl::StrFormat(", %d more at calls to the disk", counts_.probes);
  text += "\nrecovered:";
  for (size_t i = 0; i < counts_.all.outcomes.size(); ++i) {
    text += absl::StrFormat("%s %s %d", i == 0 ? "" : ",",
                            NameOf(static_cast<DurabilityOutcome>(i)), counts_.all.outcomes[i]);
  }
  text += absl::StrFormat("; excused by level or fault %d\n", counts_.all.excused);
  for (const auto& [line, times] : counts_.refusals) {
    text += absl::StrFormat("  did not start, %d times: %s\n", times, runner::JsonText(line));
  }
  if (counts_.all.refused_writes > 0) {
    text += absl::StrFormat("writes refused: %d\n", counts_.all.refused_writes);
  }
  if (counts_.adopted > 0) {
    text += absl::StrFormat("%d replies differed from the core's, whose data was replaced\n",
                            counts_.adopted);
  }
  if (chaos()) return text + FiredText();
  std::string faults;
  for (size_t i = 0; i < kMishaps; ++i) {
    if (counts_.fired[i] == 0) continue;
    faults +=
        absl::StrFormat("%s%s %d", faults.empty() ? "" : ", ", MishapName(i), counts_.fired[i]);
  }
  if (!faults.empty()) text += "faults that acted: " + faults + "\n";
  const std::vector<std::string> idle = plan_.NotFired(counts_);
  if (!idle.empty()) text += "faults that never acted: " + absl::StrJoin(idle, ", ") + "\n";
  if (!options_.sweep) return text + "calls to the disk, by place:\n" + places_.Text();
  text += absl::StrFormat("swept: %d calls to the disk, %d faults\n", swept_calls_, swept_runs_);
  text += absl::StrFormat("%-32s %9s %9s %13s %9s %9s\n", "calls to the disk, by place", "calls",
                          "once", "from then on", "acted", "not swept");
  for (const auto& [place, swept] : swept_places_) {
    text += absl::StrFormat("  %-30s %9d %9d %13d %9d %9d\n", place, swept.calls, swept.once,
                            swept.from_then_on, swept.acted, swept.beyond);
  }
  return text;
}

Json CrashSearch::Report() const {
  Json recovered = Json::object();
  for (size_t i = 0; i < counts_.all.outcomes.size(); ++i) {
    recovered[std::string(NameOf(static_cast<DurabilityOutcome>(i)))] = counts_.all.outcomes[i];
  }
  Json faults = Json::object();
  for (size_t i = 0; i < kMishaps; ++i) {
    if (counts_.fired[i] > 0) faults[std::string(MishapName(i))] = counts_.fired[i];
  }
  Json report = {{"verb", options_.verb},
                 {"server", subject_->Name()},
                 {"seed", options_.seed},
                 {"level", options_.level},
                 {"cases", cases_},
                 {"processes", counts_.lives},
                 {"crashes", counts_.crashes},
                 {"recovered", recovered},
                 {"excused", counts_.all.excused},
                 {"did_not_start", counts_.refusals},
                 {"refused_writes", counts_.all.refused_writes},
                 {"adopted", counts_.adopted},
                 {"faults", faults},
                 {"never_acted", plan_.NotFired(counts_)}};
  if (chaos()) {
    report["asked"] = FiredReport();
    return report;
  }
  report["crashes_at_calls"] = counts_.probes;
  report["places"] = places_.Report();
  report["swept_calls"] = swept_calls_;
  report["swept_faults"] = swept_runs_;
  if (options_.sweep) {
    Json& swept = report["swept"] = Json::object();
    for (const auto& [place, one] : swept_places_) {
      swept[place] = {{"calls", one.calls},
                      {"once", one.once},
                      {"from_then_on", one.from_then_on},
                      {"acted", one.acted},
                      {"not_swept", one.beyond}};
    }
  }
  return report;
}

void CrashSearch::AddTo(report::Report* report) const {
  const std::vector<std::string> idle = plan_.NotFired(counts_);
  for (const NamedFault* fault : plan_.faults()) {
    if (fault->mishaps.empty()) continue;
    report::Result result = {.name = "fault " + std::string(fault->name)};
    if (std::ranges::find(idle, fault->name) != idle.end()) {
      result.status = chaos() ? report::Status::kUnknown : report::Status::kSkipped;
      result.note = chaos() ? "it never fired" : "it never acted";
    }
    report->results.push_back(std::move(result));
  }
}

std::string CrashSearch::WhyVacuous() const {
  if (!options_.plant.empty()) return "the fault of --plant " + options_.plant + " was not found";
  if (chaos()) {
    const std::vector<std::string> idle = plan_.NotFired(counts_);
    return idle.empty() ? "" : "these faults never fired: " + absl::StrJoin(idle, ", ");
  }
  if (options_.sweep) return swept_runs_ > 0 ? "" : "no call to the disk could fail";
  const auto runs = [&](StartPolicy policy) {
    return std::ranges::find(policies_, policy) != policies_.end();
  };
  const std::vector<std::string> missing =
      places_.Missing(runs(StartPolicy::kAlways), runs(StartPolicy::kEverySecond), true, true);
  if (missing.empty()) return "";
  return "nothing was crashed at: " + absl::StrJoin(missing, ", ");
}

void CrashSearch::Make(uint64_t seed, Case<DurabilityWorld>* c) {
  Generate(seed, &arena_, c);
  const auto asked = static_cast<size_t>(options_.ops);
  if (asked > 0) {
    Case<DurabilityWorld> more;
    for (uint64_t part = 1; c->ops.size() < asked; ++part) {
      constexpr uint64_t kApart = uint64_t{1} << 32;
      Generate(seed + part * kApart, &arena_, &more);
      c->ops.insert(c->ops.end(), more.ops.begin(), more.ops.end());
    }
    c->ops.resize(asked);
  }
  // Each fault meets each policy.
  c->config.policy = policies_[(seed + seed / plan_.faults().size()) % policies_.size()];
  c->config.valkey = subject_->valkey(seed);
  c->config.level = level_;
  plan_.Apply(seed, options_.sweep, subject_->live() == nullptr, &arena_, &c->ops);
  // The calls of a process that loads are swept, too.
  if (options_.sweep) c->ops.emplace_back(DurabilityWorld::Kill{.after = {}});
}

bool CrashSearch::Wants(const DiskCall& call, SandboxRole role) {
  const live::LiveDurability& world = *subject_->live();
  if (listing_ && world.op() < base_.ops.size()) {
    SweptPlace& place = swept_places_[PlaceOf(call, role)];
    ++place.calls;
    const uint64_t after = world.calls_of_op() - 1;
    if (after <= UINT8_MAX) {
      swept_.push_back({world.op(), static_cast<uint8_t>(after), call.op, PlaceOf(call, role)});
    } else {
      ++place.beyond;
    }
  }
  if (world.booting()) return false;
  return probing_ && places_.Wants(PlaceOf(call, role));
}

const DurabilityCounts& CrashSearch::RunCase(const Case<DurabilityWorld>& c,
                                             const std::string& from, const Met& met) {
  findings::CaseOutcome outcome = subject_->RunCase(c);
  last_ = subject_->counts();
  counts_.Add(last_);
  const std::optional<CrashFailure> failure = subject_->live() == nullptr
                                                  ? std::optional<CrashFailure>()
                                                  : subject_->live()->probes().failure();
  const bool second_life = failure && subject_->live()->probes().second_life_failed();
  if (outcome.failed()) Tell(c, from, std::move(outcome), met);
  if (failure) {
    Case<DurabilityWorld> crashed = CrashedCase(c, *failure, level_, &arena_);
    if (second_life) AddSecondLife(&crashed);
    findings::CaseOutcome probe =
        CrashCaseRunner::OutcomeOf(failure->violation, crashed.ops.size());
    probe.text = absl::StrFormat("  %s at call %d of op #%d; left: %s\n",
                                 failure->kind == CrashKind::kProcess ? "kill -9" : "power failure",
                                 failure->after, failure->op, failure->left) +
                 probe.text;
    Tell(crashed, from, std::move(probe), met);
  }
  return last_;
}

void CrashSearch::AddSecondLife(Case<DurabilityWorld>* c) {
  const std::span<std::string_view> words = arena_.Words(3);
  words[0] = "SET";
  words[1] = "second life";
  words[2] = "1";
  c->ops.emplace_back(DurabilityWorld::Call{.client = {0}, .args = {.words = words}});
  const bool logs = c->config.policy != StartPolicy::kSnapshots;
  c->ops.emplace_back(DurabilityWorld::Save{.kind = logs ? SaveKind::kRewrite : SaveKind::kSave});
  constexpr uint32_t kRewriteMs = 500;
  c->ops.emplace_back(DurabilityWorld::Advance{.ms = {kRewriteMs}});
  c->ops.emplace_back(DurabilityWorld::Kill{.after = {0}});
}

void CrashSearch::Tell(const Case<DurabilityWorld>& c, const std::string& from,
                       findings::CaseOutcome outcome, const Met& met) {
  findings::MetCase one;
  one.tape = runner::TapeOf(c);
  one.ops = c.ops.size();
  one.from = from;
  one.seed = static_cast<uint64_t>(seed_);
  one.outcome = std::move(outcome);
  met(std::move(one));
}

void CrashSearch::Sweep(const Met& met) {
  const SweptCall call = std::move(swept_.back());
  swept_.pop_back();
  ++swept_calls_;
  for (const NamedFault::Kind& kind : plan_.kinds()) {
    if (!Affects(kind.kind, call.call)) continue;
    for (const uint8_t times : {1, 0}) {
      if (runner::Interrupted()) return;
      DurabilityWorld::Fault fault;
      FaultPlan::Use(kind, &fault);
      fault.after.value = call.after;
      fault.times.value = times;
      Case<DurabilityWorld> c = base_;
      c.ops.insert(c.ops.begin() + static_cast<std::ptrdiff_t>(call.op), fault);
      ++swept_runs_;
      SweptPlace& place = swept_places_[call.place];
      ++(times == 1 ? place.once : place.from_then_on);
      const DurabilityCounts& counts =
          RunCase(c, "seed " + std::to_string(seed_) + ", " + call.place, met);
      const size_t mishap =
          kind.how == SyncFailure::kLate ? kLateSync : static_cast<size_t>(kind.kind);
      if (counts.fired[mishap] > 0) ++place.acted;
    }
  }
}

int RunCrashSearch(CrashOptions& options, const std::vector<NamedFault>& faults) {
  options.output.Check();
  if (options.seconds == 0 && options.seeds == 0) options.seconds = 30;
  const runner::Project project = runner::OpenProject();
  CrashSearch search(project, options, faults);
  findings::CampaignOptions campaign;
  campaign.verb = options.verb;
  campaign.prefix = options.verb + "-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = static_cast<uint64_t>(options.shrink_candidates);
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

void AddCrashLimits(Verb* verb, CrashOptions* options) {
  verb->Group("How long");
  verb->Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb->Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many cases");
  verb->Number("--seed", "N", &options->seed, 0, INT32_MAX, "The first case").ShowDefault();
  verb->Flag("--stop-on-failure", &options->stop_on_failure, "End after the first finding");
  verb->Number("--shrink", "N", &options->shrink_candidates, 0, 1'000'000,
               "Smaller cases that are tried for each finding")
      .ShowDefault();
  verb->Group("");
  AddReportOptions(verb, &options->output);
  AddWatchOption(verb, &options->output);
}

}  // namespace resprobe::cli
