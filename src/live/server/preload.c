// Loaded into a server before other libraries (LD_PRELOAD): the process that started the server
// sets its wall clock, which otherwise stands still. Monotonic clocks, and with them the server's
// timers, run normally. See server_clock.h.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// Microseconds since 1970.
static const volatile int64_t* now_us;

__attribute__((constructor)) static void Open(void) {
  const char* const path = getenv("RESPROBE_SERVER_CLOCK");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* const page = mmap(NULL, sizeof(*now_us), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page != MAP_FAILED) now_us = page;
}

int clock_gettime(clockid_t id, struct timespec* out) {
  if (now_us == NULL || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) {
    return (int)syscall(SYS_clock_gettime, id, out);
  }
  const int64_t now = *now_us;
  out->tv_sec = now / 1000000;
  out->tv_nsec = now % 1000000 * 1000;
  return 0;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
