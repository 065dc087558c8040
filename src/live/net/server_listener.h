#ifndef RESPROBE_LIVE_NET_SERVER_LISTENER_H_
#define RESPROBE_LIVE_NET_SERVER_LISTENER_H_

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"
#include "core/persistence/persistence_log.h"
#include "core/server/server.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// The profile with that name ("redis-7.0"). If there is none, `error` is a line that lists all
// names.
std::optional<Profile> ParseProfile(std::string_view name, std::string* error);

// The core behind a listening socket, in one thread: a server for redis-cli, redis-benchmark and
// other projects' test suites. While more than 1 MB of output waits for a client that does not
// read, its input is not read either; at 1 GB (messages to a subscriber) it is disconnected.
class ServerListener {
 public:
  enum class Time {
    kReal,     // the core's clock follows the system's; keys expire as time passes
    kVirtual,  // the clock stays at the core's start time, for runs that must not depend on real
               // time
  };

  ServerListener(UniqueFd listening, ServerConfig config, Time time);
  virtual ~ServerListener() = default;

  // Keeps the data in these files (not owned, nor is `log`, which gets the server's log), and loads
  // what they hold. Needs Time::kReal. False if the server refuses to start; `log` has said why.
  // Call it before Run().
  bool UseFiles(FileSystem* files, PersistenceLog* log);

  // Serves until `stop_fd` is readable, or the server has exited (exited()). False with one line in
  // `error` after a system error.
  bool Run(int stop_fd, std::string* error);

  // True after SHUTDOWN, or if the server could not go on (failed(); its log has said why).
  bool exited() const { return server_.exited(); }
  bool failed() const { return server_.failed(); }
  // As a server does at SIGTERM: the log is synced, and a snapshot is taken if there are save
  // points. False if that fails; the log has said why.
  bool ShutDown() { return server_.persistence().PrepareShutdown({}); }

  uint64_t connections() const { return accepted_; }
  uint64_t commands() const { return server_.commands_run(); }

 protected:
  // Handles bytes from a client; a subclass with an injected fault changes the bytes or their
  // effect.
  virtual void Receive(Server& server, uint64_t id, std::string_view bytes) {
    server.Receive(id, bytes);
  }

 private:
  struct Connection {
    UniqueFd fd;
    uint64_t id;
    bool gone = false;
  };

  // Replicas may follow the server; it follows none.
  class Host : public ServerHost {
   public:
    Host(int port, uint64_t process) : port_(port), process_(process) {}
    bool dials() const override { return false; }
    bool Dial(uint64_t, std::string_view, int) override { return false; }
    int listening_port() const override { return port_; }
    uint64_t process_number() const override { return process_; }

   private:
    int port_;
    uint64_t process_;
  };

  void Accept();
  void Read(Connection& connection);
  void Write(Connection& connection);
  void Tick();
  // What child processes and threads of a server do.
  void Work();
  int PollMs() const;

  UniqueFd listening_;
  Time time_;
  Host host_;
  Server server_;
  std::list<Connection> connections_;
  std::vector<pollfd> polled_;
  std::string buffer_;
  uint64_t accepted_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_SERVER_LISTENER_H_
