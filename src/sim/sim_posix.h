#ifndef RESPROBE_SIM_SIM_POSIX_H_
#define RESPROBE_SIM_SIM_POSIX_H_

// The system below a client under test, in memory: its sockets, its heap, its asserts. A client
// written in C against the system is linked so that its calls (socket, connect, poll, recv, send,
// malloc, …) end here (driver/libc_shim.cc, by the linker's --wrap), with every result that the
// kernel could give: EINTR, EAGAIN although readable, a write of one byte, ECONNRESET. Nothing
// blocks; a call that would wait asks the world to advance time.
//
// Errors are negative errno values, as Linux's system calls return them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/chaos_log.h"
#include "sim/sim_epoll.h"
#include "sim/sim_sockets.h"
#include "sim/socket_api.h"
#include "sim/toxic.h"

namespace resprobe {

// The allocated blocks with their sizes, in no observable order: open addressing, memory kept.
class BlockTable {
 public:
  void Insert(void* block, size_t bytes);
  // Does nothing if it is not in the table.
  void Erase(void* block);
  size_t size() const { return size_; }
  size_t bytes() const { return bytes_; }
  // 0 if it is not in the table.
  size_t SizeOf(const void* block) const;
  // Calls visit(block) for each, then clears the table.
  template <class Visit>
  void Drain(Visit&& visit) {
    if (size_ == 0) return;
    for (Slot& slot : slots_) {
      if (slot.block != nullptr) visit(slot.block);
      slot.block = nullptr;
    }
    size_ = bytes_ = 0;
  }

 private:
  struct Slot {
    void* block = nullptr;
    size_t bytes = 0;
  };
  size_t Home(const void* block) const {
    return (reinterpret_cast<size_t>(block) * 0x9e3779b97f4a7c15 >> 32) & mask_;
  }
  void Grow();

  std::vector<Slot> slots_ = std::vector<Slot>(256);  // a power of two, at most half full
  size_t mask_ = 255;                                 // their number less one
  size_t size_ = 0;
  size_t bytes_ = 0;
};

class SimPosix {
 public:
  static constexpr int64_t kNever = INT64_MAX;
  static constexpr size_t kSockets = SocketApi::kSockets;
  // Fake descriptors are above those that a harness opens: 1024 is as many as a process may have by
  // default. Not far above, since event loops have tables that are as long.
  static constexpr int kFirstFd = 1 << 10;
  // The largest size that a client gets at once; a larger one is refused, as a system would refuse
  // the size of a false length.
  static constexpr size_t kMostMemory = size_t{1} << 20;
  // The memory that a client may hold: a part for its connections, and a part for each byte that it
  // was given or has received (Earn()). More is reported (World::OnGreed).
  static constexpr size_t kFreeMemory = size_t{256} << 10;
  static constexpr size_t kMemoryOfByte = 64;

  struct Socket {
    enum class State : uint8_t { kFree, kNew, kConnecting, kConnected, kRefused };
    State state = State::kFree;
    bool nonblocking = false;
    int64_t connect_us = 0;  // while connecting: when the result is decided
    bool accepts = true;     // … and the result
    int64_t timeout_us = 0;  // SO_RCVTIMEO; 0: none

    std::string arrived;    // all that the peer has sent; [read, size()) is unread
    size_t read = 0;        // bytes
    bool told_end = false;  // a read has returned 0
    int told_error = 0;     // the last errno that a call returned, except EAGAIN and EINTR
    // What a client need not take for a failure: since the socket was opened, a call was
    // interrupted, or connect() has found the backlog full.
    bool interrupted = false;
    bool backlogged = false;
    bool waited_out = false;  // poll() has returned 0

    size_t readable() const { return arrived.size() - read; }
    // A new socket; keeps memory. Without a temporary, which AddressSanitizer makes dear.
    void Open() {
      state = State::kNew;
      nonblocking = told_end = interrupted = backlogged = waited_out = false;
      accepts = true;
      connect_us = timeout_us = 0;
      arrived.clear();
      read = 0;
      told_error = 0;
    }
  };

