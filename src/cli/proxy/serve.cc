// serve: serves the core on a TCP port.

#include <memory>

#include "cli/profile_option.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/net/server_listener.h"

namespace resprobe::cli {

Verb ServeVerb() {
  const auto options = std::make_shared<live::ServeOptions>();
  const auto clock = std::make_shared<std::string>("real");
  Verb verb("serve", "the core on a TCP port, for redis-cli and others");
  verb.details =
      "It does not persist its data. A real server can replicate from it (REPLICAOF at that "
      "server); "
      "it cannot be a replica itself, and INFO has its replication section only. Ctrl-C or SIGTERM "
      "ends it.";
  verb.examples = {{"serve --port 7000", "then: redis-cli -p 7000"}};
  verb.exit_codes = "0 ended, 2 wrong use.";
  verb.Number("--port", "PORT", &options->port, 0, 65535,
              "Port of 127.0.0.1 to listen on; 0 picks a free one")
      .Required();
  verb.Choice("--profile", ProfileNames(), &options->profile,
              "The server whose behaviour the core follows")
      .ShowDefault()
      .value = "NAME";
  verb.Choice("--clock", {"real", "virtual"}, clock.get(),
              "real: keys expire as time passes; virtual: the clock stands still")
      .ShowDefault();
  verb.run = [=] {
    options->virtual_clock = *clock == "virtual";
    return live::RunServe(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
