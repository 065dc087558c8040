#ifndef RESPROBE_SANDBOX_PRELOAD_PRELOAD_H_
#define RESPROBE_SANDBOX_PRELOAD_PRELOAD_H_

// What the files of the preload library know of each other. It is loaded into a server before the C
// library (LD_PRELOAD) and takes the place of the functions by which the server sees time, entropy,
// the network, other processes and its own threads. All state is static; nothing is allocated.
//
// A process in which the library is not active (a shell script that starts the server) gets the
// functions of the system.

#include <stdint.h>
#include <sys/types.h>

#include "sandbox/preload/shared.h"

#define HOOK __attribute__((visibility("default")))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

// --- state.c

extern SandboxMemory* memory;  // NULL: not active
extern SandboxMachine* self;
extern uint32_t self_number;
extern int in_child;  // this process is a forked child of the node's

// True if the library is active; the first call decides.
int Activate(void);
extern int activated;  // Activate() was called
static inline int Active(void) { return __builtin_expect(activated, 1) ? memory != 0 : Activate(); }

// Maps the memory of a descriptor at SANDBOX_ADDRESS, and closes the descriptor.
SandboxMemory* MapMemory(int fd, uint64_t bytes);
// Ends this process: the host reports the text.
__attribute__((noreturn, format(printf, 1, 2))) void Refuse(const char* format, ...);
// The function of the next library with this name. Must not be called before the C library is set
// up.
void* Next(const char* name);
// Registers a word with the kernel, which marks it if the calling thread ends while the word holds
// its id, and wakes whoever waits for it.
void OwnWord(uint32_t* word);
void FutexWait(uint32_t* word, uint32_t value);
void FutexWake(uint32_t* word);
// A result that is a negated errno value becomes -1 and errno.
long Result(long result);

// --- time.c

// True time within this turn.
int64_t TrueNow(void);
// Time passes within the turn.
void Spend(int64_t ns);
// A new turn began.
void StartTurn(void);

// --- coverage.c

// Looks for the program's counters.
void FindCoverage(void);
// Notes which of them have counted since the last call in the shared memory.
void HandOverCoverage(void);

// --- loop.c

// Gives the turn up until something happens to this node, or until `deadline_ns` (true time).
void Idle(int64_t deadline_ns);
// Waits for the first turn of this process.
void AwaitTurn(void);
// Stops watching a descriptor, which is about to be closed.
void ForgetInEpoll(int fd);

// --- network.c

enum FdKind {
  kFdKernel,  // not of the sandbox
  kFdSocket,  // neither bound nor connected yet
  kFdListener,
  kFdLink,
  kFdEpoll,
  kFdFile,
  kFdPipeRead,
  kFdPipeWrite,
};

enum { kMaxFds = 16384 };

typedef struct Fd {
  uint8_t kind;
  uint8_t nonblocking;
  uint8_t side;
  uint8_t read_shut;
  uint16_t link;
  uint16_t port;      // as bound; the listener's
  uint32_t local;     // address as bound, in host byte order
  uint32_t interest;  // of epoll; 0: none
  int32_t epoll;      // the descriptor of the epoll that watches it; 0: none
  uint64_t data;      // of epoll
  int32_t file;       // the disk's descriptor
} Fd;

extern Fd fds[kMaxFds];
// nullptr for one of the kernel's.
static inline Fd* FdOf(int fd) {
  return memory != 0 && (unsigned)fd < kMaxFds && fds[fd].kind != kFdKernel ? &fds[fd] : 0;
}
static inline int IsPipe(const Fd* fd) { return fd->kind >= kFdPipeRead; }
static inline int IsFile(const Fd* fd) { return fd->kind == kFdFile; }
static inline Fd* FileOf(int fd) {
  Fd* const of = FdOf(fd);
  return of != 0 && IsFile(of) ? of : 0;
}
// A number for a new descriptor, which the kernel gives to nothing else.
int Placeholder(void);
// enum SandboxReady of a socket.
uint32_t Ready(const Fd* fd);
// Makes a descriptor one of the sandbox.
Fd* RegisterFd(int fd, enum FdKind kind);
// enum SandboxReady of a pipe, as the kernel knows it.
uint32_t PipeReadiness(int fd);

// --- files.c

// A file of the node's disk; the caller has checked the kind. Results and errno as of the system's.
ssize_t ReadFile(Fd* of, void* bytes, size_t size);
ssize_t WriteFile(Fd* of, const void* bytes, size_t size);
int CloseFile(Fd* of);
// Opens a path: on the disk if it is relative.
int OpenPath(int directory, const char* path, int flags, mode_t mode);
// A forked child: the files that are open stay open in its parent.
void InheritFiles(void);

// --- process.c

// Lets children that have parked run until they end or park again. True if there is one.
int RunChildren(void);
// In a child that cannot go on: its parent runs.
void ParkChild(void);
// A child makes something that takes time: its parent sees its end later.
void DelayChild(int64_t ns);
// True while what the kernel's pipes hold may have changed since PipesAreQuiet().
int PipesMayHaveChanged(void);
void PipesChanged(void);
void PipesAreQuiet(void);

// --- threads.c

// Lets all threads that have something to do run until they wait.
void QuiesceThreads(void);
int IsMainThread(void);
// In a thread besides the main one: it goes on at a true time, and all others do until then.
void SleepThread(int64_t until_ns);
// The true time at which a thread that sleeps goes on; SANDBOX_NEVER: none sleeps.
int64_t NextAwakening(void);
// In a forked child, which has only the main thread.
void ForgetThreads(void);

// In a copy of a node: a thread is started again when it is needed.
void LoseThreads(void);

// --- copy.c

// At rest, or in a call on a file: forks a copy, as the host has asked. Returns in both.
void MakeCopy(void);

// --- entropy.c

// A descriptor of a file with the node's random bytes.
int OpenEntropy(void);

#endif  // RESPROBE_SANDBOX_PRELOAD_PRELOAD_H_
