#ifndef RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_
#define RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "live/net/unique_fd.h"

namespace resprobe::live {

struct ServerProcessOptions {
  // redis-server, valkey-server, or what takes their command line; looked up in PATH.
  std::string program = "redis-server";
  // More of the command line, such as {"--maxmemory", "1mb"}.
  std::vector<std::string> arguments = {};
  // "NAME=VALUE", in place of what this process has under the name.
  std::vector<std::string> environment = {};
  // Also listens on a free port of 127.0.0.1. Without it there is a unix socket only.
  bool tcp = false;
  // Address space that it may take, in megabytes; 0: as much as there is. What lies beyond is
  // refused by the kernel, whatever the server then does.
  size_t most_megabytes = 0;
  // One that takes connections and says nothing for so long hangs.
  int hang_ms = 10'000;
  // Once this is true, it is not waited for any longer.
  std::function<bool()> stop = [] { return false; };
};

// A server of one's own: a process in a new folder below the temporary folder, without persistence.
// The destructor ends it and deletes the folder; the kernel ends it when the thread that started it
// dies, however that comes about. It does not hear the terminal's Ctrl-C, and leaves no core file.
class ServerProcess {
 public:
  // Returns when the server answers PING; nullptr with one line in `error` if it ends before that
  // or hangs, takes no connections for 30 seconds, or if waiting is to stop.
  static std::unique_ptr<ServerProcess> Start(const ServerProcessOptions& options,
                                              std::string* error);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& socket_path() const { return socket_path_; }
  uint16_t port() const { return port_; }  // 0 without `tcp`
  pid_t pid() const { return pid_; }
  const std::string& folder() const { return folder_; }

  // How it ended, "signal 11" or "exit code 1"; nothing if it still runs after `ms`.
  std::optional<std::string> AwaitEnd(int ms) const;
  // A signal to it; SIGKILL also goes to the children that it has forked.
  void Signal(int signal) const;
  // The most memory that it ever had resident, in kilobytes; 0 if that is not known.
  size_t PeakKilobytes() const;

 private:
  ServerProcess() = default;

  bool Launch(const ServerProcessOptions& options, std::string* error);
  // Waits until it answers.
  bool AwaitReady(const ServerProcessOptions& options, std::string* error);
  enum class Answer { kReady, kNotYet, kNever };
  Answer Ask(const ServerProcessOptions& options) const;
  std::string LastLogLine() const;

  std::string folder_;
  std::string socket_path_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
  UniqueFd pid_fd_;
  UniqueFd watch_;  // inotify: the socket and the log as they appear
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_