  // What the world implements. Time advances only there.
  class World {
   public:
    virtual ~World() = default;
    virtual int64_t now_us() const = 0;
    // A socket begins to connect: the world sets connect_us and accepts.
    virtual void OnConnecting(int socket) = 0;
    // The client has closed a socket.
    virtual void OnClosed(int socket) = 0;
    // A blocking call waits until the socket is readable or writable (as requested), but at most
    // until `until_us`. False: the time is over.
    virtual bool Wait(int socket, bool readable, bool writable, int64_t until_us) = 0;
    // The result of a client's call.
    virtual void OnResult(const char* call, int socket, int64_t result) = 0;
    // A write without MSG_NOSIGNAL has failed with EPIPE: SIGPIPE would end the process.
    virtual void OnSignal(int socket) = 0;
    // The client asks for `bytes`, and would then hold `held` bytes, of which `most` are allowed.
    virtual void OnGreed(size_t bytes, size_t held, size_t most) = 0;
  };

  SimPosix() = default;
  ~SimPosix();
  SimPosix(const SimPosix&) = delete;
  SimPosix& operator=(const SimPosix&) = delete;

  // Uses this wire; nullptr: memory. Closes what is open, as Reclaim() does. The caller keeps
  // ownership, and must set another wire before it destroys this one.
  void UseWire(SocketApi* wire);

  // Starts a new run; `send_buffer` is the number of bytes that the system accepts from a client
  // before the peer takes them, if the wire is memory.
  void Start(World* world, size_t send_buffer);
  // Frees what a client under test has left: its memory and its sockets.
  void Reclaim();

  // Sets the toxics of the client's calls and of its memory.
  void SetCallToxic(const Toxic& toxic);
  void ClearCallToxics();

  // --- The client's calls; `socket` is an index below kSockets.
  static bool IsFake(int fd) {
    return fd >= kFirstFd && fd < kFirstFd + static_cast<int>(kSockets);
  }
  // Descriptors of the program's event loop (sim_epoll.h), above those of the sockets.
  static constexpr int kFirstLoopFd = kFirstFd + static_cast<int>(kSockets);
  static bool IsOfLoop(int fd) {
    return fd >= kFirstLoopFd && fd < kFirstLoopFd + static_cast<int>(SimEpoll::kMost);
  }
  SimEpoll& epoll() { return epoll_; }
  const SimEpoll& epoll() const { return epoll_; }
  // epoll_wait() without waiting: the number of sockets that are ready, of which at most `most` are
  // written to `ready` (epoll_event::events and ::data), or a negative errno.
  int EpollWait(int loop, SimEpoll::Ready* ready, size_t most);
  // Until the next call, poll() and epoll_wait() say of this socket that it is readable, writable,
  // even if it is not; -1: of none.
  void Pretend(int socket, bool readable, bool writable) {
    pretended_ = {socket, readable, writable};
  }
  int OpenSocket();  // the index, or -EMFILE
  int Connect(int socket);
  // Waits for writable or readable; returns 1, 0 on time-out, or a negative errno.
  int Poll(int socket, bool readable, bool writable, int64_t timeout_ms, bool* is_readable,
           bool* is_writable);
  int64_t Read(int socket, char* to, size_t size);
  // `quiet`: with MSG_NOSIGNAL.
  int64_t Write(int socket, const char* from, size_t size, bool quiet);
  int Close(int socket);
  // SO_ERROR: returns and clears the pending error.
  int TakeError(int socket);

  Socket& SocketAt(int index) { return sockets_[static_cast<size_t>(index)]; }
  // The socket that was opened last since ForgetNewest() or the start of the run; -1: none.
  int newest() const { return newest_; }
  void ForgetNewest() { newest_ = -1; }
  bool Readable(int socket);
  bool Writable(int socket);
  size_t open_sockets() const { return open_; }

