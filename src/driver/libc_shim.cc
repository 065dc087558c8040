// The system calls of a C client under test, which the linker redirects here (--wrap,
// resprobe::libc_shim in CMake). Calls on a descriptor of the simulation, and calls while the
// client runs, go to the simulation; all others, such as the engine's own file accesses, go to the
// real function.

#include "driver/libc_shim.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "driver/crash_log.h"
#include "sim/sim_posix.h"

using resprobe::SimEpoll;
using resprobe::SimPosix;

namespace {

SimPosix* Inside() {
  SimPosix* const system = SimPosix::current();
  return system != nullptr && system->inside() ? system : nullptr;
}
int Index(int fd) { return fd - SimPosix::kFirstFd; }
int LoopIndex(int fd) { return fd - SimPosix::kFirstLoopFd; }

static_assert(SimEpoll::kIn == EPOLLIN && SimEpoll::kOut == EPOLLOUT);

int OpenOfLoop(SimPosix* system) {
  const int index = system->epoll().Open();
  return index < 0 ? index : index + SimPosix::kFirstLoopFd;
}

// The largest number of events that one epoll_wait() reports; a loop asks again for the others.
constexpr size_t kMostReady = SimPosix::kSockets;

// Converts a system call's result as the C library does.
template <class T>
T Result(T result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {

int __wrap_fcntl(int, int, ...);
int __real_socket(int, int, int);
int __real_connect(int, const sockaddr*, socklen_t);
int __real_poll(pollfd*, nfds_t, int);
ssize_t __real_read(int, void*, size_t);
ssize_t __real_write(int, const void*, size_t);
ssize_t __real_recv(int, void*, size_t, int);
ssize_t __real_send(int, const void*, size_t, int);
int __real_close(int);
int __real_getsockopt(int, int, int, void*, socklen_t*);
int __real_setsockopt(int, int, int, const void*, socklen_t);
int __real_fcntl(int, int, ...);
int __real_ioctl(int, unsigned long, ...);
long __real_syscall(long, ...);
int __real_epoll_create1(int);
int __real_epoll_ctl(int, int, int, epoll_event*);
int __real_epoll_wait(int, epoll_event*, int, int);
int __real_eventfd(unsigned, int);
int __real_pipe2(int[2], int);
int __real_clock_gettime(clockid_t, timespec*);
int __real_gettimeofday(timeval*, void*);
void* __real_malloc(size_t);
void* __real_calloc(size_t, size_t);
void* __real_realloc(void*, size_t);
char* __real_strdup(const char*);
void __real_free(void*);
[[noreturn]] void __real___assert_fail(const char*, const char*, unsigned, const char*);

int __wrap_socket(int domain, int type, int protocol) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_socket(domain, type, protocol);
  const int index = system->OpenSocket();
  return index < 0 ? Result(index) : index + SimPosix::kFirstFd;
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  if (!SimPosix::IsFake(fd)) return __real_connect(fd, address, size);
  return Result(SimPosix::current()->Connect(Index(fd)));
}

int __wrap_poll(pollfd* fds, nfds_t count, int timeout_ms) {
  if (count != 1 || !SimPosix::IsFake(fds[0].fd)) return __real_poll(fds, count, timeout_ms);
  bool readable = false;
  bool writable = false;
  const int result = Result(
      SimPosix::current()->Poll(Index(fds[0].fd), (fds[0].events & POLLIN) != 0,
                                (fds[0].events & POLLOUT) != 0, timeout_ms, &readable, &writable));
  fds[0].revents = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
  return result;
}

ssize_t __wrap_read(int fd, void* to, size_t size) {
  if (!SimPosix::IsFake(fd)) return __real_read(fd, to, size);
  return Result(SimPosix::current()->Read(Index(fd), static_cast<char*>(to), size));
}
ssize_t __wrap_recv(int fd, void* to, size_t size, int flags) {
  if (!SimPosix::IsFake(fd)) return __real_recv(fd, to, size, flags);
  return Result(SimPosix::current()->Read(Index(fd), static_cast<char*>(to), size));
}
ssize_t __wrap_write(int fd, const void* from, size_t size) {
  if (!SimPosix::IsFake(fd)) return __real_write(fd, from, size);
  return Result(SimPosix::current()->Write(Index(fd), static_cast<const char*>(from), size, false));
}
ssize_t __wrap_send(int fd, const void* from, size_t size, int flags) {
  if (!SimPosix::IsFake(fd)) return __real_send(fd, from, size, flags);
  return Result(SimPosix::current()->Write(Index(fd), static_cast<const char*>(from), size,
                                           (flags & MSG_NOSIGNAL) != 0));
}

int __wrap_close(int fd) {
  if (SimPosix::IsOfLoop(fd)) return Result(SimPosix::current()->epoll().Close(LoopIndex(fd)));
  if (!SimPosix::IsFake(fd)) return __real_close(fd);
  return Result(SimPosix::current()->Close(Index(fd)));
}

// libuv closes descriptors so.
long __wrap_syscall(long number, ...) {
  long a[6];
  va_list args;
  va_start(args, number);
  for (long& argument : a) argument = va_arg(args, long);
  va_end(args);
  if (number == SYS_close) return __wrap_close(static_cast<int>(a[0]));
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  if (!SimPosix::IsFake(fd)) return __real_getsockopt(fd, level, name, value, size);
  int answer = 0;
  if (level == SOL_SOCKET && name == SO_ERROR) {
    answer = SimPosix::current()->TakeError(Index(fd));
  }
  std::memcpy(value, &answer, sizeof(answer));
  *size = sizeof(answer);
  return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  if (!SimPosix::IsFake(fd)) return __real_setsockopt(fd, level, name, value, size);
  if (level == SOL_SOCKET && name == SO_RCVTIMEO) {
    timeval time = {};
    std::memcpy(&time, value, sizeof(time));
    SimPosix::current()->SocketAt(Index(fd)).timeout_us =
        int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
  }
  return 0;
}

int __wrap_fcntl(int fd, int command, ...) {
  va_list args;
  va_start(args, command);
  void* const argument = va_arg(args, void*);
  va_end(args);
  if (!SimPosix::IsFake(fd)) return __real_fcntl(fd, command, argument);
  bool& nonblocking = SimPosix::current()->SocketAt(Index(fd)).nonblocking;
  if (command == F_GETFL) return O_RDWR | (nonblocking ? O_NONBLOCK : 0);
  if (command == F_SETFL) nonblocking = (reinterpret_cast<intptr_t>(argument) & O_NONBLOCK) != 0;
  return 0;
}

// With large-file support, fcntl() is called by this name.
int __wrap_fcntl64(int fd, int command, ...) {
  va_list args;
  va_start(args, command);
  void* const argument = va_arg(args, void*);
  va_end(args);
  return __wrap_fcntl(fd, command, argument);
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list args;
  va_start(args, request);
  void* const argument = va_arg(args, void*);
  va_end(args);
  if (!SimPosix::IsFake(fd)) return __real_ioctl(fd, request, argument);
  if (request == FIONBIO) {
    SimPosix::current()->SocketAt(Index(fd)).nonblocking = *static_cast<int*>(argument) != 0;
  }
  return 0;
}

// --- The event loops of programs.

int __wrap_epoll_create1(int flags) {
  SimPosix* const system = Inside();
  return system == nullptr ? __real_epoll_create1(flags) : Result(OpenOfLoop(system));
}

int __wrap_epoll_ctl(int loop, int operation, int fd, epoll_event* event) {
  if (!SimPosix::IsOfLoop(loop)) return __real_epoll_ctl(loop, operation, fd, event);
  const SimEpoll::Watch watch = {.loop = LoopIndex(loop),
                                 .fd = fd,
                                 .socket = SimPosix::IsFake(fd) ? Index(fd) : -1,
                                 .events = event == nullptr ? 0 : event->events,
                                 .data = event == nullptr ? 0 : event->data.u64};
  const SimEpoll::Change change = operation == EPOLL_CTL_ADD   ? SimEpoll::Change::kAdd
                                  : operation == EPOLL_CTL_DEL ? SimEpoll::Change::kDelete
                                                               : SimEpoll::Change::kModify;
  return Result(SimPosix::current()->epoll().Control(LoopIndex(loop), change, watch));
}

// The simulation's loops never wait: the world lets time pass between their turns.
int __wrap_epoll_wait(int loop, epoll_event* events, int most, int timeout_ms) {
  if (!SimPosix::IsOfLoop(loop)) return __real_epoll_wait(loop, events, most, timeout_ms);
  SimEpoll::Ready ready[kMostReady];
  const int count = SimPosix::current()->EpollWait(LoopIndex(loop), ready,
                                                   std::min(kMostReady, static_cast<size_t>(most)));
  for (int i = 0; i < count; ++i) {
    events[i].events = ready[i].events;
    events[i].data.u64 = ready[i].data;
  }
  return Result(count);
}

int __wrap_eventfd(unsigned value, int flags) {
  SimPosix* const system = Inside();
  return system == nullptr ? __real_eventfd(value, flags) : Result(OpenOfLoop(system));
}

int __wrap_pipe2(int ends[2], int flags) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_pipe2(ends, flags);
  ends[0] = Result(OpenOfLoop(system));
  ends[1] = Result(OpenOfLoop(system));
  return ends[1] < 0 ? -1 : 0;
}

// --- Time.

int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_clock_gettime(clock, now);
  now->tv_sec = system->now_us() / 1'000'000;
  now->tv_nsec = system->now_us() % 1'000'000 * 1000;
  return 0;
}

