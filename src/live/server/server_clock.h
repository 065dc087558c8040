#ifndef RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_
#define RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// The wall clock of servers that this process starts. It stands still until it is set, so that keys
// expire when a case says so. The dynamic loader loads a small library before the C library
// (preload.c); a server that is linked statically, or was started by other means, is not affected,
// so a caller that relies on the clock must verify the server's TIME.
class ServerClock {
 public:
  // nullptr if the system does not support it.
  static std::unique_ptr<ServerClock> Make(int64_t now_ms);
  ~ServerClock();
  ServerClock(const ServerClock&) = delete;
  ServerClock& operator=(const ServerClock&) = delete;

  void Set(int64_t now_ms) { *now_us_ = now_ms * 1000; }
  int64_t now_ms() const { return *now_us_ / 1000; }
  // "NAME=VALUE" for the environment of a server. Valid as long as this process and the object
  // exist.
  const std::vector<std::string>& environment() const { return environment_; }

 private:
  ServerClock() = default;

  UniqueFd fd_;
  volatile int64_t* now_us_ = nullptr;
  std::vector<std::string> environment_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SERVER_CLOCK_H_
