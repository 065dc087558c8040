#ifndef RESPROBE_SIM_SOCKET_API_H_
#define RESPROBE_SIM_SOCKET_API_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace resprobe {

// How a peer ends a connection.
enum class PeerEnd : uint8_t {
  kHalfClose,  // shutdown(SHUT_WR): it keeps reading
  kClose,      // close(), after it has read everything that was sent to it
  kReset,      // close() with SO_LINGER 0
};

// What connects a client's sockets and its peer, both ends of it: memory (sim_sockets.h), or the
// kernel (live/tcp/kernel_sockets.h). The owner of the peer moves the bytes and decides what
// happens; this interface only determines the results of the client's calls. So the two can be
// compared.
//
// A socket is an index below kSockets. Results are those of Linux's system calls: a count, or a
// negative errno. Nothing blocks: a call that would block returns -EAGAIN. The effect of a peer's
// call has arrived when the call returns.
class SocketApi {
 public:
  static constexpr size_t kSockets = 8;

  virtual ~SocketApi() = default;
  // Closes all sockets.
  virtual void Reset() = 0;

  // --- The client's end.
  virtual void Open(int socket) = 0;
  // The connection is made or refused now; Connect() reports it.
  virtual void Establish(int socket, bool accepts) = 0;
  // connect() for a socket whose connection is decided. A refusal is reported once; then the socket
  // is as new.
  virtual int Connect(int socket) = 0;
  virtual int64_t Read(int socket, char* to, size_t size) = 0;
  virtual int64_t Write(int socket, const char* from, size_t size) = 0;
  virtual bool Readable(int socket) = 0;
  virtual bool Writable(int socket) = 0;
  // SO_ERROR: returns and clears the pending errno; 0: none.
  virtual int TakeError(int socket) = 0;
  virtual void Close(int socket) = 0;

  // --- The peer's end.
  // The number of bytes that the client has sent and the peer has not taken; 0 once the peer is
  // gone.
  virtual size_t Waiting(int socket) = 0;
  // Takes `count` of these bytes. Valid until the next call.
  virtual std::string_view Take(int socket, size_t count) = 0;
  virtual void Send(int socket, std::string_view bytes) = 0;
  virtual void End(int socket, PeerEnd how) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SOCKET_API_H_
