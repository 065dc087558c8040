#ifndef RESPROBE_LIVE_TCP_TCP_PEER_H_
#define RESPROBE_LIVE_TCP_TCP_PEER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sim/socket_api.h"

namespace resprobe::live {

// The peer's ends of real TCP connections, controlled by the caller: it acts only when called, and
// the action is complete, as far as its own system is concerned, when the call returns. Connections
// have the numbers of the client's sockets (SocketApi).
//
// A call that fails returns false, and error() gives the reason in one line; later calls fail as
// well.
class TcpPeer {
 public:
  virtual ~TcpPeer() = default;

  virtual uint16_t port() const = 0;           // the port on 127.0.0.1 where it accepts
  virtual uint16_t refusing_port() const = 0;  // a port without a listener
  // Accepts the connection that a client has begun.
  virtual bool Accept(int socket) = 0;
  // Reads exactly `count` bytes, which the client has already sent, and appends them to `bytes`.
  virtual bool Take(int socket, size_t count, std::string* bytes) = 0;
  virtual bool Send(int socket, std::string_view bytes) = 0;
  // Ends the connection, for kClose and kHalfClose with an end of stream: before a close it reads
  // the `waiting` bytes that the client has sent, so that the close is no reset.
  virtual bool End(int socket, PeerEnd how, size_t waiting) = 0;
  // Drops a connection that the client has closed.
  virtual bool Forget(int socket) = 0;

  virtual const std::string& error() const = 0;
};

// A peer in this process, with the smallest receive buffers possible. nullptr, and one line in
// `error`, if no port is available.
std::unique_ptr<TcpPeer> MakePeerHands(std::string* error);
// A peer in a process of its own, which ends with this object or this process.
std::unique_ptr<TcpPeer> ForkPeerHands(std::string* error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_TCP_PEER_H_
