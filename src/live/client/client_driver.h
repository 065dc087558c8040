#ifndef RESPROBE_LIVE_CLIENT_CLIENT_DRIVER_H_
#define RESPROBE_LIVE_CLIENT_CLIENT_DRIVER_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// A client driver: a program that uses a client library as this process asks it to, line by line of
// JSON (docs/client-drivers.md). Its processes are killed with this object.
class ClientDriver {
 public:
  // Splits the command as target.h does, starts it, and reads its first line. nullptr with one line
  // in `error` if there is no such program, or if it says nothing useful within ten seconds.
  static std::unique_ptr<ClientDriver> Start(const std::string& command, std::string* error);
  ~ClientDriver();
  ClientDriver(const ClientDriver&) = delete;
  ClientDriver& operator=(const ClientDriver&) = delete;

  // Of the first line: "redis-py 4.3.4", and what the client can.
  const std::string& name() const { return name_; }
  bool Can(const std::string& what) const { return abilities_.contains(what); }

  // Sends one request, as a line.
  void Send(const nlohmann::json& request);
  // Reads what it has written by now; NextLine() then takes it line by line.
  void Read();
  bool NextLine(std::string* line);

  // Becomes readable when it has written something, or has ended.
  int fd() const { return output_.get(); }
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
  void ReadErrors();

  pid_t pid_ = -1;
  int status_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd errors_;
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
