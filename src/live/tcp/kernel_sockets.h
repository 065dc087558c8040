#ifndef RESPROBE_LIVE_TCP_KERNEL_SOCKETS_H_
#define RESPROBE_LIVE_TCP_KERNEL_SOCKETS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "live/net/unique_fd.h"
#include "live/tcp/tcp_peer.h"
#include "sim/socket_api.h"

namespace resprobe::live {

// Real TCP sockets below a client whose time is virtual. Every call of the client is a call to the
// kernel, and what the kernel answers is what the client gets. Behind each act of the peer stands a
// barrier: it returns when the client's kernel has it, so that a run goes by steps and not by the
// clock, and a case gives the same twice.
//
// The buffers are as small as the system makes them: how much a write takes is the kernel's to say.
class KernelSockets : public SocketApi {
 public:
  // The peer stays its owner's.
  explicit KernelSockets(TcpPeer* peer) : peer_(peer) {}

  // Forgets what it has told of the last run.
  void Begin();

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

  // Since Begin(): why the run is no good (the machine could not do it), "" if it is; and what the
  // kernel has said of its send buffer, in order: how much each write took (or a negative errno),
  // and whether each socket that was asked about was writable (1 or 0).
  const std::string& error() const { return error_; }
  const std::vector<int64_t>& writes() const { return writes_; }
  const std::vector<int64_t>& writables() const { return writables_; }

 private:
  struct Socket {
    UniqueFd fd;
    bool accepted = false;
    bool gone = false;   // the peer has closed it
    bool reset = false;  // … or reset it, or the kernel has answered a write by that
    uint64_t written = 0;
    uint64_t taken = 0;
    uint64_t sent = 0;  // by the peer
    uint64_t read = 0;
  };

  Socket& At(int socket) { return sockets_[static_cast<size_t>(socket)]; }
  void Fail(std::string_view what);
  // Waits until poll(2) has one of these to say.
  void AwaitEvent(const Socket& socket, short events);

  TcpPeer* peer_;
  std::array<Socket, kSockets> sockets_;
  std::string taken_;
  std::string error_;
  std::vector<int64_t> writes_;
  std::vector<int64_t> writables_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_KERNEL_SOCKETS_H_