  // --- The peer's end, for the world.
  bool Connected(int socket);
  // Waiting() is the number of bytes that the client has sent and the peer has not taken; Take()
  // takes some.
  size_t Waiting(int socket) { return wire_->Waiting(socket); }
  std::string_view Take(int socket, size_t count) { return wire_->Take(socket, count); }
  void Send(int socket, std::string_view bytes);
  // The first `count` bytes of Socket::arrived, which the client has read, are not stored any more.
  void Forget(int socket, size_t count);
  void End(int socket, PeerEnd how) { wire_->End(socket, how); }

  // --- The heap, while a client runs (`inside`). Null if the allocation fails.
  void* Allocate(size_t size, bool zeroed);
  void* Reallocate(void* old, size_t size);
  // The same for the program's event loop, whose allocations never fail: libuv would abort().
  void* AllocateOfLoop(size_t size, bool zeroed);
  void* ReallocateOfLoop(void* old, size_t size);
  void Free(void* block);
  // A client in C++ that keeps its memory from run to run: it takes a block, which may fail as an
  // allocation does, and gives it back; only the count changes.
  bool TakeBlock(size_t size);
  void GiveBlock(size_t size) {
    --taken_blocks_;
    taken_bytes_ -= size;
  }
  size_t live_blocks() const { return blocks_.size() + taken_blocks_; }
  // The client was given this many bytes to send. (What it receives counts by itself.)
  void Earn(size_t bytes) { earned_ += bytes; }

  // True while the client's code runs; its heap is tracked then.
  bool inside() const { return inside_; }
  void set_inside(bool inside) { inside_ = inside; }

  int64_t now_us() const { return world_->now_us(); }
  ToxicCounts& counts() { return counts_; }
  const ToxicCounts& counts() const { return counts_; }
  ChaosLog& log() { return log_; }

  // The system of the client in this process; nullptr before the first run.
  static SimPosix* current();

 private:
  struct CallToxic {
    int64_t skip = 0;  // calls before it acts
    int64_t times = 0;
    int64_t bytes = 0;
  };
  // True if the toxic acts on this call.
  bool Acts(CallToxic* toxic, ToxicKind kind);
  // `freed`: bytes that it gives back for them.
  bool AllocationFails(size_t size, size_t freed = 0);
  int64_t Log(const char* what, int socket, int64_t result);
  // The socket, after its connection was made or refused if that is due.
  Socket& Settled(int socket);

  World* world_ = nullptr;
  SimSockets memory_;
  SocketApi* wire_ = &memory_;
  std::array<Socket, kSockets> sockets_;
  size_t open_ = 0;
  CallToxic eintr_;
  CallToxic eagain_;
  CallToxic short_write_;
  CallToxic full_backlog_;
  CallToxic alloc_failure_;
  BlockTable blocks_;
  size_t taken_blocks_ = 0;
  size_t taken_bytes_ = 0;
  size_t earned_ = 0;  // bytes, in this run
  int newest_ = -1;
  SimEpoll epoll_;
  struct {
    int socket = -1;
    bool readable = false;
    bool writable = false;
  } pretended_;
  bool inside_ = false;
  ToxicCounts counts_;
  ChaosLog log_;
};

// In this scope the client's code runs, or (in a callback) ours.
class ClientScope {
 public:
  ClientScope(SimPosix* system, bool inside) : system_(system), was_(system->inside()) {
    system_->set_inside(inside);
  }
  ~ClientScope() { system_->set_inside(was_); }
  ClientScope(const ClientScope&) = delete;
  ClientScope& operator=(const ClientScope&) = delete;

 private:
  SimPosix* system_;
  bool was_;
};

// Catches a failing assert in a client's code. Without a handler it ends the process.
struct AssertTrap {
  // Gets the expression and the function; if it returns, the assert ends the process.
  void (*handler)(const char* expression, const char* function) = nullptr;
};
AssertTrap& TheAssertTrap();

}  // namespace resprobe

#endif  // RESPROBE_SIM_SIM_POSIX_H_