int __wrap_gettimeofday(timeval* now, void* zone) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_gettimeofday(now, zone);
  now->tv_sec = system->now_us() / 1'000'000;
  now->tv_usec = system->now_us() % 1'000'000;
  return 0;
}

// --- The heap.

void* __wrap_malloc(size_t size) {
  SimPosix* const system = Inside();
  return system == nullptr ? __real_malloc(size) : system->Allocate(size, false);
}
void* __wrap_calloc(size_t count, size_t size) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_calloc(count, size);
  size_t bytes = 0;
  return system->Allocate(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes, true);
}
void* __wrap_realloc(void* old, size_t size) {
  SimPosix* const system = Inside();
  return system == nullptr ? __real_realloc(old, size) : system->Reallocate(old, size);
}
char* __wrap_strdup(const char* text) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_strdup(text);
  const size_t size = std::strlen(text) + 1;
  void* const copy = system->Allocate(size, false);
  return copy == nullptr ? nullptr : static_cast<char*>(std::memcpy(copy, text, size));
}
void __wrap_free(void* block) {
  SimPosix* const system = Inside();
  if (system == nullptr) return __real_free(block);
  system->Free(block);
}

void __wrap___assert_fail(const char* expression, const char* file, unsigned line,
                          const char* function) {
  if (resprobe::TheAssertTrap().handler != nullptr) {
    resprobe::TheAssertTrap().handler(expression, function);
  }
  resprobe::driver::WriteCrashLog();
  __real___assert_fail(expression, file, line, function);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)

namespace resprobe::driver {

void UseClientCalls() {}

}  // namespace resprobe::driver
