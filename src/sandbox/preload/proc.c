// What differs between machines and moments: resources are constants.

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

HOOK int getrusage(__rusage_who_t who, struct rusage* out) {
  if (!Active()) return (int)syscall(SYS_getrusage, who, out);
  memset(out, 0, sizeof(*out));
  return 0;
}

static int Limit(__rlimit_resource_t resource, struct rlimit* out) {
  if (!Active()) return (int)syscall(SYS_getrlimit, resource, out);
  out->rlim_cur = out->rlim_max = resource == RLIMIT_NOFILE ? kMaxFds : RLIM_INFINITY;
  return 0;
}
HOOK int getrlimit(__rlimit_resource_t resource, struct rlimit* out) {
  return Limit(resource, out);
}
HOOK int getrlimit64(__rlimit_resource_t resource, struct rlimit64* out) {
  return Limit(resource, (struct rlimit*)out);
}
HOOK int setrlimit(__rlimit_resource_t resource, const struct rlimit* limit) {
  return Active() ? 0 : (int)syscall(SYS_setrlimit, resource, limit);
}
HOOK int setrlimit64(__rlimit_resource_t resource, const struct rlimit64* limit) {
  return setrlimit(resource, (const struct rlimit*)limit);
}

HOOK long sysconf(int name) {
  if (Active()) {
    switch (name) {
      case _SC_PHYS_PAGES:
      case _SC_AVPHYS_PAGES:
        return 1 << 20;
      case _SC_NPROCESSORS_CONF:
      case _SC_NPROCESSORS_ONLN:
        return 1;
      default:
        break;
    }
  }
  static long (*next)(int);
  if (next == NULL) next = (long (*)(int))Next("sysconf");
  return next(name);
}

HOOK int uname(struct utsname* out) {
  if (!Active()) return (int)syscall(SYS_uname, out);
  memset(out, 0, sizeof(*out));
  strcpy(out->sysname, "Linux");
  strcpy(out->nodename, "sandbox");
  strcpy(out->release, "1");
  strcpy(out->version, "1");
  strcpy(out->machine, "x86_64");
  return 0;
}
