#ifndef RESPROBE_LIVE_NET_RESP_CONNECTION_H_
#define RESPROBE_LIVE_NET_RESP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "live/net/channel.h"

namespace resprobe::live {

// One connection of the oracle to the live server: the bytes to send as one write, and the bytes
// received and not yet compared.
class RespConnection {
 public:
  using Got = Channel::Got;

  // A peer that accepts no bytes for `send_ms` gets no more. Once `stop` returns true, no call
  // waits any longer.
  void Use(Link link, int send_ms, std::function<bool()> stop);
  // Closes the connection.
  void Drop() { Use(Link(), 0, {}); }
  bool connected() const { return link_.valid(); }
  // -1: it has none.
  int fd() const { return link_.fd.get(); }
  // Sends all of out(). Bytes that cannot be sent because the server has closed are lost; Read()
  // will then report it.
  void Send();
  // Waits up to `ms` for bytes and appends them to in(); kNothing also once `stop` returns true.
  Got Read(int ms);
  // Closes the sending direction and waits up to `ms` for the server to close, whatever it still
  // sends. False if it does not.
  bool Close(int ms);

  std::string& out() { return out_; }
  std::string_view in() const { return std::string_view(in_).substr(taken_); }
  void Take(size_t bytes);

 private:
  void SetTimeout(int option, int ms);

  Got Receive(int ms);

  Link link_;
  std::function<bool()> stop_;
  int send_ms_ = 0;
  int waits_ms_ = 0;  // the socket's current timeout, 0: not set
  std::string out_;
  std::string buffer_;  // for recv()
  std::string in_;
  size_t taken_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP_CONNECTION_H_
