// Whether the library is active in this process, and what all its files need.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

SandboxMemory* memory;
SandboxMachine* self;
uint32_t self_number;
int in_child;
int activated;

// A program that only starts the server.
static int IsWrapper(void) {
  static const char* const kNames[] = {"sh",      "dash", "bash", "zsh",    "ksh",
                                       "busybox", "env",  "nice", "setsid", "taskset"};
  char path[512];
  const long size = syscall(SYS_readlink, "/proc/self/exe", path, sizeof(path) - 1);
  if (size <= 0) return 0;
  path[size] = 0;
  const char* const name = strrchr(path, '/') + 1;
  for (size_t i = 0; i < sizeof(kNames) / sizeof(kNames[0]); ++i) {
    if (strcmp(name, kNames[i]) == 0) return 1;
  }
  return 0;
}

SandboxMemory* MapMemory(int fd, uint64_t bytes) {
  void* const page = (void*)syscall(SYS_mmap, SANDBOX_ADDRESS, bytes, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_FIXED, fd, 0L);
  if (page != (void*)SANDBOX_ADDRESS) syscall(SYS_exit_group, 125);  // the host reports the end
  syscall(SYS_close, fd);
  return page;
}

int Activate(void) {
  if (activated) return memory != NULL;
  // The program's own initializers come first (.preinit_array, of a sanitizer), before there is an
  // environment.
  if (environ == NULL) return 0;
  activated = 1;
  // "DESCRIPTOR NODE"
  const char* const text = getenv("RESPROBE_SANDBOX");
  if (text == NULL || IsWrapper()) return 0;
  char* rest = NULL;
  const int fd = (int)strtol(text, &rest, 10);
  self_number = (uint32_t)strtoul(rest, NULL, 10);
  struct stat status;
  uint64_t magic = 0;
  if (syscall(SYS_fstat, fd, &status) != 0 ||
      syscall(SYS_pread64, fd, &magic, sizeof(magic), 0) != (long)sizeof(magic) ||
      magic != SANDBOX_MAGIC) {
    return 0;  // not the server: a program that it starts
  }
  memory = MapMemory(fd, (uint64_t)status.st_size);
  self = &memory->node[self_number];
  OwnWord(&memory->baton);
  self->attached = 1;
  FindCoverage();
  AwaitTurn();
  return 1;
}

__attribute__((constructor)) static void Construct(void) { Activate(); }

void Refuse(const char* format, ...) {
  char text[kSandboxText];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  SandboxRefuse(memory, self_number, text);
  syscall(SYS_exit_group, 125);
  __builtin_unreachable();
}

void* Next(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

void OwnWord(uint32_t* word) {
  static struct robust_list entry;
  static struct robust_list_head head;
  entry.next = &head.list;
  head.list.next = &entry;
  head.futex_offset = (char*)word - (char*)&entry;
  head.list_op_pending = NULL;
  syscall(SYS_set_robust_list, &head, sizeof(head));
}

void FutexWait(uint32_t* word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

void FutexWake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

long Result(long result) {
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}
