#ifndef RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_
#define RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "tests/core/commands/recorded_file.h"

namespace resprobe {

// A real server process of our own, on a unix socket in a temporary folder, and its connections by
// number. Stopped and cleaned up at the end.
class RealServer {
 public:
  RealServer() = default;
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  // Starts the program. False with `error` if it does not come up.
  bool Start(const std::string& program, std::string* error);

  // Drops all connections and all keys: the start of a case.
  bool Fresh(std::string* error);

  struct Received {
    std::string bytes;
    bool closed = false;
  };
  bool Send(int connection, std::string_view bytes, std::string* error);
  // Reads until `want` bytes have come, or the server has closed the connection, or nothing has
  // come for `patience_ms`.
  Received Receive(int connection, size_t want, int patience_ms);
  // Reads what comes until nothing has come for `quiet_ms`.
  Received Drain(int connection, int quiet_ms);
  bool IsConnected(int connection) const { return sockets_.contains(connection); }
  void Close(int connection);

  // Returns when the server has run what was sent before, answered or not.
  bool Settle(std::string* error);

  // The id of the connection, whose protocol may be either. 0 with `error` if it is not told.
  uint64_t Id(int connection, std::string* error);

  // Does one step and waits for nothing: for kProtocol the reply is read and dropped.
  bool Do(const RecordedStep& step, std::string* error);

 private:
  int Socket(int connection, std::string* error);
  // Returns when the server knows of no connections but those that are open here: it sees the end
  // of one in its own time, and until then what the connection had subscribed to or watched counts.
  bool AwaitClosed(std::string* error);
  std::string socket_path() const { return folder_ + "/s"; }

  std::string folder_;
  pid_t pid_ = -1;
  std::map<int, int> sockets_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CORE_COMMANDS_REAL_SERVER_H_
