#ifndef RESPROBE_CLI_SERVER_OPTIONS_H_
#define RESPROBE_CLI_SERVER_OPTIONS_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"
#include "live/server/live_server.h"

namespace resprobe::cli {

// The options that select a server, the same for all verbs: --start, --server, --unix,
// --server-arg, --flush, --allow-remote, --hang.
struct ServerOptions {
  std::string start;
  std::string server;  // HOST:PORT
  std::string unix_path;
  std::vector<std::string> arguments;  // for the started server
  bool flush = false;                  // a server's keys may be deleted
  bool allow_remote = false;
  int hang_seconds = 10;

  // Adds them under their own heading. The old spellings --host, --port and --overwrite are
  // accepted as well. Without `with_flush` the verb has its own --flush, or deletes nothing.
  void AddTo(Verb* verb, bool with_flush = true);
  bool given() const {
    return !server.empty() || !unix_path.empty() || !start.empty() || port_ > 0;
  }
  // Throws UserError that names the verb unless a server is given.
  void Require(const std::string& verb) const;
  // The target to open, with Ctrl-C as the event that ends waiting.
  live::TargetOptions Target() const;
  // The options as they are typed.
  std::string Typed() const;
  // HOST:PORT, from any of the options; "" for another kind of server.
  std::string Address() const;

 private:
  // --host, --port.
  std::string host_ = "127.0.0.1";
  int port_ = 0;  // 0: not given
};

// The names of the profiles of the core, "redis-7.0" and so on.
std::vector<std::string> ProfileNames();

// Adds --profile: what `what` follows; the default is derived from the server.
Option& AddProfile(Verb* verb, std::string* profile, const std::string& what);

// Adds the server of a verb that sits between it and clients: --server HOST:PORT, which is
// required, and --allow-remote.
void AddServerBehind(Verb* verb, std::string* server, bool* allow_remote);

// Adds --start: the command that starts the server of a live harness.
Option& AddServerOfHarness(Verb* verb, std::string* start);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SERVER_OPTIONS_H_
