// serve: serves the core on a TCP port.

#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/profile_option.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "core/persistence/settings.h"
#include "live/files/posix_files.h"
#include "live/net/interrupt_fd.h"
#include "live/net/server_listener.h"
#include "live/net/socket.h"

namespace resprobe::cli {
namespace {

struct ServeOptions {
  int port = 0;  // on 127.0.0.1; 0 selects a free one
  std::string profile = "redis-7.0";
  bool virtual_clock = false;
  std::string directory;  // where the data is kept; empty: nowhere
  PersistenceSettings persistence = {};
};

// The server's log about its files, on stderr. While the server loads them, the lines are kept: if
// it refuses to start, only the reason is printed.
class ServeLog : public PersistenceLog {
 public:
  void Line(std::string_view text) override {
    last_.assign(text);
    if (loading_) {
      early_.emplace_back(text);
    } else {
      Print(text);
    }
  }
  void Loaded() {
    loading_ = false;
    for (const std::string& line : early_) Print(line);
    early_.clear();
  }
  const std::string& last() const { return last_; }

 private:
  static void Print(std::string_view text) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }

  bool loading_ = true;
  std::vector<std::string> early_;
  std::string last_;
};

int Fail(const std::string& error) {
  std::fprintf(stderr, "resprobe: %s\n", error.c_str());
  return 2;
}

std::string CheckSavePoints(const std::string& text) {
  std::vector<SavePoint> points;
  return ParseSavePoints(text, &points)
             ? ""
             : "'" + text +
                   "' is no list of save points: use SECONDS CHANGES, as in '900 1 60 1000'";
}

int RunServe(const ServeOptions& options) {
  std::string error;
  const std::optional<Profile> profile = live::ParseProfile(options.profile, &error);
  if (!profile) return Fail("--profile: " + error);

  live::PosixFiles files;
  if (!options.directory.empty()) {
    if (options.virtual_clock) return Fail("--dir: files need a clock that moves: --clock real");
    if (const int code = files.Start(options.directory); code < 0) {
      return Fail("--dir: cannot open the directory '" + options.directory +
                  "': " + std::strerror(-code) + ": create it, or name another one");
    }
  }

  live::InterruptFd interrupted;
  if (!interrupted.valid()) return Fail("the system refuses a signal descriptor");

  live::UniqueFd listening = live::Listen(static_cast<uint16_t>(options.port), false, &error);
  if (!listening.valid()) {
    return Fail("--port: " + error + ": choose another port, or 0 for a free one");
  }
  const int port = live::LocalPort(listening.get());
  ServeLog log;
  live::ServerListener listener(
      std::move(listening), ServerConfig{.profile = *profile, .persistence = options.persistence},
      options.virtual_clock ? live::ServerListener::Time::kVirtual
                            : live::ServerListener::Time::kReal);
  if (!options.directory.empty() && !listener.UseFiles(&files, &log)) {
    return Fail("--dir: the files in '" + options.directory + "' cannot be used: " + log.last() +
                ": repair them, or name another directory");
  }
  log.Loaded();
  std::printf("%s on 127.0.0.1:%d; Ctrl-C ends it\n", options.profile.c_str(), port);
  std::fflush(stdout);
  if (!listener.Run(interrupted.get(), &error)) return Fail(error);
  if (listener.failed()) return Fail("the server cannot write its files: " + log.last());
  const bool signalled = !listener.exited();
  if (signalled && !options.directory.empty() && !listener.ShutDown()) {
    return Fail("the data could not be saved: " + log.last());
  }
  std::printf("%llu connections, %llu commands\n",
              static_cast<unsigned long long>(listener.connections()),
              static_cast<unsigned long long>(listener.commands()));
  std::fflush(stdout);
  if (signalled && !interrupted.Finish()) return Fail("cannot read the signal");
  return 0;
}

}  // namespace

Verb ServeVerb() {
  const auto options = std::make_shared<ServeOptions>();
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
    return RunServe(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
