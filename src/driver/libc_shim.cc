// The system calls of a C client under test, which the linker redirects here (--wrap,
// resprobe::libc_shim in CMake). Calls on a descriptor of the simulation, and calls while the
// client runs, go to the simulation; all others, such as the engine's own file accesses, go to the
// real function.

#include "driver/libc_shim.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "driver/crash_log.h"
#include "sim/sim_posix.h"

using resprobe::SimPosix;

namespace {

SimPosix* Inside() {
  SimPosix* const system = SimPosix::current();
  return system != nullptr && system->inside() ? system : nullptr;
}
int Index(int fd) { return fd - SimPosix::kFirstFd; }

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
  return Result(SimPosix::current()->Write(Index(fd), static_cast<const char*>(from), size));
}
ssize_t __wrap_send(int fd, const void* from, size_t size, int flags) {
  if (!SimPosix::IsFake(fd)) return __real_send(fd, from, size, flags);
  return Result(SimPosix::current()->Write(Index(fd), static_cast<const char*>(from), size));
}

int __wrap_close(int fd) {
  if (!SimPosix::IsFake(fd)) return __real_close(fd);
  return Result(SimPosix::current()->Close(Index(fd)));
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
