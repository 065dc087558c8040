// The event loop: a call that waits ends the node's turn. Readiness is level-triggered, as Redis
// uses it.

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static int watched[kMaxFds];  // descriptors with an interest, in the order of their registration
static int watched_count;

void AwaitTurn(void) {
  for (;;) {
    while (__atomic_load_n(&self->wake, __ATOMIC_ACQUIRE) == 0) FutexWait(&self->wake, 0);
    self->wake = 0;
    if (self->command == kSandboxTurn) break;
    self->command = kSandboxTurn;
    MakeCopy();
  }
  StartTurn();
}

static void HandOver(uint32_t next) {
  if (next == kSandboxHost) {
    __atomic_store_n(&memory->baton, 0, __ATOMIC_RELEASE);
    FutexWake(&memory->baton);
    return;
  }
  SandboxMachine* const node = &memory->node[next];
  ++memory->switches;
  __atomic_store_n(&memory->baton, (uint32_t)node->tid | SANDBOX_WAITERS, __ATOMIC_RELEASE);
  __atomic_store_n(&node->wake, 1, __ATOMIC_RELEASE);
  FutexWake(&node->wake);
}

void Idle(int64_t deadline_ns) {
  if (in_child) Refuse("a forked child that waits for the network");
  if (!IsMainThread()) Refuse("a thread that waits for the network");
  HandOverCoverage();
  self->cur_ns = TrueNow();
  const int64_t awakening = NextAwakening();
  self->deadline_ns = deadline_ns < awakening ? deadline_ns : awakening;
  self->state = kSandboxNodeIdle;
  const uint32_t next = SandboxNext(memory);
  if (next == self_number) {
    StartTurn();
    return;
  }
  HandOver(next);
  AwaitTurn();
}

// Raises the signal that the host has sent. True if there was one.
static int RaiseSignal(void) {
  const int number = self->signal;
  if (number == 0) return 0;
  self->signal = 0;
  raise(number);
  return 1;
}

// True time `ms` of the node's clock from now; SANDBOX_NEVER: no limit.
static int64_t After(int ms) {
  if (ms < 0) return SANDBOX_NEVER;
  return TrueNow() + SandboxTrueElapsed(self, (int64_t)ms * 1000000);
}

static uint32_t EpollBits(uint32_t ready, uint32_t interest) {
  uint32_t bits = 0;
  if (ready & kSandboxCanRead) bits |= EPOLLIN;
  if (ready & kSandboxCanWrite) bits |= EPOLLOUT;
  bits &= interest;
  if (ready & kSandboxHup) bits |= EPOLLHUP | (interest & EPOLLRDHUP);
  if (ready & kSandboxError) bits |= EPOLLERR;
  return bits;
}

static uint32_t Readiness(int fd, const Fd* of) {
  return IsPipe(of) ? PipeReadiness(fd) : Ready(of);
}

HOOK int epoll_create1(int flags) {
  if (!Active()) return (int)syscall(SYS_epoll_create1, flags);
  const int fd = Placeholder();
  if (fd >= 0) RegisterFd(fd, kFdEpoll);
  return fd;
}
HOOK int epoll_create(int size) {
  if (size <= 0) {
    errno = EINVAL;
    return -1;
  }
  return epoll_create1(0);
}

void ForgetInEpoll(int fd) {
  if (fds[fd].epoll == 0) return;
  fds[fd].epoll = 0;
  int kept = 0;
  for (int i = 0; i < watched_count; ++i) {
    if (watched[i] != fd) watched[kept++] = watched[i];
  }
  watched_count = kept;
}

HOOK int epoll_ctl(int epoll, int operation, int fd, struct epoll_event* event) {
  if (!Active()) return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
  Fd* const of = FdOf(fd);
  if (of == NULL) {
    Refuse("a descriptor in epoll that is neither a socket nor a pipe (%d)", fd);
  }
  if (operation != EPOLL_CTL_DEL) {
    if (event->events & (EPOLLET | EPOLLONESHOT)) Refuse("edge-triggered epoll");
    of->interest = event->events;
    of->data = event->data.u64;
  }
  const int known = of->epoll != 0;
  if (known == (operation == EPOLL_CTL_ADD)) {
    errno = known ? EEXIST : ENOENT;
    return -1;
  }
  if (operation == EPOLL_CTL_DEL) {
    ForgetInEpoll(fd);
  } else if (operation == EPOLL_CTL_ADD) {
    of->epoll = epoll;
    watched[watched_count++] = fd;
    if (IsPipe(of)) PipesChanged();
  }
  return 0;
}

