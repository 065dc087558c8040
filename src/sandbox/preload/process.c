// Forked children. fork() returns to the parent when the child has ended or cannot go on (it waits
// for a pipe); then both run in turns within the parent's turn. The parent learns of the end when
// the time that the host gives its children has passed. Process ids are virtual.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static SandboxForked* own;  // in a child: itself
static int pipes_changed;

int PipesMayHaveChanged(void) { return pipes_changed; }
void PipesChanged(void) { pipes_changed = 1; }
void PipesAreQuiet(void) { pipes_changed = 0; }

uint32_t PipeReadiness(int fd) {
  struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};
  syscall(SYS_poll, &polled, 1, 0);
  uint32_t ready = 0;
  if (polled.revents & POLLIN) ready |= kSandboxCanRead;
  if (polled.revents & POLLOUT) ready |= kSandboxCanWrite;
  if (polled.revents & POLLHUP) ready |= kSandboxHup;
  if (polled.revents & (POLLERR | POLLNVAL)) ready |= kSandboxError;
  return ready;
}

HOOK int pipe2(int* ends, int flags) {
  const int result = (int)syscall(SYS_pipe2, ends, flags);
  if (result != 0 || !Active()) return result;
  if (ends[0] >= kMaxFds || ends[1] >= kMaxFds) Refuse("more than %d descriptors", kMaxFds);
  RegisterFd(ends[0], kFdPipeRead)->nonblocking = (flags & O_NONBLOCK) != 0;
  RegisterFd(ends[1], kFdPipeWrite)->nonblocking = (flags & O_NONBLOCK) != 0;
  return 0;
}
HOOK int pipe(int* ends) { return pipe2(ends, 0); }

// --- In the parent.

static void AwaitChild(SandboxForked* child) {
  for (;;) {
    const uint32_t word = __atomic_load_n(&child->word, __ATOMIC_ACQUIRE);
    if (word == 0) {
      child->state = kSandboxChildParked;
      return;
    }
    if (word & SANDBOX_OWNER_DIED) {
      while (syscall(SYS_wait4, child->pid, &child->status, 0, NULL) < 0 && errno == EINTR) {
      }
      child->state = kSandboxChildEnded;
      PipesChanged();
      return;
    }
    FutexWait(&child->word, word);
  }
}

static void RunChild(SandboxForked* child) {
  child->state = kSandboxChildRunning;
  PipesChanged();
  __atomic_store_n(&child->word, (uint32_t)child->pid | SANDBOX_WAITERS, __ATOMIC_RELEASE);
  __atomic_store_n(&child->go, 1, __ATOMIC_RELEASE);
  FutexWake(&child->go);
  AwaitChild(child);
}

int RunChildren(void) {
  int any = 0;
  for (int i = 0; i < kSandboxMaxChildren; ++i) {
    SandboxForked* const child = &self->children[i];
    if (child->state != kSandboxChildParked) continue;
    any = 1;
    RunChild(child);
  }
  return any;
}

// --- In the child.

void ParkChild(void) {
  __atomic_store_n(&own->word, 0, __ATOMIC_RELEASE);
  FutexWake(&own->word);
  while (__atomic_load_n(&own->go, __ATOMIC_ACQUIRE) == 0) FutexWait(&own->go, 0);
  own->go = 0;
}

void DelayChild(int64_t ns) { own->visible_ns += ns; }

static void BecomeChild(SandboxForked* child) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  own = child;
  in_child = 1;
  ForgetThreads();
  InheritFiles();
  OwnWord(&child->word);
  while (__atomic_load_n(&child->go, __ATOMIC_ACQUIRE) == 0) FutexWait(&child->go, 0);
  child->go = 0;
}

