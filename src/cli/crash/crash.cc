// crash: a real server on a simulated disk, crashed again and again.

#include <cstdint>
#include <memory>
#include <string>

#include "cli/crash/crash_search.h"
#include "cli/crash/planted_faults.h"
#include "cli/verbs.h"

namespace resprobe::cli {

Verb CrashVerb() {
  const auto options = std::make_shared<CrashOptions>();
  options->verb = "crash";
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
            "What may happen to it: " + NamesOf(CrashFaults()))
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
  AddCrashLimits(&verb, options.get());
  verb.run = [=] { return RunCrashSearch(*options, CrashFaults()); };
  return verb;
}

}  // namespace resprobe::cli
