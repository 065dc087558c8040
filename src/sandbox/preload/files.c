// Files. Syncs cost nothing: nothing here can lose power. Everything else is the system's.

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

HOOK int fsync(int fd) { return Active() ? 0 : (int)syscall(SYS_fsync, fd); }
HOOK int fdatasync(int fd) { return Active() ? 0 : (int)syscall(SYS_fdatasync, fd); }
HOOK int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
  return Active() ? 0 : (int)syscall(SYS_sync_file_range, fd, from, size, flags);
}
HOOK int syncfs(int fd) { return Active() ? 0 : (int)syscall(SYS_syncfs, fd); }
HOOK void sync(void) {
  if (!Active()) syscall(SYS_sync);
}
