#ifndef RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_
#define RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// The wall clock of servers that this process starts: it stands still until it is set, so that
// expiry happens when a case says so. It works by a small library that the dynamic loader puts
// before the C library (preload.c); a server that is linked statically, or was started by somebody
// else, does not see it, so whoever relies on it has to ask the server for its TIME.
class ServerClock {
 public:
  // nullptr if the system cannot do it.
  static std::unique_ptr<ServerClock> Make(int64_t now_ms);
  ~ServerClock();
  ServerClock(const ServerClock&) = delete;
  ServerClock& operator=(const ServerClock&) = delete;

  void Set(int64_t now_ms) { *now_us_ = now_ms * 1000; }
  int64_t now_ms() const { return *now_us_ / 1000; }
  // "NAME=VALUE" for the environment of a server. Good as long as this process and the object live.
  const std::vector<std::string>& environment() const { return environment_; }

 private:
  ServerClock() = default;

  UniqueFd fd_;
  volatile int64_t* now_us_ = nullptr;
  std::vector<std::string> environment_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_
