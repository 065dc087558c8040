#ifndef RESPROBE_SIM_SIM_SOCKETS_H_
#define RESPROBE_SIM_SIM_SOCKETS_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/byte_stream.h"
#include "sim/socket_api.h"

namespace resprobe {

// TCP sockets as Linux shows them to their owner, in memory: net/ipv4/tcp.c, tcp_input.c and
// af_inet.c of Linux 6, as far as they can be told apart by the calls of a client.
// tests/live/tcp/kernel_sockets_test.cc asks the kernel for each result that is written down here.
class SimSockets : public SocketApi {
 public:
  // How many bytes the system takes from a client before its peer takes them.
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
  // How many bytes a write may add.
  virtual size_t Room(int socket);

 private:
  struct Socket {
    bool connected = false;  // or was: not as new
    bool told = false;       // connect() has said so
    bool done = false;       // the peer's FIN has come: reading ends behind what has arrived
    bool gone = false;       // the peer is closed: what it gets is answered by a reset
    bool down = false;       // neither way is open
    int error = 0;           // told by the next call, then forgotten
    ByteStream arrived;      // and not yet read
    ByteStream sent;         // and not yet taken by the peer
  };

  Socket& At(int socket) { return sockets_[static_cast<size_t>(socket)]; }
  static int Forget(Socket* socket);

  size_t send_buffer_ = 0;
  std::array<Socket, kSockets> sockets_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SIM_SOCKETS_H_
