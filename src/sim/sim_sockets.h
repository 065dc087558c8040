#ifndef RESPROBE_SIM_SIM_SOCKETS_H_
#define RESPROBE_SIM_SIM_SOCKETS_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/byte_stream.h"
#include "sim/socket_api.h"

namespace resprobe {

// TCP sockets in memory, as Linux presents them to their owner: net/ipv4/tcp.c, tcp_input.c and
// af_inet.c of Linux 6, as far as a client's calls can observe them.
// tests/live/tcp/kernel_sockets_test.cc checks each result against the kernel.
class SimSockets : public SocketApi {
 public:
  // The number of bytes that the system accepts from a client before its peer takes them.
  void set_send_buffer(size_t bytes) { send_buffer_ = bytes; }

  void Reset() override;
  void Open(int socket) override;
  void Establish(int socket, bool accepts) override;
  int Connect(int socket) override;
  int64_t Read(int socket, char* to, size_t size) override;
  int64_t Write(int socket, const char* from, size_t size) override;
  bool Readable(int socket) override;
  bool Writable(int socket) override;
  int TakeError(int socket) override;
  void Close(int socket) override;
  size_t Waiting(int socket) override;
  std::string_view Take(int socket, size_t count) override;
  void Send(int socket, std::string_view bytes) override;
  void End(int socket, PeerEnd how) override;

 protected:
  // The number of bytes that a write may add.
  virtual size_t Room(int socket);

 private:
  struct Socket {
    bool connected = false;  // or was: not a new socket
    bool told = false;       // connect() has reported it
    bool done = false;       // the peer's FIN has arrived: reading ends after what has arrived
    bool gone = false;       // the peer is closed: it answers data by a reset
    bool down = false;       // both directions are closed
    int error = 0;           // the next call returns it, then it is cleared
    ByteStream arrived;      // not yet read
    ByteStream sent;         // not yet taken by the peer
  };

  Socket& At(int socket) { return sockets_[static_cast<size_t>(socket)]; }
  static int Forget(Socket* socket);

  size_t send_buffer_ = 0;
  int opened_ = 0;  // since Reset(), sockets from here on were not used
  std::array<Socket, kSockets> sockets_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SIM_SOCKETS_H_
