#ifndef RESPROBE_CORE_SERVER_HOST_H_
#define RESPROBE_CORE_SERVER_HOST_H_

#include <cstdint>
#include <string_view>

namespace resprobe {

// What a server needs of the machine on which it runs in order to take part in replication. A
// server without a host neither follows a server nor is followed.
class ServerHost {
 public:
  virtual ~ServerHost() = default;

  // False if the server cannot open connections, and so can be followed, but cannot follow.
  virtual bool dials() const { return true; }
  // Opens a connection from this server to another one. Its bytes go through Server::Receive() and
  // Server::Output() of `connection`; Server::Close() reports that it has ended, or could not be
  // opened. Called while a command runs or time passes: the host does not call the server before
  // that returns. False if there can be no such connection.
  virtual bool Dial(uint64_t connection, std::string_view address, int port) = 0;
  // The port at which other servers reach this one.
  virtual int listening_port() const = 0;
  // Differs between all processes of a system, and between those of one server that restarts.
  virtual uint64_t process_number() const = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_HOST_H_
