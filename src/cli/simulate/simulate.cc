// simulate: whole lives of a server, with clients that share keys.

#include <cstdint>
#include <memory>
#include <string>

#include "cli/output_options.h"
#include "cli/simulate/life_search.h"
#include "cli/verbs.h"

namespace resprobe::cli {

Verb SimulateVerb() {
  const auto options = std::make_shared<SimulateOptions>();
  Verb verb("simulate", "whole lives: is what the clients saw linearizable?");
  verb.details =
      "Each seed is a life in parts: concurrent_operations, crash_recovery, connection_storm. "
      "Clients that share keys ask for what the seed says; at the end one of them reads all keys. "
      "What they saw is judged: is there one order of the operations that explains every reply? "
      "The verdict is ok, a violation, or unknown, which never counts as ok. A violation is filed "
      "with its history, the shortest part of it that has no order, and a picture.\n"
      "Without a server the lives are those of the core in the simulated system, and each part is "
      "also a stream of a harness: command_handler, durability, invalidation; and replication for "
      "the part replicas. With --start or --server the same clients talk to a live server at the "
      "same time. docs/simulate.md says more.";
  verb.examples = {{"simulate --seeds 200 --ops 1000", "the core, in simulation"},
                   {"simulate --start valkey-server --seeds 20 --ops 1000", "a live server"},
                   {"simulate --server 127.0.0.1:6379 --clients 16 --keys 50 --ops 300 --time 5m",
                    "many clients on few keys of a running server"}};
  verb.exit_codes = "0 every life is ok, 1 a violation, or a life that is unknown, 2 wrong use.";
  options->server.AddTo(&verb);
  verb.Group("What happens");
  verb.Number("--ops", "M", &options->ops, 1, 1'000'000,
              "Operations of each life, of all clients together, and ops of each stream")
      .ShowDefault();
  verb.Number("--clients", "N", &options->clients, 1, 1024, "Clients at the same time")
      .ShowDefault();
  verb.Number("--keys", "N", &options->keys, 1, 1'000'000, "Keys that they share").ShowDefault();
  verb.Text("--parts", "NAME,…", &options->parts,
            "concurrent_operations, crash_recovery, connection_storm, replicas")
      .ShowDefault();
  verb.Choice("--plant", {kLifePlants[0], kLifePlants[1]}, &options->plant,
              "Break the simulated server on purpose, to see that it is found: it makes no fsync; "
              "it gives old replies to some reads");
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many lives").ShowDefault();
  verb.Number("--seed", "S", &options->seed, 0, UINT64_MAX, "The first of them").ShowDefault();
  verb.Time("--time", &options->seconds, "No new life after 30s, 5m, 1h");
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first finding");
  verb.Group("");
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] { return RunSimulate(*options); };
  return verb;
}

}  // namespace resprobe::cli
