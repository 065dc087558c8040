// What differs between machines and moments: /proc and /sys do not exist, resources are constants.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static int Starts(const char* path, const char* prefix) {
  return strncmp(path, prefix, strlen(prefix)) == 0;
}

static int IsEntropy(const char* path) {
  return strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0;
}

static int IsHidden(const char* path) { return Starts(path, "/proc/") || Starts(path, "/sys/"); }

static int Open(int directory, const char* path, int flags, mode_t mode) {
  if (Active() && IsEntropy(path)) return OpenEntropy();
  if (Active() && IsHidden(path)) {
    errno = ENOENT;
    return -1;
  }
  return (int)syscall(SYS_openat, directory, path, flags, mode);
}

#define MODE_ARGUMENT                  \
  mode_t mode = 0;                     \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list arguments;                 \
    va_start(arguments, flags);        \
    mode = va_arg(arguments, mode_t);  \
    va_end(arguments);                 \
  }

HOOK int open(const char* path, int flags, ...) {
  MODE_ARGUMENT
  return Open(AT_FDCWD, path, flags, mode);
}
HOOK int open64(const char* path, int flags, ...) {
  MODE_ARGUMENT
  return Open(AT_FDCWD, path, flags, mode);
}
HOOK int openat(int directory, const char* path, int flags, ...) {
  MODE_ARGUMENT
  return Open(directory, path, flags, mode);
}
HOOK int openat64(int directory, const char* path, int flags, ...) {
  MODE_ARGUMENT
  return Open(directory, path, flags, mode);
}

typedef FILE* OpenFile(const char* path, const char* mode);

static FILE* OpenStream(OpenFile* next, const char* path, const char* mode) {
  if (Active() && IsEntropy(path)) return fdopen(OpenEntropy(), "r");
  if (Active() && IsHidden(path)) {
    errno = ENOENT;
    return NULL;
  }
  return next(path, mode);
}

HOOK FILE* fopen(const char* restrict path, const char* restrict mode) {
  static OpenFile* next;
  if (next == NULL) next = (OpenFile*)Next("fopen");
  return OpenStream(next, path, mode);
}
HOOK FILE* fopen64(const char* restrict path, const char* restrict mode) {
  static OpenFile* next;
  if (next == NULL) next = (OpenFile*)Next("fopen64");
  return OpenStream(next, path, mode);
}

// The directory of a node has no name that it could see: what it asks for its files is relative to
// it. So the name has no influence, and a copy of the node can have another directory.
HOOK char* getcwd(char* out, size_t size) {
  if (Active()) {
    if (out == NULL) return strdup(".");
    if (size >= 2) return strcpy(out, ".");
    errno = ERANGE;
    return NULL;
  }
  static char* (*next)(char*, size_t);
  if (next == NULL) next = (char* (*)(char*, size_t))Next("getcwd");
  return next(out, size);
}
HOOK char* get_current_dir_name(void) { return getcwd(NULL, 0); }

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
