#ifndef RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_
#define RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/net/unique_fd.h"
#include "live/server/output_keeper.h"
#include "live/server/started_server.h"

namespace resprobe::live {

struct ServerProcessOptions {
  // redis-server, valkey-server, or a program with their command line; looked up in PATH.
  std::string program = "redis-server";
  // Additional arguments, such as {"--maxmemory", "1mb"}. If one of them contains {port} or
  // {socket}, these are replaced by a free port of 127.0.0.1 and by the path of the unix socket,
  // and the server gets nothing else: it need not know the options of redis.
  std::vector<std::string> arguments = {};
  // "NAME=VALUE"; replaces this process's variable with that name.
  std::vector<std::string> environment = {};
  // Also listen on a free port of 127.0.0.1. Otherwise there is only a unix socket.
  bool tcp = false;
  // Connect() uses that port.
  bool by_tcp = false;
  // Limit on its address space, in megabytes; 0: none. The kernel refuses allocations above it.
  size_t most_megabytes = 0;
  // A server whose files take more of the disk, in its folder, is killed.
  size_t most_disk_megabytes = 1024;
  // A server that accepts connections but does not answer for this long hangs.
  int hang_ms = 10'000;
  // Once this returns true, no call waits for the server any longer.
  std::function<bool()> stop = [] { return false; };

  // True if an argument contains this.
  bool Mentions(std::string_view what) const;
  // True if the arguments say where the port or the socket belongs.
  bool own_words() const;
};

// A private server process in a new folder below the temporary folder, without persistence. The
// destructor ends it and deletes the folder; the kernel kills it when the thread that started it
// dies, for whatever reason. The process does not receive the terminal's Ctrl-C, and leaves no core
// file.
class ServerProcess : public StartedServer {
 public:
  // Returns when the server answers PING. Returns nullptr with one line in `error` if the server
  // ends before that, hangs, or accepts no connections for 30 seconds, or if `stop` ends the wait.
  static std::unique_ptr<ServerProcess> Start(const ServerProcessOptions& options,
                                              std::string* error);
  ~ServerProcess() override;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& socket_path() const { return socket_path_; }  // empty: none
  // Connects to it: by the unix socket, or by TCP if it was not given that or `by_tcp` is set.
  UniqueFd Connect(std::string* error) const;
  Link Dial(std::string* error) override { return Connect(error); }
  std::string CliArguments() const override;
  uint16_t port() const { return port_; }  // 0: none
  int pid() const override { return pid_; }
  const std::string& folder() const override { return folder_; }
  void CatchUpOutput() override { output_->CatchUp(); }

  std::optional<std::string> AwaitEnd(int ms) override;
  void Signal(int signal) override;
  size_t PeakKilobytes() const override;

 private:
  ServerProcess() = default;

  bool Launch(const ServerProcessOptions& options, std::string* error);
  // Waits until the server answers.
  bool AwaitReady(const ServerProcessOptions& options, std::string* error);
  enum class Answer { kReady, kNotYet, kNever };
  Answer Ask(const ServerProcessOptions& options) const;
  // False if it is known that another program listens on the port.
  bool OwnsPort() const;
  std::string LastLogLine() const;
  // Kills the server if its files take more than this.
  void LimitDisk(size_t megabytes);

  std::string folder_;
  std::string socket_path_;
  uint16_t port_ = 0;
  UniqueFd reserved_;
  bool by_tcp_ = false;
  pid_t pid_ = -1;
  UniqueFd pid_fd_;
  std::unique_ptr<OutputKeeper> output_;
  std::atomic<size_t> killed_above_ = 0;  // megabytes of its files; 0: it was not
  UniqueFd watch_;                        // inotify: the socket and the log as they appear
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SERVER_PROCESS_H_
