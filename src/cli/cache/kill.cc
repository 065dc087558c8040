// kill: kills the worker that caches an entry, at a named point; no worker may read the entry
// afterwards.

#include <absl/strings/str_format.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <variant>

#include "cachelab/hunt/stale_generate.h"
#include "cli/cache/stale_search.h"
#include "cli/verbs.h"
#include "runner/json.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct KillOptions {
  StaleVerbOptions stale;
  std::string mode = "both";
  std::string signals = "SIGKILL";
  std::string points;
  std::string writers = "cached,direct";
  cachelab::KillPlan plan;
};

// Results of the rounds of one kind.
struct KillTally {
  uint64_t rounds = 0;
  uint64_t killed = 0;      // kills that happened
  uint64_t cached = 0;      // idle victims whose entry was in the cache
  uint64_t not_cached = 0;  // idle victims whose entry was not
};

// The ops of a round; if it failed, those that it would have run too.
std::span<const cachelab::stale::Op> OpsOf(const cachelab::StaleRound& round,
                                           const cachelab::StaleCase& c) {
  const auto ops = std::span<const cachelab::stale::Op>(c.ops).subspan(round.begin);
  if (round.end != 0) return ops.first(round.end - round.begin);
  const auto settles = [](const cachelab::stale::Op& op) {
    return std::holds_alternative<cachelab::stale::Settle>(op);
  };
  const auto last = std::find_if(ops.begin(), ops.end(), settles);
  return ops.first(static_cast<size_t>(last - ops.begin()) + (last == ops.end() ? 0 : 1));
}

cachelab::stale::KillSignal ParseSignal(const std::string& text) {
  const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* const known = sigabbrev_np(signal);
    if ((known != nullptr && name == known) || text == std::to_string(signal)) {
      // A signal that neither ends nor stops a process kills nothing.
      if (!cachelab::stale::IsKillSignal(signal)) {
        throw runner::UserError("--signal: " + text + " neither ends nor stops a worker");
      }
      return cachelab::stale::KillSignalOf(signal);
    }
  }
  throw runner::UserError("--signal: there is no '" + text +
                          "': use SIGKILL, SIGTERM, SIGSTOP or the like");
}

void ReadPlan(KillOptions* options) {
  cachelab::KillPlan& plan = options->plan;
  plan.clients = options->mode != "worker";
  plan.processes = options->mode != "client";
  plan.signals.clear();
  for (const std::string& name : SplitList(options->signals))
    plan.signals.push_back(ParseSignal(name));
  if (plan.signals.empty()) throw runner::UserError("--signal: name one at least");
  if (!options->points.empty()) {
    plan.points.clear();
    plan.idle = false;
    for (const std::string& name : SplitList(options->points)) {
      const std::optional<cachelab::Failpoint> point = cachelab::ParseFailpoint(name);
      if (name == "idle") {
        plan.idle = true;
      } else if (point) {
        plan.points.push_back(*point);
      } else {
        std::string all = "idle";
        for (const cachelab::Failpoint p : cachelab::kFailpoints)
          all += ", " + std::string(cachelab::FailpointName(p));
        throw runner::UserError("--points: there is no '" + name + "': use " + all);
      }
    }
  }
  if (!options->stale.url.empty()) {
    // The HTTP endpoint has no request that holds or arms a worker.
    if (!options->points.empty() && !plan.points.empty()) {
      throw runner::UserError("--points: workers behind --url can only be killed at rest: idle");
    }
    plan.points.clear();
    plan.idle = true;
  }
  plan.direct_writes = plan.cached_writes = false;
  for (const std::string& name : SplitList(options->writers)) {
    if (name == "direct" || name == "redis") {
      plan.direct_writes = true;
    } else if (name == "cached" || name == "relay") {
      plan.cached_writes = true;
    } else {
      throw runner::UserError("--writers: there is no '" + name +
                              "': use cached, direct or cached,direct");
    }
  }
  if (!plan.direct_writes && !plan.cached_writes) {
    throw runner::UserError("--writers: use cached, direct or cached,direct");
  }
  if (plan.mode_is_impossible()) {
    throw runner::UserError(
        "--points: a connection cannot be killed at a point under the lock: add another "
        "point, or use --kill-mode worker");
  }
}

std::string WhyVacuous(const std::map<std::string, KillTally>& tallies, uint64_t rounds) {
  KillTally all;
  for (const auto& [name, tally] : tallies) {
    all.killed += tally.killed;
    all.cached += tally.cached;
    all.not_cached += tally.not_cached;
    if (tally.rounds >= kEnoughRounds && tally.killed * 2 < tally.rounds) {
      return "in " + name + " only " + std::to_string(tally.killed) + " of " +
             std::to_string(tally.rounds) + " kills happened";
    }
  }
  if (all.killed == 0) return "nothing was killed";
  if (all.cached == 0 && all.not_cached > 0) return "nothing was cached when it was to be";
  if (rounds >= kEnoughRounds && all.cached < all.not_cached) {
    return "in " + std::to_string(all.not_cached) + " rounds nothing was cached, and in " +
           std::to_string(all.cached) + " something";
  }
  return "";
}

