#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_

// A client under test, as the world io_chaos sees it: a few calls down, a few callbacks up. A
// client does its I/O through the sockets of a SimPosix, either by itself or, if it is written
// against the real system, by the linker's help (driver/libc_shim.h).

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
  // Whether it is this value, as far as the client tells values apart.
  virtual bool Same(const resp::Reply& value) const = 0;
  virtual std::string Text() const = 0;
  // The client had it already: it is no value of the stream.
  virtual bool from_cache() const { return false; }
};

enum class IoError : uint8_t { kNone, kSystem, kEnd, kProtocol, kMemory, kTimeout, kOther };
std::string_view NameOf(IoError error);

class IoClient;

// Whom a client calls back.
class IoClientOwner {
 public:
  virtual ~IoClientOwner() = default;
  virtual void OnConnect(IoClient& client, bool ok) = 0;
  // The reply to a command; nullptr: there will be none.
  virtual void OnReply(IoClient& client, uint64_t command, const IoReply* reply) = 0;
  virtual void OnPush(IoClient& client, const IoReply& push) = 0;
  virtual void OnDisconnect(IoClient& client, bool ok) = 0;
  // The client is done with its connection and frees what it has; nothing may be asked of it until
  // it connects again.
  virtual void OnGone(IoClient& client) = 0;
};

struct IoClientOptions {
  bool push_handler = false;
  bool functions = false;  // the program's own functions for reading and writing, if it has that
  bool unlimited = false;  // no limit to the elements that a header promises, if it has one
  int64_t connect_timeout_ms = 0;  // 0: none
  int64_t command_timeout_ms = 0;
};

class IoClient {
 public:
  enum class Event : uint8_t { kReadable, kWritable, kTimeout };

  virtual ~IoClient() = default;

  // For all that follow: the system to use and whom to call back. Forgets the connection, if there
  // is one, without a word: what it had was taken from it (SimPosix::Reclaim).
  virtual void Start(SimPosix* system, IoClientOwner* owner) = 0;

  // Connects; at once, or OnConnect tells. False: there is nothing to be had from this attempt.
  virtual bool Connect(const IoClientOptions& options) = 0;
  // Sends a command. Its reply goes to OnReply under this number; of a command that `stays`
  // (SUBSCRIBE, MONITOR) all that comes for it. False: refused, and no callback will come.
  virtual bool Command(uint64_t number, bool stays, std::span<const std::string_view> args) = 0;
  // Ends the connection when all replies are there; or at once, with what is pending cancelled.
  virtual void Disconnect() = 0;
  virtual void Free() = 0;

  // True between Connect() and OnGone().
  virtual bool exists() const = 0;
  // The socket that it uses; -1: none.
  virtual int descriptor() const = 0;
  // What it waits for.
  virtual bool wants(Event event) const = 0;
  virtual void Fire(Event event) = 0;
  // When its timer is due; only if wants(kTimeout).
  virtual int64_t timer_us() const { return 0; }
  // Its calls wait by themselves: Fire(kReadable) fetches one reply.
  virtual bool blocking() const { return false; }
  // It sends something by itself before the first command.
  virtual bool has_handshake() const { return false; }
  // Why it failed; kNone if it has not.
  virtual IoError error() const = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CLIENT_H_
