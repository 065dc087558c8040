// invalidate: races between reads, writes, flushes and deaths, over real workers that share a
// cache.

#include <memory>

#include "cachelab/hunt/stale_plan.h"
#include "cli/cache/stale_hunt.h"
#include "cli/oracle/model_session.h"
#include "cli/verbs.h"
#include "live/net/socket.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

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

// What is for the workers, and so not for --model-check.
constexpr const char* kForWorkers[] = {
    "--workers",     "--writers",  "--tracking",        "--cache-slots",
    "--plant",       "--url",      "--iterations",      "--delay",
    "--keys",        "--members",  "--value-size",      "--key-prefix",
    "--types",       "--commands", "--list-commands",   "--show-last",
    "--failure-log", "--trace",    "--stop-on-failure", "--case",
    "--kill",        "--flush",
};

// --model-check and what goes with it.
struct ModelCheckVerb {
  bool on = false;
  std::string server;
  std::string profile = "auto";
  uint64_t seeds = 0;
  std::string time;

  void AddTo(CLI::App* verb) {
    CLI::Option* const check = verb->add_flag(
        "--model-check", on,
        "No workers: cases of the simulation (the harness invalidation) run over connections to "
        "the server, and each reply and push is compared with the model's");
    for (const char* name : kForWorkers) check->excludes(verb->get_option(name));
    CLI::Option* const address =
        verb->add_option("--server", server, "With --model-check: a server that is there")
            ->type_name("HOST:PORT")
            ->needs(check);
    for (const char* name : {"--host", "--port", "--unix", "--start"}) {
      address->excludes(verb->get_option(name));
    }
    verb->add_option("--profile", profile,
                     "With --model-check: what the model follows: auto, redis-7.0, …")
        ->type_name("NAME")
        ->needs(check)
        ->capture_default_str();
    verb->add_option("--seeds", seeds, "With --model-check: so many generated cases")
        ->type_name("N")
        ->check(WholeNumber(1, UINT64_MAX / 2))
        ->needs(check);
    verb->add_option("--time", time,
                     "With --model-check: 30s, 5m, 1h; what shrinking takes is not counted")
        ->type_name("TIME")
        ->needs(check);
  }

  int Run(const StaleVerbOptions& options) const {
    options.output.Check();
    const PoolVerbOptions& pool = options.pool;
    ModelCheckOptions check;
    live::TargetOptions& target = check.server.target;
    target.server = server;
    if (pool.port != 0) {
      target.server = live::Address{pool.host, static_cast<uint16_t>(pool.port)}.ToText();
    }
    target.unix_path = pool.unix_path;
    target.start = pool.start;
    target.arguments = pool.server_arguments;
    target.allow_remote = pool.allow_remote;
    target.flush = pool.overwrite;
    if (!check.server.given()) {
      throw UserError(
          "invalidate --model-check: name a server with --start redis-server, --server HOST:PORT "
          "or --unix PATH");
    }
    check.server.profile = profile;
    check.server.hang_seconds = pool.hang_seconds;
    check.seed = options.seed_given ? options.seed : 1;
    check.seeds = seeds;
    check.seconds = !time.empty() ? ParseTime("--time", time) : seeds == 0 ? 30 : 0;
    check.output = options.output;
    return CheckModel(check);
  }
};

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
      "With --model-check no workers are started: the seed corpus of the harness invalidation and\n"
      "generated cases run over connections to the server, with the model beside it. Differences "
      "are\n"
      "minimized and go to work/findings/invalidation/model-…. Without --seeds and --time: 30 "
      "seconds.\n"
      "Exit code: 0 nothing stale, 1 a failure or a vacuous run, 2 wrong use, 130 interrupted.");
  const auto options = std::make_shared<StaleVerbOptions>();
  const auto plan = std::make_shared<live::RacePlan>();
  const auto check = std::make_shared<ModelCheckVerb>();
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
  check->AddTo(verb);
  verb->callback([=] {
    if (check->on) {
      *code = check->Run(*options);
      return;
    }
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
    kind.typed = " --writers " + std::to_string(options->pool.Writers());
    *code = StaleHunt(*options, kind).Run();
  });
}

}  // namespace resprobe::cli
