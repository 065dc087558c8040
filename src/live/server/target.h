#ifndef RESPROBE_LIVE_SERVER_TARGET_H_
#define RESPROBE_LIVE_SERVER_TARGET_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "live/net/unique_fd.h"
#include "live/server/server_process.h"

namespace resprobe::live {

// Which server: one that runs, or a private one that is started.
struct TargetOptions {
  // Set exactly one of these three.
  std::string server = {};     // HOST:PORT
  std::string unix_path = {};  // path of a socket
  // redis-server, valkey-server, or a program with their command line; options may follow it
  // (WordsOfCommand()). Or any command that contains {port} or {socket}
  // (ServerProcessOptions::arguments).
  std::string start = {};
  // Additional arguments for the started program.
  std::vector<std::string> arguments = {};
  // "NAME=VALUE" for the environment of the started program.
  std::vector<std::string> environment = {};
  // The started server is connected to by TCP, not by its unix socket, where it has both: it then
  // knows its clients by their ports (MONITOR, CLIENT LIST).
  bool tcp = false;
  // The started server runs in a sandbox (SandboxedServer).
  bool sandbox = false;
  bool allow_remote = false;
  bool flush = false;         // permission to delete the keys of a server that has some
  size_t most_megabytes = 0;  // of address space for the started server; 0: no limit
  // A server that accepts connections but does not answer the probe for this long hangs.
  int hang_ms = 10'000;
  // Any server that answers requests in RESP will do. Otherwise it must answer HELLO or INFO, and
  // COMMAND.
  bool any = false;
  // Once this returns true, no call waits for the server any longer.
  std::function<bool()> stop = [] { return false; };
};

// Splits the command of `start` into a program and its options. As in a shell, blanks separate
// words, and '…', "…" and a backslash quote; nothing is expanded. A command that is the path of an
// existing file is one word, even with blanks. nullopt with one line in `error` if a quote is not
// closed.
std::optional<std::vector<std::string>> WordsOfCommand(const std::string& command,
                                                       std::string* error);

// True if `start` has {port} or {socket}, so that the program gets none of redis-server's options.
bool SaysWhereItListens(const std::string& start);

// The process of `start`: its program, arguments, environment and limits. nullopt with one line in
// `error` if the command is malformed.
std::optional<ServerProcessOptions> ProcessOf(const TargetOptions& options, std::string* error);

// Connects to a server that runs. An invalid descriptor with one line in `error` if that fails.
UniqueFd ConnectTo(const TargetOptions& options, std::string* error);

// The error of a server that cannot be started or connected to, for the user: names the option, and
// says how to fix it.
std::string WhyNoServer(const TargetOptions& options, const std::string& error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_TARGET_H_
