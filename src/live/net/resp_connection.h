#ifndef RESPROBE_LIVE_NET_RESP_CONNECTION_H_
#define RESPROBE_LIVE_NET_RESP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// One connection of the oracle to the live server: what is to be sent as one write, and what has
// come and was not yet compared.
class RespConnection {
 public:
  enum class Got { kBytes, kNothing, kClosed };

  // A peer that takes nothing for `send_ms` gets no more. Once `stop` is true, nothing is waited
  // for any longer.
  void Use(UniqueFd fd, int send_ms, std::function<bool()> stop);
  // No connection any more.
  void Drop() { Use(UniqueFd(), 0, {}); }
  bool connected() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  // Writes all of out(). What does not go out because the server has closed is lost; reading tells.
  void Send();
  // Waits up to `ms` for bytes and adds them to in(); kNothing also if waiting was stopped.
  Got Read(int ms);
  // Hangs up and waits, up to `ms`, until the server has seen it. False if it does not.
  bool Close(int ms);

  std::string& out() { return out_; }
  std::string_view in() const { return std::string_view(in_).substr(taken_); }
  void Take(size_t bytes);

 private:
  void SetTimeout(int option, int ms);

  UniqueFd fd_;
  std::function<bool()> stop_;
  int send_ms_ = 0;
  int waits_ms_ = 0;  // the socket's own limit, 0: none was set
  std::string out_;
  std::string buffer_;  // for recv()
  std::string in_;
  size_t taken_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP_CONNECTION_H_
