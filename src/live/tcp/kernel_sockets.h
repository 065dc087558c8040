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

// Real TCP sockets for a client whose time is virtual. Every call of the client is a system call,
// and the client gets the kernel's result. Each action of the peer ends with a barrier: it returns
// when the client's kernel has the effect, so that a run depends on steps and not on the clock, and
// a case gives the same result twice.
//
// The buffers are as small as the system allows: how much a write accepts is up to the kernel.
class KernelSockets : public SocketApi {
 public:
  // The caller keeps ownership of the peer.
  explicit KernelSockets(TcpPeer* peer) : peer_(peer) {}

  // Clears the results of the last run.
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

  // Since Begin(): why the run is invalid (a failure of the machine), or ""; and what the kernel
  // reported about its send buffer, in order: how much each write accepted (or a negative errno),
  // and whether each queried socket was writable (1 or 0).
  const std::string& error() const { return error_; }
  const std::vector<int64_t>& writes() const { return writes_; }
  const std::vector<int64_t>& writables() const { return writables_; }

 private:
  struct Socket {
    UniqueFd fd;
    bool accepted = false;
    bool gone = false;   // the peer has closed it
    bool reset = false;  // … or reset it, or the kernel has answered a write with a reset
    uint64_t written = 0;
    uint64_t taken = 0;
    uint64_t sent = 0;  // bytes from the peer
    uint64_t read = 0;
  };

  Socket& At(int socket) { return sockets_[static_cast<size_t>(socket)]; }
  void Fail(std::string_view what);
  // Waits until poll(2) reports one of these events.
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
