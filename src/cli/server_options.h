#ifndef RESPROBE_CLI_SERVER_OPTIONS_H_
#define RESPROBE_CLI_SERVER_OPTIONS_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"
#include "live/server/target.h"

namespace resprobe::cli {

// What a verb does with its server, which decides the options that it takes. Every verb takes
// --start and --server-arg.
struct ServerTraits {
  // It can use a server that already runs: --server, --unix, --allow-remote.
  bool running = true;
  // It deletes keys, and asks before it does: --flush.
  bool flush = true;
  // It waits for replies: --hang.
  bool hang = true;
  // It listens for clients: --allow-remote permits those on other machines too.
  bool listens = false;
  // It can use several servers, one after the other: --start may have several values.
  bool several = false;
  // A server must be given, or one of the options `instead`.
  bool required = false;
  std::vector<std::string> instead = {};
  // The started server can run in a sandbox: --sandbox.
  bool sandbox = false;
  // The servers that are started if none is given; shown in help.
  std::vector<std::string> usual = {};
};

// The options that select a server, for all verbs.
struct ServerOptions {
  std::string start;
  std::string server;  // HOST:PORT
  std::string unix_path;
  std::vector<std::string> arguments;  // for the started server
  bool flush = false;                  // a server's keys may be deleted
  bool allow_remote = false;
  bool sandbox = false;  // the started server runs in virtual time
  int hang_seconds = 10;

  // Adds the options under their own heading. Where a running server can be used, the old spellings
  // --host and --port are accepted as well, and --overwrite where there is --flush.
  void AddTo(Verb* verb, ServerTraits traits = {});
  bool given() const {
    return !server.empty() || !unix_path.empty() || !start.empty() || port_ > 0;
  }
  // The target to open, with Ctrl-C as the event that ends waiting.
  live::TargetOptions Target() const;
  // The options as words of a command line.
  std::vector<std::string> Words() const;
  // HOST:PORT, from any of the options; "" for another kind of server.
  std::string Address() const;
  // For ServerTraits::several: the options of each server.
  std::vector<ServerOptions> Each() const;

 private:
  std::vector<std::string> more_;  // further values of --start
  // --host, --port.
  std::string host_ = "127.0.0.1";
  int port_ = 0;  // 0: not given
};

// Of a verb that runs harnesses with a server of their own, which is started for each process.
ServerTraits HarnessServerTraits();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SERVER_OPTIONS_H_