static int Collect(int epoll, struct epoll_event* events, int most) {
  const int look_at_pipes = PipesMayHaveChanged();
  int found = 0;
  int pipes = 0;
  // A node may find any ready descriptor first.
  const uint32_t first =
      memory->tie_seed == 0 || watched_count == 0
          ? 0
          : (uint32_t)(SandboxMix(memory->tie_seed, memory->turns) >> 32) % (uint32_t)watched_count;
  for (int i = 0; i < watched_count && found < most; ++i) {
    const int fd = watched[(first + (uint32_t)i) % (uint32_t)watched_count];
    const Fd* const of = &fds[fd];
    if (of->epoll != epoll || (IsPipe(of) && !look_at_pipes)) continue;
    const uint32_t bits = EpollBits(Readiness(fd, of), of->interest);
    if (bits == 0) continue;
    if (IsPipe(of)) ++pipes;
    events[found].events = bits;
    events[found++].data.u64 = of->data;
  }
  if (look_at_pipes && pipes == 0) PipesAreQuiet();
  return found;
}

HOOK int epoll_wait(int epoll, struct epoll_event* events, int most, int timeout) {
  if (!Active()) return (int)syscall(SYS_epoll_wait, epoll, events, most, timeout);
  const Fd* const of = FdOf(epoll);
  if (of == NULL || of->kind != kFdEpoll) Refuse("epoll on a descriptor from elsewhere");
  QuiesceThreads();
  const int64_t deadline = After(timeout);
  for (int asked = 0;; ++asked) {
    if (asked > 0) QuiesceThreads();
    RunChildren();
    const int found = Collect(epoll, events, most);
    if (found > 0) return found;
    if (asked > 0 && deadline <= TrueNow()) return 0;
    Idle(deadline);
    if (RaiseSignal()) {
      errno = EINTR;
      return -1;
    }
  }
}
HOOK int epoll_pwait(int epoll, struct epoll_event* events, int most, int timeout,
                     const sigset_t* mask) {
  if (!Active()) {
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout, mask, 8);
  }
  return epoll_wait(epoll, events, most, timeout);
}

HOOK int poll(struct pollfd* polled, nfds_t count, int timeout) {
  int ours = 0;
  if (Active()) {
    for (nfds_t i = 0; i < count; ++i) ours += FdOf(polled[i].fd) != NULL;
  }
  if (ours == 0 && (!Active() || count > 0)) {
    return (int)syscall(SYS_poll, polled, count, timeout);
  }
  QuiesceThreads();
  const int64_t deadline = After(timeout);
  for (int asked = 0;; ++asked) {
    if (asked > 0 && !in_child) QuiesceThreads();
    if (!in_child) RunChildren();
    int found = 0;
    for (nfds_t i = 0; i < count; ++i) {
      const Fd* const of = FdOf(polled[i].fd);
      polled[i].revents = 0;
      if (polled[i].fd < 0) continue;
      if (of == NULL) Refuse("poll on a descriptor that is neither a socket nor a pipe");
      const uint32_t interest = (uint32_t)(uint16_t)polled[i].events;
      polled[i].revents = (short)EpollBits(Readiness(polled[i].fd, of), interest);
      found += polled[i].revents != 0;
    }
    if (found > 0) return found;
    if (in_child) {
      if (timeout == 0) return 0;
      ParkChild();
      continue;
    }
    if ((asked > 0 || timeout == 0) && deadline <= TrueNow()) return 0;
    Idle(deadline);
  }
}

HOOK int select(int count, fd_set* restrict read_set, fd_set* restrict write_set,
                fd_set* restrict error_set, struct timeval* restrict timeout) {
  if (!Active()) {
    return (int)syscall(SYS_select, count, read_set, write_set, error_set, timeout);
  }
  if (count > 0) Refuse("select (epoll and poll are supported)");
  if (timeout == NULL) Refuse("a wait for a signal");
  Spend(SandboxTrueElapsed(self, timeout->tv_sec * 1000000000 + timeout->tv_usec * 1000));
  return 0;
}

// What would make a turn depend on something outside of the sandbox.
HOOK int eventfd(unsigned count, int flags) {
  if (Active()) Refuse("eventfd");
  return (int)syscall(SYS_eventfd2, count, flags);
}
HOOK int timerfd_create(int clock, int flags) {
  if (Active()) Refuse("timerfd");
  return (int)syscall(SYS_timerfd_create, clock, flags);
}
HOOK int signalfd(int fd, const sigset_t* mask, int flags) {
  if (Active()) Refuse("signalfd");
  return (int)syscall(SYS_signalfd4, fd, mask, 8, flags);
}
HOOK int io_uring_setup(unsigned entries, void* parameters) {
  if (Active()) Refuse("io_uring");
  return (int)syscall(SYS_io_uring_setup, entries, parameters);
}
// Of OpenSSL: encrypted connections draw their randomness from the processor.
HOOK void* SSL_CTX_new(const void* method) {
  if (Active()) Refuse("TLS");
  static void* (*next)(const void*);
  if (next == NULL) next = (void* (*)(const void*))Next("SSL_CTX_new");
  return next(method);
}
