#ifndef RESPROBE_LIVE_NET_CHANNEL_H_
#define RESPROBE_LIVE_NET_CHANNEL_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// A connection to a server that is not a socket of the kernel. The destructor closes it.
class Channel {
 public:
  enum class Got { kBytes, kNothing, kClosed };

  virtual ~Channel() = default;
  // Sends all bytes. A peer that accepts none for `ms` gets no more; what cannot be sent is lost.
  virtual void Send(std::string_view bytes, int ms) = 0;
  // Waits up to `ms` of the server's time for bytes, and appends them.
  virtual Got Read(int ms, std::string* append) = 0;
  // No more will be sent.
  virtual void Shut() = 0;
};

// A connection to a server: by the kernel (`fd`), or by a channel.
struct Link {
  UniqueFd fd;
  std::unique_ptr<Channel> channel;

  Link() = default;
  // NOLINTBEGIN(google-explicit-constructor): who connects returns either kind.
  Link(UniqueFd socket) : fd(std::move(socket)) {}
  Link(std::unique_ptr<Channel> made) : channel(std::move(made)) {}
  // NOLINTEND(google-explicit-constructor)
  bool valid() const { return fd.valid() || channel != nullptr; }
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_CHANNEL_H_
