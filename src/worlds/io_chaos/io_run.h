#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_RUN_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_RUN_H_

#include <cstdint>

#include "engine/run_context.h"
#include "sim/chaos_log.h"
#include "sim/scheduler.h"
#include "sim/sim_posix.h"

namespace resprobe {

// What all parts of `io_chaos` share in a run: the record of the run, the time, and the system
// below the clients. It decides nothing.
struct IoRun {
  RunContext* context = nullptr;  // of the present run
  Scheduler scheduler;
  SimPosix system;
  bool in_timeout = false;  // a client's timer is firing

  int64_t now_us() const { return scheduler.now_us(); }
  // Advances time without moving a byte.
  void PassTime(int64_t until_us) { scheduler.RunUntil(until_us); }
  bool violated() const { return context->violated(); }
  Trace& trace() { return context->trace(); }
  void Log(ChaosLog::Who who, const char* what, int64_t subject, int64_t result) {
    system.log().Add(now_us(), who, what, subject, result);
  }
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_RUN_H_
