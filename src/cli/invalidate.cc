// invalidate: races between reads, writes, flushes and deaths, over real workers that share a
// cache.

#include <memory>

#include "cli/stale_hunt.h"
#include "cli/user_error.h"
#include "cli/verbs.h"
#include "cli/whole_number.h"
#include "live/stale/stale_plan.h"

namespace resprobe::cli {
namespace {

// Fewer rounds are too few to ask for their share of races and kills.
constexpr uint64_t kEnoughRounds = 20;

std::string WhyVacuous(const live::RacePlan& plan, const live::StaleCounts& counts) {
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

void AddInvalidate(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand("invalidate",
                                      "Hunt stale reads: real worker processes share one cache "
                                      "before a real server; reads, writes, "
                                      "flushes and deaths overlap");
  verb->footer(
      "After each round every invalidation connection answers a ping; then all workers must read "
      "the\n"
      "newest value. No grace time. Each kind of failure is minimized and filed once.\n"
      "A run in which too little was cached, raced or killed fails as vacuous.\n"
      "Exit code: 0 nothing stale, 1 a failure or a vacuous run, 2 wrong use, 130 interrupted.");
  const auto options = std::make_shared<StaleVerbOptions>();
  const auto plan = std::make_shared<live::RacePlan>();
  options->pool.AddTo(verb, true);
  options->AddTo(verb);
  verb->add_option("--kill", plan->kill_percent,
                   "In so many of 100 rounds a connection (CLIENT KILL) or a worker (SIGKILL) is "
                   "killed")
      ->type_name("PERCENT")
      ->check(WholeNumber(0, 100))
      ->capture_default_str();
  verb->add_option("--flush", plan->flush_percent,
                   "In so many of 100 rounds FLUSHALL or FLUSHDB runs")
      ->type_name("PERCENT")
      ->check(WholeNumber(0, 100))
      ->capture_default_str();
  verb->callback([=] {
    options->Read("invalidate");
    if (options->list_commands) {
      PrintCommands();
      *code = kAllWell;
      return;
    }
    HuntKind kind;
    kind.verb = "invalidate";
    kind.opened = [=](int workers, int writers) {
      plan->workers = workers;
      plan->writers = writers;
    };
    kind.make = [=](uint64_t, Rng* rng) { return live::MakeRace(options->keys, *plan, rng); };
    kind.vacuous = [=](const live::StaleCounts& counts) { return WhyVacuous(*plan, counts); };
    kind.typed = " --writers " + std::to_string(options->pool.writers);
    *code = StaleHunt(*options, kind).Run();
  });
}

}  // namespace resprobe::cli
