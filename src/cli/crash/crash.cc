// crash: a real server on a simulated disk, crashed again and again.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/crash/crash_places.h"
#include "cli/crash/crash_runner.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "engine/arena.h"
#include "engine/generate.h"
#include "findings/campaign.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::cli {
namespace {

struct FaultName {
  std::string_view name;
  std::vector<DiskFaultKind> kinds;  // none: a crash
  std::optional<SyncFailure> how = {};
};

const std::vector<FaultName>& FaultNames() {
  static const std::vector<FaultName> names = {
      {"power", {}},
      {"kill", {}},
      {"enospc", {DiskFaultKind::kNoSpace}},
      {"eio",
       {DiskFaultKind::kWriteError, DiskFaultKind::kReadError, DiskFaultKind::kOpenError,
        DiskFaultKind::kRenameError, DiskFaultKind::kSyncFails}},
      {"short", {DiskFaultKind::kShortRead, DiskFaultKind::kShortWrite}},
      {"eintr", {DiskFaultKind::kInterrupted}},
      {"slow_fsync", {DiskFaultKind::kSlowSync}},
      {"lying_fsync", {DiskFaultKind::kSyncFails}, SyncFailure::kLate},
      {"bitflip", {DiskFaultKind::kReadFlip, DiskFaultKind::kRestFlip}},
  };
  return names;
}

constexpr std::string_view kPolicies[] = {"always", "everysec", "no", "rdb"};

struct CrashOptions {
  ServerOptions server;
  std::string policy = "all";
  std::string faults = "all";
  std::string level = "prefix";
  int64_t seed = 1;
  int64_t seeds = 0;  // 0: no limit
  double seconds = 0;
  int64_t states = 2;
  bool sweep = false;
  std::string plant;
  bool stop_on_failure = false;
  int64_t shrink_candidates = 400;
  runner::OutputOptions output;
};

// The words of a list, each of which must be one of `known`; "all": all of them.
std::vector<size_t> Chosen(const std::string& option, const std::string& list,
                           const std::vector<std::string>& known) {
  std::vector<size_t> chosen;
  if (list == "all") {
    for (size_t i = 0; i < known.size(); ++i) chosen.push_back(i);
    return chosen;
  }
  for (const std::string& word : SplitList(list)) {
    size_t i = 0;
    while (i < known.size() && known[i] != word) ++i;
    if (i == known.size()) {
      throw runner::UserError(option + " " + word +
                              ": there is no such one: " + absl::StrJoin(known, ","));
    }
    chosen.push_back(i);
  }
  if (chosen.empty()) throw runner::UserError(option + ": it names nothing");
  return chosen;
}

// What a campaign crashes, and how.
struct CrashPlan {
  std::vector<StartPolicy> policies;
  bool power = false;
  bool kill = false;
  struct Kind {
    DiskFaultKind kind;
    std::optional<SyncFailure> how;
  };
  std::vector<Kind> kinds;
  CrashLevel level = CrashLevel::kPrefix;

  explicit CrashPlan(const CrashOptions& options) {
    for (const size_t policy :
         Chosen("--policy", options.policy,
                std::vector<std::string>(std::begin(kPolicies), std::end(kPolicies)))) {
      policies.push_back(static_cast<StartPolicy>(policy));
    }
    std::vector<std::string> names;
    for (const FaultName& fault : FaultNames()) names.emplace_back(fault.name);
    for (const size_t chosen : Chosen("--faults", options.faults, names)) {
      const FaultName& fault = FaultNames()[chosen];
      power |= fault.name == "power";
      kill |= fault.name == "kill";
      for (const DiskFaultKind kind : fault.kinds) kinds.push_back({kind, fault.how});
    }
    while (kCrashLevelNames[static_cast<size_t>(level)] != options.level) {
      level = static_cast<CrashLevel>(static_cast<size_t>(level) + 1);
    }
  }
};

// The call to the disk that a sweep lets fail.
struct SweptCall {
  size_t op;      // before which the fault is switched on
  uint8_t after;  // calls later
  DiskOp call;
  std::string place;
};

bool Affects(DiskFaultKind kind, DiskOp call) {
  switch (kind) {
    case DiskFaultKind::kSyncFails:
    case DiskFaultKind::kSlowSync:
      return call == DiskOp::kSync;
    case DiskFaultKind::kNoSpace:
    case DiskFaultKind::kWriteError:
    case DiskFaultKind::kShortWrite:
    case DiskFaultKind::kRestFlip:
      return call == DiskOp::kWrite;
    case DiskFaultKind::kReadError:
    case DiskFaultKind::kShortRead:
    case DiskFaultKind::kReadFlip:
      return call == DiskOp::kRead;
    case DiskFaultKind::kOpenError:
      return call == DiskOp::kOpen;
    case DiskFaultKind::kRenameError:
      return call == DiskOp::kRename;
    case DiskFaultKind::kInterrupted:
      return call == DiskOp::kOpen || call == DiskOp::kWrite || call == DiskOp::kRead ||
             call == DiskOp::kSync;
    case DiskFaultKind::kReadOnly:
      return false;
  }
  return false;
}

class CrashSearch : public findings::Search {
 public:
  CrashSearch(const runner::Project& project, const CrashOptions& options)
      : options_(options), plan_(options), runner_(project, SpecOf(options)) {
    live::LiveDurability::Probes probes;
    probes.kill = plan_.kill;
    probes.power = plan_.power;
    probes.states = static_cast<uint64_t>(options.states);
    probes.wants = [this](const DiskCall& call, SandboxRole role) { return Wants(call, role); };
    runner_.world().set_probes(std::move(probes));
    if (!plan_.power) runner_.world().set_ends_with(CrashKind::kProcess);
  }

