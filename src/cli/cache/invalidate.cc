// invalidate: races between reads, writes, flushes and deaths, with real workers that share a
// cache.

#include <map>
#include <memory>

#include "cachelab/hunt/stale_generate.h"
#include "cli/cache/stale_search.h"
#include "cli/verbs.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

std::string WhyVacuous(const cachelab::RacePlan& plan, const cachelab::StaleCounts& counts) {
  if (counts.hits == 0) {
    return "no read is known to have come from the cache: is anything cached at all?";
  }
  if (counts.rounds < kEnoughRounds) return "";
  if (counts.hits * 20 < counts.reads) return "fewer than 5% of the reads were hits";
  if (counts.races * 10 < counts.rounds) return "fewer races than one in ten rounds";
  const uint64_t kills = counts.client_kills + counts.worker_kills;
  const uint64_t wanted = counts.rounds * static_cast<uint64_t>(plan.kill_percent) / 100;
  if (wanted >= 10 && kills * 3 < wanted) return "fewer than a third of the kills happened";
  const uint64_t flushes = counts.rounds * static_cast<uint64_t>(plan.flush_percent) / 100;
  if (flushes >= 10 && counts.flushes * 3 < flushes) {
    return "fewer than a third of the flushes happened";
  }
  return "";
}

}  // namespace

Verb InvalidateVerb() {
  const auto options = std::make_shared<StaleVerbOptions>();
  const auto plan = std::make_shared<cachelab::RacePlan>();
  Verb verb("invalidate", "hunt stale reads in a cache that real workers share");
  verb.details =
      "Real worker processes share one cache in front of a real server; reads, writes, flushes and "
      "deaths overlap.\n"
      "After each round every invalidation connection answers a ping; then all workers must read "
      "the newest value. No grace time. Each kind of failure is minimized and filed once, in a "
      "folder "
      "below work/findings that replay, minimize, show, freeze and findings take. A run in which "
      "too "
      "little was cached, raced or killed fails as vacuous.";
  verb.examples = {
      {"invalidate --start redis-server --iterations 1000 --seed 1", "runs a thousand rounds"},
      {"invalidate --start valkey-server --kill 10 --flushes 5",
       "kills connections and workers, and flushes, until Ctrl-C"},
      {"invalidate --url http://127.0.0.1:8080/cmd --iterations 100",
       "hunts in a cache that ./resprobe workers serves"}};
  verb.exit_codes = "0 nothing stale, 1 a failure or a vacuous run, 2 wrong use, 130 interrupted.";
  verb.moved = {{"--model-check", "model-check"}};
  options->pool.AddTo(&verb, true, false);
  // --flush was this percentage before all verbs had --flush for the server.
  constexpr const char* kServer = "server";
  verb.Add({.name = "--flush",
            .value = "PERCENT",
            .help = "Accept a server that holds keys, and delete them; with a number: --flushes",
            .group = "Which server",
            .set =
                [=](const std::vector<std::string>& values) {
                  if (values.back() == kServer) {
                    options->pool.server.flush = true;
                  } else {
                    plan->flush_percent = std::stoi(values.back());
                  }
                }})
      .ValueIfAlone(kServer)
      .Alias("--overwrite")
      .Check([=](const std::string& text) {
        return text == kServer ? std::string() : runner::WholeNumber(0, 100)(text);
      });
  options->AddTo(&verb);
  verb.Group("What happens in a round");
  verb.Number("--kill", "PERCENT", &plan->kill_percent, 0, 100,
              "Share of rounds in which a connection (CLIENT KILL) or a worker (SIGKILL) is killed")
      .ShowDefault();
  verb.Number("--flushes", "PERCENT", &plan->flush_percent, 0, 100,
              "Share of rounds in which FLUSHALL or FLUSHDB runs")
      .ShowDefault();
  verb.run = [=] {
    options->Read("invalidate");
    if (options->list_commands) {
      PrintCommands();
      return runner::kAllWell;
    }
    std::map<cachelab::InjectedFault, std::string> impossible;
    if (plan->kill_percent == 0) {
      const std::string why = "nothing is killed: add --kill 20";
      impossible[cachelab::InjectedFault::kKeepOnLoss] = why;
      impossible[cachelab::InjectedFault::kTrustTheDead] = why;
      impossible[cachelab::InjectedFault::kHangOnTheDead] = why;
    }
    if (plan->flush_percent == 0) {
      impossible[cachelab::InjectedFault::kIgnoreNullPush] =
          "nothing is flushed: leave out --flushes 0";
    }
    options->CheckPlanted(impossible);
    HuntKind kind;
    kind.verb = "invalidate";
    kind.generate = [=](uint64_t seed, const cachelab::CasePlan& common, cachelab::StaleCase* out) {
      cachelab::GenerateRaces(seed, common, *plan, out);
    };
    kind.vacuous = [=](const cachelab::StaleCounts& counts) { return WhyVacuous(*plan, counts); };
    return RunHunt(*options, kind);
  };
  return verb;
}

}  // namespace resprobe::cli
