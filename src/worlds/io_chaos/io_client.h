#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_

// The interface of a client under test for the world io_chaos: a few calls down, a few callbacks
// up. A client does its I/O through the sockets of a SimPosix, either directly or, if it is written
// against the real system, through the linker (driver/libc_shim.h).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "sim/sim_posix.h"

namespace resprobe {

// A reply as a client understood it. Valid during the callback.
class IoReply {
 public:
  virtual ~IoReply() = default;
  // True if it is this value, as far as the client distinguishes values.
  virtual bool Same(const resp::Reply& value) const = 0;
  virtual std::string Text() const = 0;
  // True if it came from the client's cache and is not a value of the stream.
  virtual bool from_cache() const { return false; }
};

enum class IoError : uint8_t { kNone, kSystem, kEnd, kProtocol, kMemory, kTimeout, kOther };
std::string_view NameOf(IoError error);

class IoClient;

// The receiver of a client's callbacks.
class IoClientOwner {
 public:
  virtual ~IoClientOwner() = default;
  virtual void OnConnect(IoClient& client, bool ok) = 0;
  // The reply to a command; nullptr: there will be none.
  virtual void OnReply(IoClient& client, uint64_t command, const IoReply* reply) = 0;
  virtual void OnPush(IoClient& client, const IoReply& push) = 0;
  virtual void OnDisconnect(IoClient& client, bool ok) = 0;
  // The client has ended its connection and frees its memory; it must not be called until it
  // connects again.
  virtual void OnGone(IoClient& client) = 0;
};

// What comes for a command.
enum class IoAnswer : uint8_t {
  kReply,     // one reply
  kMessages,  // everything that arrives for it, until the connection ends (SUBSCRIBE, MONITOR)
  kNone,      // nothing of its own (UNSUBSCRIBE; SUBSCRIBE if its confirmation is a push)
};

struct IoClientOptions {
  bool push_handler = false;
  bool functions = false;  // use the program's own functions for reading and writing, if supported
  bool unlimited = false;  // no limit to the elements that a header announces, if it has one
  int64_t connect_timeout_ms = 0;  // 0: none
  int64_t command_timeout_ms = 0;
  // A blocking client hands out pushes where it hands out replies, if there is no push handler.
  bool pushes_as_replies = false;
  // The program works around this known fault (KnownFault::kAttachOutOfMemory).
  bool spares_failed_attach = false;
};

class IoClient {
 public:
  enum class Event : uint8_t { kReadable, kWritable, kTimeout };

  virtual ~IoClient() = default;

  // Call this first: sets the system to use and the owner. Drops an existing connection without
  // callbacks: its resources were reclaimed (SimPosix::Reclaim).
  virtual void Start(SimPosix* system, IoClientOwner* owner) = 0;

  // Connects, at once or later with OnConnect(). False: the attempt has failed, without a callback.
  virtual bool Connect(const IoClientOptions& options) = 0;
  // Sends a command. What comes for it goes to OnReply under this number. False: refused, and there
  // will be no callback.
  virtual bool Command(uint64_t number, IoAnswer answer,
                       std::span<const std::string_view> args) = 0;
  // Disconnect() ends the connection after all replies have arrived; Free() at once, cancelling
  // pending commands.
  virtual void Disconnect() = 0;
  virtual void Free() = 0;

  // True between Connect() and OnGone().
  virtual bool exists() const = 0;
  // The socket that it uses; -1: none.
  virtual int descriptor() const = 0;
  // True if it waits for this event.
  virtual bool wants(Event event) const = 0;
  virtual void Fire(Event event) = 0;
  // When its timer is due; only if wants(kTimeout).
  virtual int64_t timer_us() const { return 0; }
  // True if its calls block: Fire(kReadable) fetches one reply.
  virtual bool blocking() const { return false; }
  // True if an event loop of its own calls it. Then Turn() replaces Fire(): one turn of that loop,
  // which handles what is ready, and timers that are due; it sees `readable` and `writable` even if
  // nothing has happened.
  virtual bool has_loop() const { return false; }
  virtual void Turn(bool /*readable*/, bool /*writable*/) {}
  // True if it sends something itself before the first command.
  virtual bool has_handshake() const { return false; }
  // The reason of its failure; kNone if it has not failed.
  virtual IoError error() const = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_
