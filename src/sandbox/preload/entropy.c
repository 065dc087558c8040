// Random bytes: a stream that the node's seed determines.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static uint64_t drawn;

static void Fill(void* out, size_t size) {
  uint8_t* bytes = out;
  while (size > 0) {
    uint64_t word = SandboxMix(SandboxMix(self->seed, self->process), ++drawn);
    word = SandboxMix(word, UINT64_C(0xbf58476d1ce4e5b9));
    const size_t part = size < sizeof(word) ? size : sizeof(word);
    memcpy(bytes, &word, part);
    bytes += part;
    size -= part;
  }
}

HOOK ssize_t getrandom(void* out, size_t size, unsigned flags) {
  if (!Active()) return syscall(SYS_getrandom, out, size, flags);
  Fill(out, size);
  return (ssize_t)size;
}

HOOK int getentropy(void* out, size_t size) {
  if (size > 256) {
    errno = EIO;
    return -1;
  }
  if (Active()) {
    Fill(out, size);
    return 0;
  }
  return syscall(SYS_getrandom, out, size, 0) == (long)size ? 0 : -1;
}

int OpenEntropy(void) {
  enum { kBytes = 1 << 16 };
  static uint8_t bytes[kBytes];
  const int fd = (int)syscall(SYS_memfd_create, "entropy", MFD_CLOEXEC);
  if (fd < 0) return fd;
  Fill(bytes, sizeof(bytes));
  if (syscall(SYS_pwrite64, fd, bytes, sizeof(bytes), 0) != (long)sizeof(bytes)) {
    Refuse("no memory for random bytes");
  }
  return fd;
}