  bool Step(const Met& met) override {
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

  findings::CaseRunner& runner() override { return runner_; }

  void Aside(bool begins) override {
    if (begins) probing_ = false;
  }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(static_cast<uint64_t>(cases_)) + " cases, " +
           clock.Rate(lives_, "lives") + ", " + found;
  }

  std::string Summary() const override {
    std::string text = absl::StrFormat(
        "%s, level %s: %d cases, %d processes started, %d crashes, %d more at calls to the disk\n",
        runner_.spec().server.version.empty() ? runner_.spec().server.start
                                              : runner_.spec().server.version,
        options_.level, cases_, lives_, crashes_, probes_);
    text += "recovered:";
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      text += absl::StrFormat("%s %s %d", i == 0 ? "" : ",",
                              NameOf(static_cast<DurabilityOutcome>(i)), outcomes_[i]);
    }
    text += absl::StrFormat("; excused by level or fault %d\n", excused_);
    for (const auto& [line, times] : refusals_) {
      text += absl::StrFormat("  did not start, %d times: %s\n", times, runner::JsonText(line));
    }
    if (adopted_ > 0) {
      text += absl::StrFormat("%d replies differed from the core's, whose data was replaced\n",
                              adopted_);
    }
    std::string faults;
    for (size_t i = 0; i < kDiskFaultKinds; ++i) {
      if (faults_[i] == 0) continue;
      faults +=
          absl::StrFormat("%s%s %d", faults.empty() ? "" : ", ", DiskFaultNames()[i], faults_[i]);
    }
    if (!faults.empty()) text += "faults that acted: " + faults + "\n";
    std::string idle;
    for (const CrashPlan::Kind& kind : plan_.kinds) {
      const auto i = static_cast<size_t>(kind.kind);
      const std::string name(DiskFaultNames()[i]);
      if (faults_[i] == 0 && idle.find(name) == idle.npos)
        idle += (idle.empty() ? "" : ", ") + name;
    }
    if (!idle.empty()) text += "faults that never acted: " + idle + "\n";
    if (options_.sweep) {
      text +=
          absl::StrFormat("swept: %d calls to the disk, %d faults\n", swept_calls_, swept_runs_);
    }
    text += "calls to the disk, by place:\n" + places_.Text();
    return text;
  }