// The planted faults that no round of this plan can show.
std::map<cachelab::InjectedFault, std::string> ImpossibleFaults(const cachelab::KillPlan& plan) {
  using cachelab::InjectedFault;
  std::map<InjectedFault, std::string> impossible = {
      {InjectedFault::kIgnoreNullPush, "kill never flushes: use ./resprobe invalidate"}};
  if (!plan.clients) {
    impossible[InjectedFault::kKeepOnLoss] =
        "no connection is killed: leave out --kill-mode worker";
  }
  if (!plan.processes) {
    const std::string why = "no worker is killed: leave out --kill-mode client";
    impossible[InjectedFault::kTrustTheDead] = why;
    impossible[InjectedFault::kHangOnTheDead] = why;
  } else if (std::none_of(plan.points.begin(), plan.points.end(), cachelab::IsUnderLock)) {
    impossible[InjectedFault::kHangOnTheDead] =
        "no worker is killed under the lock: add locked or inside-put to --points";
  }
  if (!plan.cached_writes) {
    const std::string why = "nothing is written through the cache: add cached to --writers";
    impossible[InjectedFault::kKeepOwnWrites] = why;
    impossible[InjectedFault::kCrashOnWrite] = why;
  }
  return impossible;
}

int RunKill(KillOptions* options) {
  options->stale.Read("kill");
  if (options->stale.list_commands) {
    PrintCommands();
    return runner::kAllWell;
  }
  ReadPlan(options);
  options->stale.CheckPlanted(ImpossibleFaults(options->plan));
  std::map<std::string, KillTally> tallies;
  HuntKind kind;
  kind.verb = "kill";
  kind.generate = [&](uint64_t seed, const cachelab::CasePlan& common, cachelab::StaleCase* out) {
    cachelab::GenerateKills(seed, common, options->plan, out);
  };
  kind.after = [&](const cachelab::StaleCase& c, const cachelab::StaleOutcome& outcome) {
    for (const cachelab::StaleRound& round : outcome.rounds) {
      const auto ops = OpsOf(round, c);
      // Of the rounds that did not reach their end, the totals count the one that failed.
      if (ops.empty() || (round.end == 0 && !outcome.violation)) continue;
      KillTally& tally = tallies[cachelab::stale::KillOf(ops)];
      ++tally.rounds;
      tally.killed += round.kills;
      tally.cached += round.confirmed;
      tally.not_cached += round.not_cached;
    }
  };
  kind.vacuous = [&](const cachelab::StaleCounts& counts) {
    return WhyVacuous(tallies, counts.rounds);
  };
  kind.summary = [&] {
    std::string text;
    if (!tallies.empty()) {
      absl::StrAppendFormat(&text, "  %-28s %8s %8s %8s %11s\n", "killed by, at", "rounds",
                            "killed", "cached", "not cached");
    }
    for (const auto& [name, t] : tallies) {
      absl::StrAppendFormat(&text, "  %-28s %8d %8d %8d %11d\n", name, t.rounds, t.killed, t.cached,
                            t.not_cached);
    }
    return text;
  };
  kind.report = [&] {
    Json json = Json::array();
    for (const auto& [name, t] : tallies) {
      json.push_back({{"kill", name},
                      {"rounds", t.rounds},
                      {"killed", t.killed},
                      {"cached", t.cached},
                      {"not_cached", t.not_cached}});
    }
    return json;
  };
  return RunHunt(options->stale, kind);
}

}  // namespace

Verb KillVerb() {
  const auto options = std::make_shared<KillOptions>();
  Verb verb("kill", "kill an entry's writer at a named point; find stale reads");
  verb.details =
      "The writer of an entry of the shared cache is killed, then the key is written: no worker "
      "may read the old value.\n"
      "Points: idle (the entry is in the cache), before-reply, before-put, locked, inside-put, "
      "before-drop (an invalidation is taken from the connection, its entries are still there).\n"
      "Each kind of failure is minimized and filed once, in a folder below work/findings that "
      "replay, "
      "minimize, show, freeze and findings take. Rounds in which nothing was cached are counted "
      "apart; "
      "a run with too few hits or kills fails as vacuous.";
  verb.examples = {{"kill --start redis-server --iterations 500", "runs 500 rounds"},
                   {"kill --start redis-server --kill-mode worker --points inside-put",
                    "kills workers while they write an entry, until Ctrl-C"}};
  verb.exit_codes = "0 nothing stale, 1 a failure or a vacuous run, 2 wrong use, 130 interrupted.";
  options->stale.pool.AddTo(&verb, false, true);
  options->stale.AddTo(&verb);
  verb.Group("What is killed");
  verb.Choice("--kill-mode", {"client", "worker", "both"}, &options->mode,
              "client: CLIENT KILL of the connection; worker: a signal to the process")
      .ShowDefault();
  verb.Text("--signal", "SIGNAL,…", &options->signals,
            "Signals for workers, chosen from by the seed")
      .ShowDefault();
  verb.Text("--points", "POINT,…", &options->points, "Where it happens; default: all");
  verb.Text("--writers", "cached,direct", &options->writers,
            "Who writes the key: cached (another worker, through the cache), direct (past it)")
      .ShowDefault();
  verb.run = [=] { return RunKill(options.get()); };
  return verb;
}

}  // namespace resprobe::cli