HOOK pid_t fork(void) {
  static pid_t (*next)(void);
  if (next == NULL) next = (pid_t(*)(void))Next("fork");
  if (!Active()) return next();
  if (in_child) Refuse("a forked child that forks");
  if (!IsMainThread()) Refuse("a thread that forks");
  QuiesceThreads();
  SandboxForked* child = NULL;
  for (int i = 0; i < kSandboxMaxChildren && child == NULL; ++i) {
    if (self->children[i].state == kSandboxChildNone) child = &self->children[i];
  }
  if (child == NULL) Refuse("more than %d forked children", kSandboxMaxChildren);
  child->go = 0;
  child->virtual_pid = self->next_virtual_pid++;
  const pid_t pid = next();
  if (pid == 0) {
    BecomeChild(child);
    return 0;
  }
  if (pid < 0) return pid;
  child->pid = pid;
  child->visible_ns = TrueNow() + self->child_ns;
  RunChild(child);
  return child->virtual_pid;
}
HOOK pid_t vfork(void) {
  if (Active()) Refuse("vfork");
  return fork();
}

HOOK pid_t getpid(void) {
  if (!Active()) return (pid_t)syscall(SYS_getpid);
  return in_child ? own->virtual_pid : self->virtual_pid;
}
HOOK pid_t getppid(void) {
  if (!Active()) return (pid_t)syscall(SYS_getppid);
  return in_child ? self->virtual_pid : 1;
}

static pid_t Reap(pid_t pid, int* status, int options) {
  for (int again = 0;; ++again) {
    int64_t soonest = SANDBOX_NEVER;
    int any = 0;
    for (int i = 0; i < kSandboxMaxChildren; ++i) {
      SandboxForked* const child = &self->children[i];
      if (child->state == kSandboxChildNone || (pid > 0 && child->virtual_pid != pid)) continue;
      any = 1;
      if (child->state != kSandboxChildEnded) continue;
      if (child->visible_ns > TrueNow()) {
        if (child->visible_ns < soonest) soonest = child->visible_ns;
        continue;
      }
      child->state = kSandboxChildNone;
      if (status != NULL) *status = child->status;
      return child->virtual_pid;
    }
    if (!any) {
      errno = ECHILD;
      return -1;
    }
    if (options & WNOHANG) return 0;
    if (soonest != SANDBOX_NEVER) {
      Spend(soonest - TrueNow());
    } else if (again > 1000) {
      Refuse("a wait for a child that waits for its parent");
    } else {
      RunChildren();
    }
  }
}

HOOK pid_t wait4(pid_t pid, int* status, int options, struct rusage* usage) {
  if (!Active() || in_child) return (pid_t)syscall(SYS_wait4, pid, status, options, usage);
  if (usage != NULL) getrusage(RUSAGE_CHILDREN, usage);
  return Reap(pid, status, options);
}
HOOK pid_t waitpid(pid_t pid, int* status, int options) {
  return wait4(pid, status, options, NULL);
}
HOOK pid_t wait3(int* status, int options, struct rusage* usage) {
  return wait4(-1, status, options, usage);
}
HOOK pid_t wait(int* status) { return wait4(-1, status, 0, NULL); }

HOOK int kill(pid_t pid, int number) {
  if (!Active() || pid < kSandboxFirstPid) return (int)syscall(SYS_kill, pid, number);
  if (pid == getpid()) return raise(number);
  if (in_child) return (int)syscall(SYS_kill, syscall(SYS_getppid), number);
  for (int i = 0; i < kSandboxMaxChildren; ++i) {
    SandboxForked* const child = &self->children[i];
    if (child->state == kSandboxChildNone || child->virtual_pid != pid) continue;
    if (number == 0 || child->state == kSandboxChildEnded) return 0;
    // It has parked, and no handler lets it go on: it ends now.
    __atomic_store_n(&child->word, (uint32_t)child->pid | SANDBOX_WAITERS, __ATOMIC_RELEASE);
    syscall(SYS_kill, child->pid, number);
    AwaitChild(child);
    child->visible_ns = TrueNow();
    return 0;
  }
  errno = ESRCH;
  return -1;
}
