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

#include "core/server/server.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// The profile of that name ("redis-7.0"). Without one, `error` is a line that names all there are.
std::optional<Profile> ParseProfile(std::string_view name, std::string* error);

// The core behind a listening socket, in one thread: what redis-cli, redis-benchmark and test
// suites of others can talk to. A client that does not read is not read from either while more
// than 1 MB waits for it, and is closed at 1 GB (messages to a subscriber).
class ServerListener {
 public:
  enum class Time {
    kReal,     // the core's clock is that of the system; keys expire as it passes
    kVirtual,  // it stands at the core's own start, for runs that must not depend on it
  };

  ServerListener(UniqueFd listening, ServerConfig config, Time time);
  virtual ~ServerListener() = default;

  // Serves until `stop_fd` can be read. False with one line in `error` if the system fails it.
  bool Run(int stop_fd, std::string* error);

  uint64_t connections() const { return accepted_; }
  uint64_t commands() const { return server_.commands_run(); }

 protected:
  // Bytes from a client; a server that is to have a fault changes them or what they lead to.
  virtual void Receive(Server& server, uint64_t id, std::string_view bytes) {
    server.Receive(id, bytes);
  }

 private:
  struct Connection {
    UniqueFd fd;
    uint64_t id;
    bool gone = false;
  };

  void Accept();
  void Read(Connection& connection);
  void Write(Connection& connection);
  void Tick();

  UniqueFd listening_;
  Time time_;
  Server server_;
  std::list<Connection> connections_;
  std::vector<pollfd> polled_;
  std::string buffer_;
  uint64_t accepted_ = 0;
};

struct ServeOptions {
  int port = 0;  // on 127.0.0.1; 0 picks a free one
  std::string profile = "redis-7.0";
  bool virtual_clock = false;
};

// The verb `serve`: a ServerListener until SIGINT or SIGTERM. Says on stdout where it listens, and
// at the end what it has served; mistakes are one line on stderr. Returns the exit code: 0 when it
// was ended, 2 if the port or the profile is not to be had.
int RunServe(const ServeOptions& options);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_SERVER_LISTENER_H_
