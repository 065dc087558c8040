#ifndef RESPROBE_WORLDS_IO_CHAOS_CONNECTION_MEMORY_H_
#define RESPROBE_WORLDS_IO_CHAOS_CONNECTION_MEMORY_H_

#include <cstddef>

#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/io_lines.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/look_ahead.h"
#include "worlds/io_chaos/read_values.h"
#include "worlds/io_chaos/split_check.h"

namespace resprobe {

// Bounds what a run keeps of each connection, so that an endless run needs no more memory than a
// long one. It forgets bytes that were read and checked, and what belongs to them. Where bytes pile
// up that it cannot forget, because a client does not read them or they are no RESP, the peer
// resets the connection, as servers do with clients whose output buffer is full.
//
// Connections of less than kMuch are not touched: those of almost every case.
class ConnectionMemory {
 public:
  static constexpr size_t kMuch = size_t{256} << 10;  // bytes

  ConnectionMemory(IoRun* run, ClientSlots* slots, IoLines* lines, ReadValues* values,
                   LookAhead* ahead, SplitCheck* split)
      : run_(run), slots_(slots), lines_(lines), values_(values), ahead_(ahead), split_(split) {}

  // Call it now and then, outside the clients' calls.
  void Bound();
  // What is kept of all connections, in bytes and entries.
  size_t held();

 private:
  void BoundLine(ClientSlot& slot);

  IoRun* const run_;
  ClientSlots* const slots_;
  IoLines* const lines_;
  ReadValues* const values_;
  LookAhead* const ahead_;
  SplitCheck* const split_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CONNECTION_MEMORY_H_
