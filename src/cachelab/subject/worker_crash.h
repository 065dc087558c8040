#ifndef RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_
#define RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_

#include <sys/types.h>

#include <string>

namespace resprobe::live {

// A worker that ended although its driver did not order it.
struct WorkerCrash {
  int worker = 0;
  pid_t pid = 0;
  std::string how;     // "SIGSEGV", "exit status 1"
  std::string report;  // what it wrote to stderr: a sanitizer's report, or a stack
};

// Whether a process that ends by this signal may have crashed: SIGSEGV, SIGABRT and the like.
bool IsCrashSignal(int signal);

// In a worker: a fault of its own, or abort(), writes a stack to stderr before the process ends; a
// sanitizer that writes a report does so instead. Signals that another process sends, and
// RaiseOrdered(), end the process without a report.
void ReportCrashes();
void RaiseOrdered(int signal);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_CRASH_H_
