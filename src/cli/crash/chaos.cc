// chaos: faults by name, in simulation or on a real server.

#include <cstdint>
#include <memory>
#include <string>

#include "cli/crash/crash_search.h"
#include "cli/crash/planted_faults.h"
#include "cli/verbs.h"

namespace resprobe::cli {

Verb ChaosVerb() {
  const auto options = std::make_shared<CrashOptions>();
  options->verb = "chaos";
  Verb verb("chaos", "inject faults by name, and see what comes of them");
  verb.details =
      "Generated clients write to a server, save, rewrite its log; the faults that are named "
      "happen "
      "to it. Without --start the server is the core, in simulation; with it a real one, "
      "unmodified, "
      "in a sandbox. Either has its files on a simulated disk, and what it recovers is compared "
      "key "
      "by key with what its policy promises. A table says how often each fault has fired, and what "
      "was recovered later on the same disk. A fault that was asked for and never fired fails the "
      "run. docs/durability.md says what each fault does.";
  verb.examples = {
      {"chaos --faults disk_full,crash_mid_write --seeds 50", "the core"},
      {"chaos --faults disk_full,crash_mid_write --start valkey-server", "a real server"},
      {"chaos --start redis-server --time 5m", "all faults"}};
  verb.exit_codes = "0 all is as promised, 1 not so, or a fault never fired, 2 wrong use.";
  options->server.AddTo(&verb, {.running = false, .flush = false, .hang = false});
  verb.Group("What happens");
  verb.Text("--faults", "NAME,…", &options->faults, NamesOf(ChaosFaults())).ShowDefault();
  verb.Text("--policy", "NAME,…", &options->policy,
            "Policies of the server, by turns: always, everysec, no, rdb")
      .ShowDefault();
  verb.Choice("--level", {"prefix", "reordered", "weak"}, &options->level,
              "What a power failure may leave")
      .ShowDefault();
  verb.Choice("--plant", {kPlantNoFsync, kPlantCutRequest}, &options->plant,
              "Break the server on purpose, to see that it is found: it makes no fsync; a cut "
              "request runs");
  verb.Number("--ops", "N", &options->ops, 1, 100'000,
              "The ops of a case, before faults are added; default: as they come, up to 128");
  AddCrashLimits(&verb, options.get());
  verb.run = [=] { return RunCrashSearch(*options, ChaosFaults()); };
  return verb;
}

}  // namespace resprobe::cli
