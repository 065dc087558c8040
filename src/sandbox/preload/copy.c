// A node at rest forks a copy of itself into another system: the memory of that system takes the
// place of the old one, and the files of the other directory that of its files. The copy is a child
// of the host, not of the node.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

// The C library's record of the main thread's id, which a copy must have of its own.
static pid_t* ThreadId(void) {
  pid_t* at = NULL;
  if (prctl(PR_GET_TID_ADDRESS, &at) == 0 && at != NULL) return at;
  // The kernel does not say: it is in the thread's descriptor.
  const pid_t id = (pid_t)syscall(SYS_gettid);
  at = (pid_t*)pthread_self();
  for (int i = 0; i < 512; ++i) {
    if (at[i] == id) return &at[i];
  }
  return NULL;
}

// A file that has no name any more, such as one that was replaced while it was open.
static int IsRemoved(int fd) {
  struct stat status;
  return syscall(SYS_fstat, fd, &status) == 0 && status.st_nlink == 0;
}

static int CopyRemoved(int fd, int flags) {
  const int copy = (int)syscall(SYS_memfd_create, "removed", MFD_CLOEXEC);
  char bytes[4096];
  long at = 0;
  for (long size; (size = syscall(SYS_pread64, fd, bytes, sizeof(bytes), at)) > 0; at += size) {
    syscall(SYS_pwrite64, copy, bytes, size, at);
  }
  syscall(SYS_fcntl, copy, F_SETFL, flags & (O_APPEND | O_NONBLOCK));
  return copy;
}

static int OpenIn(const char* directory, const char* rest, int flags) {
  char path[3 * kSandboxText];
  strcpy(path, directory);
  strncat(path, rest, sizeof(path) - strlen(path) - 1);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags & (O_ACCMODE | O_APPEND | O_NONBLOCK), 0);
}

// Opens the files of `from` that are open here in `to`, at the same positions.
static void MoveFiles(const char* from, const char* to) {
  const int list = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
  if (list < 0) Refuse("a copy needs /proc");
  const size_t prefix = strlen(from);
  char entries[4096];
  for (long size; (size = syscall(SYS_getdents64, list, entries, sizeof(entries))) > 0;) {
    for (long at = 0; at < size;) {
      const struct dirent64* const entry = (const struct dirent64*)(entries + at);
      at += entry->d_reclen;
      const int fd = atoi(entry->d_name);
      if (entry->d_name[0] == '.' || fd == list || FdOf(fd) != NULL) continue;
      char path[2 * kSandboxText];
      const long length = syscall(SYS_readlinkat, list, entry->d_name, path, sizeof(path) - 1);
      if (length <= (long)prefix) continue;
      path[length] = 0;
      if (strncmp(path, from, prefix) != 0 || path[prefix] != '/') continue;
      const int flags = (int)syscall(SYS_fcntl, fd, F_GETFL, 0);
      const int on_exec = (int)syscall(SYS_fcntl, fd, F_GETFD, 0);
      const int opened = IsRemoved(fd) ? CopyRemoved(fd, flags) : OpenIn(to, path + prefix, flags);
      if (opened < 0) Refuse("a copy of the open file %s", path);
      syscall(SYS_lseek, opened, syscall(SYS_lseek, fd, 0L, SEEK_CUR), SEEK_SET);
      syscall(SYS_dup3, opened, fd, on_exec & FD_CLOEXEC ? O_CLOEXEC : 0);
      syscall(SYS_close, opened);
    }
  }
  syscall(SYS_close, list);
}

void MakeCopy(void) {
  static pid_t* thread_id;
  if (thread_id == NULL) thread_id = ThreadId();
  char from[kSandboxText];
  char to[kSandboxText];
  char path[kSandboxText];
  strcpy(from, self->directory);
  strcpy(to, self->copy_directory);
  strcpy(path, memory->copy_memory);
  const long pid =
      syscall(SYS_clone, CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
              NULL, thread_id, NULL);
  if (pid != 0) {
    self->copy_pid = pid < 0 ? -errno : (int32_t)pid;
    __atomic_store_n(&self->copied, 1, __ATOMIC_RELEASE);
    FutexWake(&self->copied);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syscall(SYS_setpgid, 0, 0);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  struct stat status;
  if (fd < 0 || syscall(SYS_fstat, fd, &status) != 0) syscall(SYS_exit_group, 125);
  memory = MapMemory(fd, (uint64_t)status.st_size);
  OwnWord(&memory->baton);
  LoseThreads();
  if (syscall(SYS_chdir, to) != 0) Refuse("the directory of a copy does not exist");
  MoveFiles(from, to);
}