  Json Report() const override {
    Json recovered = Json::object();
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      recovered[std::string(NameOf(static_cast<DurabilityOutcome>(i)))] = outcomes_[i];
    }
    Json faults = Json::object();
    for (size_t i = 0; i < kDiskFaultKinds; ++i) {
      if (faults_[i] > 0) faults[std::string(DiskFaultNames()[i])] = faults_[i];
    }
    return {{"verb", "crash"},
            {"server", runner_.spec().server.version},
            {"seed", options_.seed},
            {"level", options_.level},
            {"cases", cases_},
            {"processes", lives_},
            {"crashes", crashes_},
            {"crashes_at_calls", probes_},
            {"recovered", recovered},
            {"excused", excused_},
            {"did_not_start", refusals_},
            {"adopted", adopted_},
            {"faults", faults},
            {"swept_calls", swept_calls_},
            {"swept_faults", swept_runs_},
            {"places", places_.Report()}};
  }

  std::string WhyVacuous() const override {
    if (options_.sweep) return swept_runs_ > 0 ? "" : "no call to the disk could fail";
    const auto runs = [&](StartPolicy policy) {
      return std::ranges::find(plan_.policies, policy) != plan_.policies.end();
    };
    const std::vector<std::string> missing =
        places_.Missing(runs(StartPolicy::kAlways), runs(StartPolicy::kEverySecond), true, true);
    if (missing.empty()) return "";
    return "nothing was crashed at: " + absl::StrJoin(missing, ", ");
  }

 private:
  static findings::RunSpec SpecOf(const CrashOptions& options) {
    findings::RunSpec spec;
    spec.runner = "crash";
    spec.harness = std::string(DurabilityWorld::kName);
    spec.server.start = options.server.start;
    spec.server.arguments = options.server.arguments;
    if (!options.plant.empty()) spec.options["plant"] = options.plant;
    return spec;
  }

  // A case of the plan: of one of its policies, with its faults alone.
  void Make(uint64_t seed, Case<DurabilityWorld>* c) {
    Generate(seed, &arena_, c);
    c->config.policy = plan_.policies[seed % plan_.policies.size()];
    c->config.valkey = runner_.profile() == Profile::kValkey80;
    c->config.level = plan_.level;
    std::vector<DurabilityWorld::Op> ops;
    for (DurabilityWorld::Op& op : c->ops) {
      if (std::holds_alternative<DurabilityWorld::Child>(op) ||
          std::holds_alternative<DurabilityWorld::Thread>(op)) {
        continue;  // a real server has them in its own hands
      }
      if (std::holds_alternative<DurabilityWorld::Kill>(op) && (!plan_.kill || options_.sweep)) {
        continue;
      }
      if (std::holds_alternative<DurabilityWorld::PowerLoss>(op) &&
          (!plan_.power || options_.sweep)) {
        continue;
      }
      if (auto* fault = std::get_if<DurabilityWorld::Fault>(&op)) {
        if (plan_.kinds.empty() || options_.sweep) continue;
        Use(plan_.kinds[(seed + ops.size()) % plan_.kinds.size()], fault);
      }
      ops.push_back(op);
    }
    c->ops = std::move(ops);
  }

  static void Use(const CrashPlan::Kind& kind, DurabilityWorld::Fault* fault) {
    fault->kind = kind.kind;
    if (kind.how) fault->variant.value = static_cast<uint8_t>(*kind.how);
  }

  bool Wants(const DiskCall& call, SandboxRole role) {
    if (listing_) {
      const live::LiveDurability& world = runner_.world();
      constexpr uint64_t kMost = 255;
      if (world.op() < base_.ops.size() && world.calls_of_op() - 1 <= kMost) {
        swept_.push_back({world.op(), static_cast<uint8_t>(world.calls_of_op() - 1), call.op,
                          PlaceOf(call, role)});
      }
    }
    return probing_ && places_.Wants(PlaceOf(call, role));
  }

  void RunCase(const Case<DurabilityWorld>& c, const std::string& from, const Met& met) {
    findings::CaseOutcome outcome = runner_.RunCase(c);
    const live::LiveDurability& world = runner_.world();
    const live::LiveDurability::Counts& counts = world.counts();
    lives_ += counts.lives;
    crashes_ += counts.crashes;
    probes_ += counts.probes;
    excused_ += counts.excused;
    for (const auto& [line, times] : counts.refusals) refusals_[line] += times;
    adopted_ += counts.adopted;
    for (size_t i = 0; i < outcomes_.size(); ++i) outcomes_[i] += counts.outcomes[i];
    for (size_t i = 0; i < kDiskFaultKinds; ++i) {
      faults_[i] += counts.faults[i];
    }
    if (outcome.failed()) Tell(c, from, std::move(outcome), met);
    if (const std::optional<CrashFailure>& failure = world.probe_failure()) {
      Case<DurabilityWorld> crashed = CrashedCase(c, *failure, plan_.level, &arena_);
      if (world.second_life_failed()) AddSecondLife(&crashed);
      findings::CaseOutcome probe =
          CrashCaseRunner::OutcomeOf(failure->violation, crashed.ops.size());
      probe.text =
          absl::StrFormat("  %s at call %d of op #%d; left: %s\n",
                          failure->kind == CrashKind::kProcess ? "kill -9" : "power failure",
                          failure->after, failure->op, failure->left) +
          probe.text;
      Tell(crashed, from, std::move(probe), met);
    }
  }

  // What LiveDurability does with a server that has recovered, as ops.
  void AddSecondLife(Case<DurabilityWorld>* c) {
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

  void Tell(const Case<DurabilityWorld>& c, const std::string& from, findings::CaseOutcome outcome,
            const Met& met) {
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = from;
    one.seed = static_cast<uint64_t>(seed_);
    one.outcome = std::move(outcome);
    met(std::move(one));
  }

  // The next call of the base case fails: in each way that there is, once, and from then on.
  void Sweep(const Met& met) {
    const SweptCall call = std::move(swept_.back());
    swept_.pop_back();
    ++swept_calls_;
    for (const CrashPlan::Kind& kind : plan_.kinds) {
      if (!Affects(kind.kind, call.call)) continue;
      for (const uint8_t times : {1, 0}) {
        if (runner::Interrupted()) return;
        DurabilityWorld::Fault fault;
        Use(kind, &fault);
        fault.after.value = call.after;
        fault.times.value = times;
        Case<DurabilityWorld> c = base_;
        c.ops.insert(c.ops.begin() + static_cast<std::ptrdiff_t>(call.op), fault);
        ++swept_runs_;
        places_.Wants(call.place);
        RunCase(c, "seed " + std::to_string(seed_) + ", " + call.place, met);
      }
    }
  }

  const CrashOptions& options_;
  const CrashPlan plan_;
  CrashCaseRunner runner_;
  CrashPlaces places_;
  Arena arena_;
  Case<DurabilityWorld> base_;
  std::vector<SweptCall> swept_;
  bool probing_ = false;
  bool listing_ = false;
  int64_t cases_ = 0;
  int64_t seed_ = 0;
  uint64_t lives_ = 0;
  uint64_t crashes_ = 0;
  uint64_t probes_ = 0;
  uint64_t excused_ = 0;
  std::map<std::string, uint64_t> refusals_;
  uint64_t adopted_ = 0;
  uint64_t swept_calls_ = 0;
  uint64_t swept_runs_ = 0;
  std::array<uint64_t, 7> outcomes_{};
  std::array<uint64_t, kDiskFaultKinds> faults_{};
};

