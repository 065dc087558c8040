#include "cachelab/subject/worker_crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>

// Prints a stack with the names of functions, where a sanitizer is linked.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) void __sanitizer_print_stack_trace();

namespace resprobe::cachelab {
namespace {

constexpr std::array kCrashSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};

// The handlers before ReportCrashes(): a sanitizer's, or none.
struct sigaction g_before[NSIG];
volatile sig_atomic_t g_ordered = 0;

void Die(int signal) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  // The signal is delivered when the handler returns.
  raise(signal);
}

void PrintStack() {
  if (__sanitizer_print_stack_trace != nullptr) {
    __sanitizer_print_stack_trace();
    return;
  }
  void* frames[64];
  const int count = backtrace(frames, static_cast<int>(std::size(frames)));
  for (int i = 0; i < count; ++i) {
    // In the form in which a sanitizer prints it without symbols.
    Dl_info where = {};
    char line[512];
    int size = std::snprintf(line, sizeof(line), "    #%d %p\n", i, frames[i]);
    if (dladdr(frames[i], &where) != 0) {
      const uintptr_t offset =
          reinterpret_cast<uintptr_t>(frames[i]) - reinterpret_cast<uintptr_t>(where.dli_fbase);
      size = where.dli_sname != nullptr
                 ? std::snprintf(line, sizeof(line), "    #%d %p in %s (%s+0x%zx)\n", i, frames[i],
                                 where.dli_sname, where.dli_fname, offset)
                 : std::snprintf(line, sizeof(line), "    #%d %p  (%s+0x%zx)\n", i, frames[i],
                                 where.dli_fname, offset);
    }
    const auto used = std::min(static_cast<size_t>(size), sizeof(line) - 1);
    if (write(STDERR_FILENO, line, used) < 0) return;
  }
}

void OnFault(int signal, siginfo_t* info, void* context) {
  const bool sent = info->si_code <= 0 && (g_ordered != 0 || info->si_pid != getpid());
  if (sent) {
    Die(signal);
    return;
  }
  const struct sigaction& before = g_before[signal];
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
    before.sa_sigaction(signal, info, context);  // does not return
  }
  const char* const name = sigabbrev_np(signal);
  dprintf(STDERR_FILENO, "resprobe: a worker crashed: SIG%s\n", name == nullptr ? "" : name);
  PrintStack();
  Die(signal);
}

}  // namespace

bool IsCrashSignal(int signal) {
  return std::find(kCrashSignals.begin(), kCrashSignals.end(), signal) != kCrashSignals.end();
}

void ReportCrashes() {
  // The first call of backtrace() loads a library.
  void* frame = nullptr;
  backtrace(&frame, 1);
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  // A sanitizer gives its handlers a separate stack, which is necessary after a stack overflow.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : kCrashSignals) sigaction(signal, &action, &g_before[signal]);
}

void RaiseOrdered(int signal) {
  g_ordered = 1;
  raise(signal);
  g_ordered = 0;  // the signal was one that stops the process
}

}  // namespace resprobe::cachelab
