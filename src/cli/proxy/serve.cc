// serve: the core on a TCP port.

#include <memory>

#include "cli/verbs.h"
#include "live/net/server_listener.h"
#include "runner/whole_number.h"

namespace resprobe::cli {

void AddServe(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand(
      "serve", "Serve the core on a port of 127.0.0.1, for redis-cli, redis-benchmark and others");
  verb->footer(
      "It keeps nothing: what is in it ends with it. Ctrl-C or SIGTERM ends it.\n"
      "Exit code: 0 ended, 2 wrong use.");
  const auto options = std::make_shared<live::ServeOptions>();
  const auto clock = std::make_shared<std::string>("real");
  verb->add_option("--port", options->port, "Port to listen on; 0 picks a free one")
      ->required()
      ->check(WholeNumber(0, 65535));
  verb->add_option("--profile", options->profile, "The server whose behaviour the core follows")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--clock", *clock,
                   "'real': keys expire as time passes; 'virtual': the clock stands still")
      ->type_name("real|virtual")
      ->check(CLI::IsMember({"real", "virtual"}))
      ->capture_default_str();
  verb->callback([=] {
    options->virtual_clock = *clock == "virtual";
    *code = live::RunServe(*options);
  });
}

}  // namespace resprobe::cli
