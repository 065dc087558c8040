#ifndef RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_
#define RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "tests/core/commands/recorded_file.h"

namespace resprobe {

// A private server process, on a unix socket in a temporary folder, and numbered connections to it.
// The destructor stops it and cleans up.
class RealServer {
 public:
  RealServer() = default;
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  // Starts the program. False with `error` if it does not become ready.
  bool Start(const std::string& program, std::string* error);

  // Where it keeps its files.
  const std::string& folder() const { return folder_; }

  // Drops all connections and all keys, for the start of a case.
  bool Fresh(std::string* error);

  struct Received {
    std::string bytes;
    bool closed = false;
  };
  bool Send(int connection, std::string_view bytes, std::string* error);
  // Reads until `want` bytes have arrived, or the server has closed the connection, or nothing has
  // arrived for `patience_ms`.
  Received Receive(int connection, size_t want, int patience_ms);
  // Reads until nothing has arrived for `quiet_ms`.
  Received Drain(int connection, int quiet_ms);
  bool IsConnected(int connection) const { return sockets_.contains(connection); }
  void Close(int connection);

  // Returns when the server has run everything sent before, answered or not.
  bool Settle(std::string* error);

  // The id of the connection, in either protocol. 0 with `error` if the server does not report it.
  uint64_t Id(int connection, std::string* error);

  // Performs one step without waiting for a reply; only for kProtocol the reply is read and
  // dropped.
  bool Do(const RecordedStep& step, std::string* error);

 private:
  int Socket(int connection, std::string* error);
  // Returns when the server has no connections other than those open here. It notices a closed
  // connection with a delay, and until then its subscriptions and watched keys remain.
  bool AwaitClosed(std::string* error);
  std::string socket_path() const { return folder_ + "/s"; }

  std::string folder_;
  pid_t pid_ = -1;
  std::map<int, int> sockets_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_
