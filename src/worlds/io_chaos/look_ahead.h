#ifndef RESPROBE_WORLDS_IO_CHAOS_LOOK_AHEAD_H_
#define RESPROBE_WORLDS_IO_CHAOS_LOOK_AHEAD_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "worlds/io_chaos/arrived_values.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/known_fault_guard.h"

namespace resprobe {

// Reads what has arrived for a client before the client does, where a dishonest peer could lead
// hiredis to one of its known faults: hiredis accesses the elements of a supposed message without
// checking how many there are. If the bytes hold such a message, the run is abandoned.
class LookAhead {
 public:
  LookAhead(IoRun* run, KnownFaultGuard* guard) : run_(run), guard_(guard) {}

  // Nothing is known of the bytes on this socket: it has a new connection, or the client has
  // subscribed and will read differently what it has not read yet.
  void Restart(int socket) {
    At(socket).Restart();
    forgotten_ &= ~(uint32_t{1} << socket);
  }
  // Bytes from a dishonest peer have arrived; `stays`: the client has subscribed or monitors.
  void Look(int socket, bool stays);
  // What a client has a right to.
  struct Owed {
    uint64_t replies = 0;
    uint64_t confirmations = 0;  // of subscriptions
    bool messages = false;       // it has subscribed
    bool arrays = false;         // … in RESP2, where they are arrays
  };
  // True if the client has read more than it is owed, or what is no value, so that none can say.
  bool Unsolicited(int socket, const Owed& owed);
  // The bytes that arrays of pointers take for the elements of all aggregates whose headers have
  // arrived, on any socket, without those that take over `most` bytes alone; at most `most`.
  size_t Announced(size_t most) const;
  // The first bytes, which are whole values that the client has read, are not stored any more.
  void Forget(int socket, size_t bytes) {
    At(socket).Forget(bytes);
    forgotten_ |= uint32_t{1} << socket;
  }

 private:
  ArrivedValues& At(int socket) { return values_[static_cast<size_t>(socket)]; }
  void Parse(ArrivedValues& values, const SimPosix::Socket& socket, bool stays);

  IoRun* const run_;
  KnownFaultGuard* const guard_;
  std::array<ArrivedValues, SimPosix::kSockets> values_;
  ArrivedValues again_;     // reads from the beginning
  uint32_t forgotten_ = 0;  // bit s: not all that has arrived on socket s is stored
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_LOOK_AHEAD_H_
