#ifndef RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_
#define RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_

#include <sys/types.h>

#include <string>

namespace resprobe::cachelab {

// A worker that ended without an order from its driver.
struct WorkerCrash {
  int worker = 0;
  pid_t pid = 0;
  std::string how;     // "SIGSEGV", "exit status 1"
  std::string report;  // its stderr: a sanitizer's report, or a stack
};

// True if a process that ends by this signal may have crashed: SIGSEGV, SIGABRT and similar.
bool IsCrashSignal(int signal);

// Call this in a worker: a fault of its own, or abort(), then writes a stack to stderr before the
// process ends; a sanitizer writes its report instead. Signals from other processes, and
// RaiseOrdered(), end the process without a report.
void ReportCrashes();
void RaiseOrdered(int signal);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_
