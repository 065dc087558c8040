// Time stands still within a turn, but for a few nanoseconds with each question of the main thread,
// so that a loop that waits for the time ends.

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

enum { kBillion = 1000000000 };

static int64_t spent_ns;

int64_t TrueNow(void) { return self->now_ns + spent_ns; }
void Spend(int64_t ns) {
  if (ns > 0) spent_ns += ns;
}
void StartTurn(void) { spent_ns = 0; }

static struct timespec Split(int64_t ns) {
  const struct timespec time = {.tv_sec = ns / kBillion, .tv_nsec = ns % kBillion};
  return time;
}

static int64_t Wall(void) { return SandboxMonotonic(self, TrueNow()) + self->wall_ns; }

HOOK int clock_gettime(clockid_t id, struct timespec* out) {
  if (!Active()) return (int)syscall(SYS_clock_gettime, id, out);
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_TAI:
      if (IsMainThread()) spent_ns += self->call_ns;
      *out = Split(Wall());
      return 0;
    case CLOCK_REALTIME_COARSE:
      *out = Split(Wall());
      return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      *out = Split(0);
      return 0;
    case CLOCK_MONOTONIC_COARSE:  // allocators ask for it, as often as they like
      *out = Split(SandboxMonotonic(self, TrueNow()));
      return 0;
    default:
      if (IsMainThread()) spent_ns += self->call_ns;
      *out = Split(SandboxMonotonic(self, TrueNow()));
      return 0;
  }
}

HOOK int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  if (!Active()) return (int)syscall(SYS_gettimeofday, out, zone);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

HOOK time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

HOOK clock_t clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (clock_t)(now.tv_sec * CLOCKS_PER_SEC + now.tv_nsec * CLOCKS_PER_SEC / kBillion);
}

HOOK int clock_nanosleep(clockid_t id, int flags, const struct timespec* time,
                         struct timespec* left) {
  if (!Active()) return (int)-syscall(SYS_clock_nanosleep, id, flags, time, left);
  int64_t ns = time->tv_sec * kBillion + time->tv_nsec;
  if (flags & TIMER_ABSTIME) {
    ns -= id == CLOCK_REALTIME ? Wall() : SandboxMonotonic(self, TrueNow());
  }
  Spend(SandboxTrueElapsed(self, ns));
  return 0;
}

HOOK int nanosleep(const struct timespec* time, struct timespec* left) {
  if (!Active()) return (int)syscall(SYS_nanosleep, time, left);
  return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
}

HOOK int usleep(useconds_t us) {
  const struct timespec time = Split((int64_t)us * 1000);
  return nanosleep(&time, NULL);
}

HOOK unsigned sleep(unsigned seconds) {
  const struct timespec time = {.tv_sec = seconds, .tv_nsec = 0};
  nanosleep(&time, NULL);
  return 0;
}

// Timers by signal would come in the middle of a turn. Redis's watchdog uses one, if it is on.
HOOK int setitimer(__itimer_which_t which, const struct itimerval* restrict new_value,
                   struct itimerval* restrict old_value) {
  if (!Active()) return (int)syscall(SYS_setitimer, which, new_value, old_value);
  if (old_value != NULL) *old_value = (struct itimerval){0};
  return 0;
}
