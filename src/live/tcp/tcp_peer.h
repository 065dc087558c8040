#ifndef RESPROBE_LIVE_TCP_TCP_PEER_H_
#define RESPROBE_LIVE_TCP_TCP_PEER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sim/socket_api.h"

namespace resprobe::live {

// The peer's ends of real TCP connections, moved by someone else: it does nothing unless told, and
// what it is told is done, as far as its own system goes, when the call returns. Connections are
// numbered as the client's sockets are (SocketApi).
//
// A call that fails returns false, and error() says why, in one line; it stays so.
class TcpPeer {
 public:
  virtual ~TcpPeer() = default;

  virtual uint16_t port() const = 0;           // where it accepts, on 127.0.0.1
  virtual uint16_t refusing_port() const = 0;  // where nobody listens
  // The connection that a client has begun.
  virtual bool Accept(int socket) = 0;
  // Exactly `count` bytes, which the client has sent, onto the end of `bytes`.
  virtual bool Take(int socket, size_t count, std::string* bytes) = 0;
  virtual bool Send(int socket, std::string_view bytes) = 0;
  // Ends it, for kClose and kHalfClose as an end of the stream: `waiting` bytes that the client has
  // sent are read before a close, so that it is no reset.
  virtual bool End(int socket, PeerEnd how, size_t waiting) = 0;
  // The client has closed it.
  virtual bool Forget(int socket) = 0;

  virtual const std::string& error() const = 0;
};

// In this process. Its sockets have the smallest receive buffer there is. nullptr, and one line in
// `error`, if the system has no port for it.
std::unique_ptr<TcpPeer> MakePeerHands(std::string* error);
// In a process of its own, which ends with this object or this process.
std::unique_ptr<TcpPeer> ForkPeerHands(std::string* error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_TCP_PEER_H_
