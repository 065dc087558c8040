#include "driver/isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

// Non-null if LeakSanitizer is linked: a child ends with _exit(), which would skip its check.
// NOLINTNEXTLINE(bugprone-reserved-identifier): that is its name.
extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));

namespace resprobe::driver {
namespace {

constexpr size_t kReportBytes = 1 << 20;
constexpr int kPollMs = 20;

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

size_t ResidentMb(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/statm", static_cast<int>(pid));
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) >> 20 : 0;
}

}  // namespace

IsolateResult Isolate(const IsolateLimits& limits, const std::function<int()>& body) {
  IsolateResult result;
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    result.exit_code = 2;
    result.report = "resprobe: no pipe for a child process";
    return result;
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    close(fds[0]);
    close(fds[1]);
    result.exit_code = 2;
    result.report = "resprobe: cannot fork";
    return result;
  }
  if (child == 0) {
    dup2(fds[1], STDERR_FILENO);
    int code = body();
    if (__lsan_do_recoverable_leak_check != nullptr && __lsan_do_recoverable_leak_check() != 0) {
      code = 1;
    }
    std::fflush(nullptr);
    _exit(code);
  }
  close(fds[1]);
  const int64_t deadline = NowMs() + int64_t{limits.timeout_seconds} * 1000;
  bool open = true;
  while (open) {
    pollfd waiting{fds[0], POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) > 0) {
      char buffer[4096];
      const ssize_t size = read(fds[0], buffer, sizeof(buffer));
      if (size <= 0) {
        open = false;
      } else if (result.report.size() < kReportBytes) {
        result.report.append(buffer, static_cast<size_t>(size));
      }
    }
    if (NowMs() > deadline) result.timed_out = true;
    if (ResidentMb(child) > limits.rss_mb) result.out_of_memory = true;
    if (result.timed_out || result.out_of_memory) {
      kill(child, SIGKILL);
      break;
    }
  }
  close(fds[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  result.signalled = WIFSIGNALED(status);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return result;
}

}  // namespace resprobe::driver
