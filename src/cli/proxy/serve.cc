// serve: serves the core on a TCP port.

#include <memory>
#include <string>
#include <vector>

#include "cli/profile_option.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "core/persistence/settings.h"
#include "live/net/server_listener.h"

namespace resprobe::cli {
namespace {

std::string CheckSavePoints(const std::string& text) {
  std::vector<SavePoint> points;
  return ParseSavePoints(text, &points)
             ? ""
             : "'" + text +
                   "' is no list of save points: use SECONDS CHANGES, as in '900 1 60 1000'";
}

}  // namespace

Verb ServeVerb() {
  const auto options = std::make_shared<live::ServeOptions>();
  const auto clock = std::make_shared<std::string>("real");
  const auto appendonly = std::make_shared<std::string>("no");
  const auto appendfsync = std::make_shared<std::string>("everysec");
  const auto save = std::make_shared<std::string>("3600 1 300 100 60 10000");
  Verb verb("serve", "the core on a TCP port, for redis-cli and others");
  verb.details =
      "With --dir it keeps its data in the files of a real server: dump.rdb, and with --appendonly "
      "yes the append-only file in appendonlydir. A redis-server or valkey-server of its profile "
      "can load them, and the other way round; only one of them may use a directory at a time. "
      "Without --dir nothing is kept.\n"
      "A real server can replicate from it (REPLICAOF at that server); it cannot be a replica "
      "itself, and INFO has its sections persistence and replication only. Ctrl-C, SIGTERM or "
      "SHUTDOWN ends it.";
  verb.examples = {
      {"serve --port 7000", "then: redis-cli -p 7000"},
      {"serve --port 7000 --dir data --appendonly yes --appendfsync always",
       "every change is on the disk before it is answered"},
  };
  verb.exit_codes = "0 ended, 2 wrong use, or files that cannot be loaded or written.";
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
  verb.Group("Files");
  verb.Text("--dir", "DIR", &options->directory,
            "Load the data from this directory, and keep it there")
      .NotBlank("names no directory: give one that exists")
      .Complete(Completion::kFolder);
  verb.Choice("--appendonly", {"yes", "no"}, appendonly.get(), "Log every change")
      .ShowDefault()
      .Needs("--dir");
  verb.Choice("--appendfsync", {"always", "everysec", "no"}, appendfsync.get(),
              "When the log is synced: before each reply, once a second, never")
      .ShowDefault()
      .Needs("--dir");
  verb.Text("--save", "POINTS", save.get(),
            "When a snapshot is taken: pairs of seconds and changes; '' for never")
      .ShowDefault()
      .Check(CheckSavePoints)
      .Needs("--dir");
  verb.Group("");
  verb.run = [=] {
    PersistenceSettings& settings = options->persistence;
    settings.appendonly = *appendonly == "yes";
    ParseAppendFsync(*appendfsync, &settings.appendfsync);
    ParseSavePoints(*save, &settings.save);
    options->virtual_clock = *clock == "virtual";
    return live::RunServe(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
