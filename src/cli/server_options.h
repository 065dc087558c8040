#ifndef RESPROBE_CLI_SERVER_OPTIONS_H_
#define RESPROBE_CLI_SERVER_OPTIONS_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"
#include "live/server/live_server.h"

namespace resprobe::cli {

// Which server a verb works with, in all verbs alike: --start, --server, --unix, --server-arg,
// --flush, --allow-remote, --hang.
struct ServerOptions {
  std::string start;
  std::string server;  // HOST:PORT
  std::string unix_path;
  std::vector<std::string> arguments;  // of what is started
  bool flush = false;                  // a server that holds keys may lose them
  bool allow_remote = false;
  int hang_seconds = 10;

  // Adds them under a heading of their own. The old spellings --host, --port and --overwrite are
  // accepted as well. Without `with_flush` the verb has a --flush of its own, or deletes nothing.
  void AddTo(Verb* verb, bool with_flush = true);
  bool given() const {
    return !server.empty() || !unix_path.empty() || !start.empty() || port_ > 0;
  }
  // Throws UserError that names the verb unless one is given.
  void Require(const std::string& verb) const;
  // What to open, with Ctrl-C as what ends waiting.
  live::TargetOptions Target() const;
  // As one would type them again.
  std::string Typed() const;

 private:
  std::string Address() const;

  // --host, --port.
  std::string host_ = "127.0.0.1";
  int port_ = 0;  // 0: not given
};

// The names of the profiles of the core, "redis-7.0" and so on.
std::vector<std::string> ProfileNames();

// Adds --profile: what `what` follows; by default what the server is.
Option& AddProfile(Verb* verb, std::string* profile, const std::string& what);

// The server of a verb that stands between it and clients: --server HOST:PORT, which is required,
// and --allow-remote.
void AddServerBehind(Verb* verb, std::string* server, bool* allow_remote);

// What starts the server of a harness that has a live one: --start.
Option& AddServerOfHarness(Verb* verb, std::string* start);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SERVER_OPTIONS_H_