int RunCrash(CrashOptions& options) {
  options.output.Check();
  if (options.seconds == 0 && options.seeds == 0) options.seconds = 30;
  if (options.sweep && CrashPlan(options).kinds.empty()) {
    throw runner::UserError("--sweep lets calls fail, and --faults " + options.faults +
                            " names no way to fail: add enospc, eio, short, eintr or another");
  }
  const runner::Project project = runner::OpenProject();
  CrashSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "crash";
  campaign.prefix = "crash-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = static_cast<uint64_t>(options.shrink_candidates);
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb CrashVerb() {
  const auto options = std::make_shared<CrashOptions>();
  Verb verb("crash", "crash a real server on a simulated disk");
  verb.details =
      "The server runs in a sandbox, with its files on a simulated disk: unmodified, in virtual "
      "time. Generated clients write to it, save, rewrite its log; its disk fails; it is killed, "
      "or loses power, also at single calls to its disk, where a second server starts on what is "
      "left. What it recovers is compared key by key with what its policy promises. "
      "docs/durability.md says what that is, docs/sandbox.md what can run.";
  verb.examples = {
      {"crash --start redis-server", "for 30 seconds"},
      {"crash --start valkey-server --policy always --faults power,kill --time 5m",
       "one policy, crashes alone"},
      {"crash --start redis-server --sweep --seeds 2", "each call to the disk of two cases fails"}};
  verb.exit_codes =
      "0 all is recovered as promised, 1 not so, or nothing was crashed somewhere, 2 wrong use.";
  options->server.AddTo(&verb, {.running = false, .flush = false, .hang = false, .required = true});
  verb.Group("What happens");
  verb.Text("--policy", "NAME,…", &options->policy,
            "Policies of the server, by turns: always, everysec, no, rdb")
      .ShowDefault();
  verb.Text("--faults", "NAME,…", &options->faults,
            "What may happen to it: power, kill, enospc, eio, short, eintr, slow_fsync, "
            "lying_fsync, bitflip")
      .ShowDefault();
  verb.Choice("--level", {"prefix", "reordered", "weak"}, &options->level,
              "What a power failure may leave")
      .ShowDefault();
  verb.Number("--states", "N", &options->states, 1, 1'000'000,
              "The most states that are tried of a power failure at one call")
      .ShowDefault();
  verb.Flag("--sweep", &options->sweep,
            "Let each call to the disk fail, once and from then on, in place of chance");
  verb.Choice("--plant", {kPlantNoFsync}, &options->plant,
              "Break the server on purpose, to see that it is found: it makes no fsync");
  verb.Group("How long");
  verb.Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb.Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many cases");
  verb.Number("--seed", "N", &options->seed, 0, INT32_MAX, "The first case").ShowDefault();
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first finding");
  verb.Number("--shrink", "N", &options->shrink_candidates, 0, 1'000'000,
              "Smaller cases that are tried for each finding")
      .ShowDefault();
  verb.Group("");
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] { return RunCrash(*options); };
  return verb;
}

}  // namespace resprobe::cli
