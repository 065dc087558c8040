#ifndef RESPROBE_LIVE_CLIENT_CLIENT_DRIVER_H_
#define RESPROBE_LIVE_CLIENT_CLIENT_DRIVER_H_

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// A client driver: a program that uses a client library as this process asks it to, line by line of
// JSON (docs/client-drivers.md). Its processes end with this object, and with this process, even if
// that is killed.
class ClientDriver {
 public:
  // Splits the command as target.h does, starts it, and reads its first line. nullptr with one line
  // in `error` if there is no such program, if it says nothing useful within a minute, or once
  // `stop` returns true.
  static std::unique_ptr<ClientDriver> Start(const std::string& command,
                                             const std::function<bool()>& stop, std::string* error);
  ~ClientDriver();
  ClientDriver(const ClientDriver&) = delete;
  ClientDriver& operator=(const ClientDriver&) = delete;

  // Of the first line: "redis-py 4.3.4", and what the client can.
  const std::string& name() const { return name_; }
  bool Can(const std::string& what) const { return abilities_.contains(what); }

  // Sends one request, as a line; Exchange() goes on with it if the driver does not read.
  void Send(const nlohmann::json& request);
  // Reads some of what it has written, and writes what it accepts; NextLine() then takes the output
  // line by line.
  void Exchange();
  bool NextLine(std::string* line);
  // True if it writes a line that does not end.
  bool rambles() const;

  // Adds what has to be watched for the next Exchange().
  void AddTo(std::vector<pollfd>* fds) const;
  // It has closed its output.
  bool ended() const { return ended_; }
  // How: "exit code 1: last line of its standard error". Waits for it for a moment.
  std::string HowEnded();
  // True if no thread of its processes has run since the last call, and none is about to: all of
  // them wait for something.
  bool Asleep();

 private:
  ClientDriver() = default;
  bool Launch(const std::string& command, std::string* error);
  bool StartGuard(std::string* error);
  void ReadErrors();
  void Write();

  pid_t pid_ = -1;
  pid_t guard_ = -1;  // kills the driver's process group when guard_line_ closes
  UniqueFd guard_line_;
  int status_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd errors_;
  std::string unsent_;
  std::string pending_;  // the beginning of a line
  std::deque<std::string> lines_;
  std::string error_text_;  // the last of its standard error
  bool ended_ = false;
  std::string name_;
  std::set<std::string> abilities_;
  std::map<pid_t, uint64_t> switches_;  // of each thread, at the last Asleep()
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_CLIENT_CLIENT_DRIVER_H_
