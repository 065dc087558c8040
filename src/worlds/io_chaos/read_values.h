#ifndef RESPROBE_WORLDS_IO_CHAOS_READ_VALUES_H_
#define RESPROBE_WORLDS_IO_CHAOS_READ_VALUES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/resp/reply.h"
#include "worlds/io_chaos/arrived_values.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/io_run.h"

namespace resprobe {

// The model of what a client may report: the values in the bytes that it has read from each of its
// sockets, parsed independently of it, as far as they have been reported.
class ReadValues {
 public:
  static constexpr uint64_t kNoValue = UINT64_MAX;

  ReadValues(IoRun* run, ClientContract* contract) : run_(run), contract_(contract) {}

  // A new connection on this socket.
  void Open(int socket);

  // A value that a client reports must be the next of those that it has read, or a later one.
  // Returns its number on the connection, from 0; kNoValue, and a violation of `faithful`, if it is
  // none of them. Where the bytes cannot be followed, any value is accepted.
  uint64_t Match(const ClientSlot& slot, const IoReply& reply);

  // The value that Match() has found last, on this socket; nullptr if its bytes are not followed.
  const resp::Reply* matched(int socket) const {
    return At(socket).foreign ? nullptr : &At(socket).arrived.value();
  }

  // The values that were reported or passed over.
  uint64_t count(int socket) const { return At(socket).values; }
  // The bytes cannot be followed any more: they are no RESP.
  bool foreign(int socket) const { return At(socket).foreign; }

  // Passes over values until all but the last `keep` bytes that were read have been parsed: no
  // client holds back more. Returns the length of the values that are complete, in bytes from the
  // first that is stored (SimPosix::Socket::arrived); 0 if they cannot be followed.
  size_t PassOver(int socket, size_t keep);
  // The first bytes are not stored any more.
  void Forget(int socket, size_t bytes);

 private:
  struct Line {
    ArrivedValues arrived;
    size_t complete = 0;  // bytes that were parsed and are whole values
    uint64_t values = 0;
    bool foreign = false;
  };
  enum class Found : uint8_t { kValue, kNothing, kForeign };

  Line& At(int socket) { return lines_[static_cast<size_t>(socket)]; }
  const Line& At(int socket) const { return lines_[static_cast<size_t>(socket)]; }
  Found ParseNext(Line& line, int socket);

  IoRun* const run_;
  ClientContract* const contract_;
  std::array<Line, SimPosix::kSockets> lines_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_READ_VALUES_H_
