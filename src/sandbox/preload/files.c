// Files. Those of the server are on the disk of its node, which the host has: each call on one is a
// call of the host. Relative paths are on that disk, at its root; absolute ones are the system's,
// for configuration and libraries, but /proc and /sys do not exist, and /dev/urandom is the node's.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static char working[kSandboxText];  // the working directory on the disk; "": the root

// --- Calls of the host.

static SandboxCall* NewCall(enum SandboxCallKind kind, const Fd* of) {
  SandboxCall* const call = &memory->call;
  call->kind = (uint8_t)kind;
  call->node = (uint8_t)self_number;
  call->role = in_child ? kSandboxChild : IsMainThread() ? kSandboxServer : kSandboxThread;
  call->file = of == NULL ? -1 : of->file;
  call->flags = 0;
  call->offset = call->size = call->delay_ns = 0;
  call->now_ns = TrueNow();
  call->point = 0;
  return call;
}

// The host answers while nothing else of this system runs.
static int64_t Make(SandboxCall* call) {
  call->word = kSandboxCallWaits;
  __atomic_fetch_or(&memory->baton, SANDBOX_CALL, __ATOMIC_RELEASE);
  FutexWake(&memory->baton);
  for (;;) {
    const uint32_t word = __atomic_load_n(&call->word, __ATOMIC_ACQUIRE);
    if (word == kSandboxCallAnswered) return call->result;
    if (word == kSandboxCallCopies) {
      call->word = kSandboxCallWaits;
      MakeCopy();
    } else {
      FutexWait(&call->word, kSandboxCallWaits);
    }
  }
}

// --- Paths.

static int Starts(const char* path, const char* prefix) {
  return strncmp(path, prefix, strlen(prefix)) == 0;
}
static int IsEntropy(const char* path) {
  return strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0;
}
static int IsHidden(const char* path) { return Starts(path, "/proc/") || Starts(path, "/sys/"); }

static int Fail(int error) {
  errno = error;
  return -1;
}

// True if the path is on the node's disk.
static int OnDisk(int directory, const char* path) {
  if (!Active() || path[0] == '/') return 0;
  if (directory != AT_FDCWD) Refuse("a path relative to a descriptor");
  return 1;
}

// The path on the disk. False if it is too long.
static int Put(const char* path, char* out) {
  const int size = snprintf(out, kSandboxText, "%s%s%s", working, working[0] ? "/" : "", path);
  if (size < kSandboxText) return 1;
  errno = ENAMETOOLONG;
  return 0;
}

// A call with one path.
static int64_t CallPath(enum SandboxCallKind kind, const char* path, int64_t size) {
  SandboxCall* const call = NewCall(kind, NULL);
  if (!Put(path, call->path)) return -ENAMETOOLONG;
  call->size = size;
  return Make(call);
}

// --- Open files.

int OpenPath(int directory, const char* path, int flags, mode_t mode) {
  if (Active() && IsEntropy(path)) return OpenEntropy();
  if (Active() && IsHidden(path)) return Fail(ENOENT);
  if (!OnDisk(directory, path)) {
    if (Active() && (flags & O_ACCMODE) != O_RDONLY && !Starts(path, "/dev/")) {
      Refuse("a file of the system that it writes (%s): use a relative path", path);
    }
    return (int)syscall(SYS_openat, directory, path, flags, mode);
  }
  if ((flags & O_TMPFILE) == O_TMPFILE) Refuse("a file without a name");
  const int fd = Placeholder();
  if (fd < 0) return -1;
  SandboxCall* const call = NewCall(kSandboxCallOpen, NULL);
  call->flags =
      (uint32_t)(flags & (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY));
  const int64_t file = Put(path, call->path) ? Make(call) : -ENAMETOOLONG;
  if (file < 0) {
    syscall(SYS_close, fd);
    return Fail((int)-file);
  }
  RegisterFd(fd, kFdFile)->file = (int32_t)file;
  return fd;
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
  return OpenPath(AT_FDCWD, path, flags, mode);
}
HOOK int open64(const char* path, int flags, ...) __attribute__((alias("open")));
HOOK int openat(int directory, const char* path, int flags, ...) {
  MODE_ARGUMENT
  return OpenPath(directory, path, flags, mode);
}
HOOK int openat64(int directory, const char* path, int flags, ...) __attribute__((alias("openat")));
HOOK int creat(const char* path, mode_t mode) {
  return OpenPath(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
HOOK int creat64(const char* path, mode_t mode) __attribute__((alias("creat")));

// The six last characters become a number, which counts what was made.
static int MakeTemporary(char* pattern, int suffix, int flags) {
  static unsigned made;
  const size_t size = strlen(pattern);
  if (size < 6 + (size_t)suffix) return Fail(EINVAL);
  char* const end = pattern + size - 6 - suffix;
  for (;;) {
    char number[7];
    snprintf(number, sizeof(number), "%06u", made++ % 1000000);
    memcpy(end, number, 6);
    const int fd = OpenPath(AT_FDCWD, pattern, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}
HOOK int mkostemps(char* pattern, int suffix, int flags) {
  if (Active() && pattern[0] != '/') return MakeTemporary(pattern, suffix, flags);
  static int (*next)(char*, int, int);
  if (next == NULL) next = (int (*)(char*, int, int))Next("mkostemps");
  return next(pattern, suffix, flags);
}
HOOK int mkostemps64(char* pattern, int suffix, int flags) __attribute__((alias("mkostemps")));
HOOK int mkostemp(char* pattern, int flags) { return mkostemps(pattern, 0, flags); }
HOOK int mkostemp64(char* pattern, int flags) { return mkostemps(pattern, 0, flags); }
HOOK int mkstemp(char* pattern) { return mkostemps(pattern, 0, 0); }
HOOK int mkstemp64(char* pattern) { return mkostemps(pattern, 0, 0); }

int CloseFile(Fd* of) {
  // What was open when a child was forked is its parent's.
  if (of->side) return 0;
  return (int)Result(Make(NewCall(kSandboxCallClose, of)));
}

void InheritFiles(void) {
  for (int fd = 0; fd < kMaxFds; ++fd) {
    if (fds[fd].kind == kFdFile) fds[fd].side = 1;
  }
}

static ssize_t ReadAt(Fd* of, void* bytes, size_t size, const off64_t* at) {
  SandboxCall* const call = NewCall(at == NULL ? kSandboxCallRead : kSandboxCallReadAt, of);
  call->size = size < kSandboxCallBytes ? (int64_t)size : kSandboxCallBytes;
  if (at != NULL) call->offset = *at;
  const int64_t read = Make(call);
  if (read > 0) memcpy(bytes, memory->call_bytes, (size_t)read);
  return Result(read);
}
// A call has taken time.
static void TakeTime(int64_t ns) {
  if (ns == 0) return;
  if (in_child) {
    DelayChild(ns);
  } else {
    Spend(ns);
  }
}

static ssize_t WriteAt(Fd* of, const void* bytes, size_t size, const off64_t* at) {
  SandboxCall* const call = NewCall(at == NULL ? kSandboxCallWrite : kSandboxCallWriteAt, of);
  call->size = size < kSandboxCallBytes ? (int64_t)size : kSandboxCallBytes;
  if (at != NULL) call->offset = *at;
  memcpy(memory->call_bytes, bytes, (size_t)call->size);
  const int64_t written = Make(call);
  TakeTime(call->delay_ns);
  return Result(written);
}
ssize_t ReadFile(Fd* of, void* bytes, size_t size) { return ReadAt(of, bytes, size, NULL); }
ssize_t WriteFile(Fd* of, const void* bytes, size_t size) { return WriteAt(of, bytes, size, NULL); }

HOOK ssize_t pread(int fd, void* bytes, size_t size, off_t at) {
  Fd* const of = FileOf(fd);
  return of == NULL ? syscall(SYS_pread64, fd, bytes, size, at) : ReadAt(of, bytes, size, &at);
}
HOOK ssize_t pread64(int fd, void* bytes, size_t size, off64_t at) __attribute__((alias("pread")));
HOOK ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  Fd* const of = FileOf(fd);
  return of == NULL ? syscall(SYS_pwrite64, fd, bytes, size, at) : WriteAt(of, bytes, size, &at);
}
HOOK ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at)
    __attribute__((alias("pwrite")));

HOOK off_t lseek(int fd, off_t offset, int whence) {
  Fd* const of = FileOf(fd);
  if (of == NULL) return syscall(SYS_lseek, fd, offset, whence);
  SandboxCall* const call = NewCall(kSandboxCallSeek, of);
  call->offset = offset;
  call->flags = (uint32_t)whence;
  return Result(Make(call));
}
HOOK off64_t lseek64(int fd, off64_t offset, int whence) __attribute__((alias("lseek")));

// --- Syncs.

static int Sync(Fd* of) {
  uint64_t point = 0;
  if (!IsMainThread()) {
    // The main thread goes on while it is under way.
    SandboxCall* const begins = NewCall(kSandboxCallSyncBegins, of);
    Make(begins);
    point = begins->point;
    if (begins->delay_ns > 0) SleepThread(TrueNow() + begins->delay_ns);
  }
  SandboxCall* const call = NewCall(kSandboxCallSync, of);
  call->point = point;
  const int64_t result = Make(call);
  if (point == 0) TakeTime(call->delay_ns);
  return (int)Result(result);
}

HOOK int fsync(int fd) {
  Fd* const of = FileOf(fd);
  if (of != NULL) return Sync(of);
  return Active() ? 0 : (int)syscall(SYS_fsync, fd);
}
HOOK int fdatasync(int fd) {
  Fd* const of = FileOf(fd);
  if (of != NULL) return Sync(of);
  return Active() ? 0 : (int)syscall(SYS_fdatasync, fd);
}
// It promises nothing: neither the size of the file nor the disk's own cache is written.
HOOK int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
  return Active() ? 0 : (int)syscall(SYS_sync_file_range, fd, from, size, flags);
}
HOOK int syncfs(int fd) {
  if (Active()) Refuse("syncfs");
  return (int)syscall(SYS_syncfs, fd);
}
HOOK void sync(void) {
  if (Active()) Refuse("sync");
  syscall(SYS_sync);
}

// --- Sizes, names, attributes.

HOOK int ftruncate(int fd, off_t size) {
  Fd* const of = FileOf(fd);
  if (of == NULL) return (int)syscall(SYS_ftruncate, fd, size);
  SandboxCall* const call = NewCall(kSandboxCallTruncate, of);
  call->size = size;
  return (int)Result(Make(call));
}
HOOK int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));
HOOK int truncate(const char* path, off_t size) {
  if (!OnDisk(AT_FDCWD, path)) return (int)syscall(SYS_truncate, path, size);
  return (int)Result(CallPath(kSandboxCallTruncate, path, size));
}
HOOK int truncate64(const char* path, off64_t size) __attribute__((alias("truncate")));

// The answer of kSandboxCallSize.
static int FillStatus(int64_t size, struct stat* out) {
  if (size < 0) return Fail((int)-size);
  memset(out, 0, sizeof(*out));
  out->st_mode = memory->call.flags ? S_IFDIR | 0755 : S_IFREG | 0644;
  out->st_nlink = 1;
  out->st_size = size;
  out->st_blksize = 4096;
  out->st_blocks = (size + 511) / 512;
  return 0;
}
HOOK int stat(const char* restrict path, struct stat* restrict out) {
  if (!OnDisk(AT_FDCWD, path)) {
    if (Active() && IsHidden(path)) return Fail(ENOENT);
    return (int)syscall(SYS_stat, path, out);
  }
  return FillStatus(CallPath(kSandboxCallSize, path, 0), out);
}
HOOK int stat64(const char* restrict path, struct stat64* restrict out)
    __attribute__((alias("stat")));
HOOK int lstat(const char* restrict path, struct stat* restrict out) {
  if (OnDisk(AT_FDCWD, path)) return stat(path, out);
  return (int)syscall(SYS_lstat, path, out);
}
HOOK int lstat64(const char* restrict path, struct stat64* restrict out)
    __attribute__((alias("lstat")));
HOOK int fstat(int fd, struct stat* out) {
  Fd* const of = FileOf(fd);
  if (of == NULL) return (int)syscall(SYS_fstat, fd, out);
  return FillStatus(Make(NewCall(kSandboxCallSize, of)), out);
}
HOOK int fstat64(int fd, struct stat64* out) __attribute__((alias("fstat")));
HOOK int fstatat(int directory, const char* restrict path, struct stat* restrict out, int flags) {
  if (OnDisk(directory, path)) return stat(path, out);
  return (int)syscall(SYS_newfstatat, directory, path, out, flags);
}
HOOK int fstatat64(int directory, const char* restrict path, struct stat64* restrict out, int flags)
    __attribute__((alias("fstatat")));
HOOK int access(const char* path, int how) {
  if (!OnDisk(AT_FDCWD, path)) return (int)syscall(SYS_access, path, how);
  return (int)Result(CallPath(kSandboxCallSize, path, 0)) < 0 ? -1 : 0;
}

HOOK int rename(const char* from, const char* to) {
  if (!OnDisk(AT_FDCWD, from)) return (int)syscall(SYS_rename, from, to);
  SandboxCall* const call = NewCall(kSandboxCallRename, NULL);
  if (!Put(from, call->path) || !Put(to, call->to)) return -1;
  return (int)Result(Make(call));
}
HOOK int renameat(int from_directory, const char* from, int to_directory, const char* to) {
  if (OnDisk(from_directory, from) && OnDisk(to_directory, to)) return rename(from, to);
  return (int)syscall(SYS_renameat, from_directory, from, to_directory, to);
}
HOOK int unlink(const char* path) {
  if (!OnDisk(AT_FDCWD, path)) return (int)syscall(SYS_unlink, path);
  return (int)Result(CallPath(kSandboxCallUnlink, path, 0));
}
HOOK int rmdir(const char* path) {
  if (!OnDisk(AT_FDCWD, path)) return (int)syscall(SYS_rmdir, path);
  return (int)Result(CallPath(kSandboxCallRemoveDirectory, path, 0));
}
HOOK int unlinkat(int directory, const char* path, int flags) {
  if (OnDisk(directory, path)) return flags & AT_REMOVEDIR ? rmdir(path) : unlink(path);
  return (int)syscall(SYS_unlinkat, directory, path, flags);
}
HOOK int remove(const char* path) {
  if (unlink(path) == 0) return 0;
  return errno == EISDIR ? rmdir(path) : -1;
}
HOOK int mkdir(const char* path, mode_t mode) {
  if (!OnDisk(AT_FDCWD, path)) return (int)syscall(SYS_mkdir, path, mode);
  return (int)Result(CallPath(kSandboxCallMakeDirectory, path, 0));
}
HOOK int link(const char* from, const char* to) {
  if (OnDisk(AT_FDCWD, from) || OnDisk(AT_FDCWD, to)) Refuse("a second name of a file");
  return (int)syscall(SYS_link, from, to);
}
HOOK int symlink(const char* from, const char* to) {
  if (OnDisk(AT_FDCWD, to)) Refuse("a symbolic link");
  return (int)syscall(SYS_symlink, from, to);
}

// The directory of a node has no name that it could see: so the name has no influence, and a copy
// of the node can have another one.
HOOK char* getcwd(char* out, size_t size) {
  if (Active()) {
    const char* const name = working[0] ? working : ".";
    if (out == NULL) return strdup(name);
    if (size > strlen(name)) return strcpy(out, name);
    errno = ERANGE;
    return NULL;
  }
  static char* (*next)(char*, size_t);
  if (next == NULL) next = (char* (*)(char*, size_t))Next("getcwd");
  return next(out, size);
}
HOOK char* get_current_dir_name(void) { return getcwd(NULL, 0); }
HOOK int chdir(const char* path) {
  if (!Active()) return (int)syscall(SYS_chdir, path);
  if (path[0] == '/') {
    Refuse("a working directory of its own (%s): its files are in its working directory", path);
  }
  if (strcmp(path, ".") == 0 || strcmp(path, "./") == 0) return 0;
  const int64_t size = CallPath(kSandboxCallSize, path, 0);
  if (size < 0) return Fail((int)-size);
  if (!memory->call.flags) return Fail(ENOTDIR);
  memcpy(working, memory->call.path, sizeof(working));
  return 0;
}

// Nothing else uses the files, and their owner may do everything.
HOOK int flock(int fd, int operation) {
  return FileOf(fd) != NULL ? 0 : (int)syscall(SYS_flock, fd, operation);
}
HOOK int fchmod(int fd, mode_t mode) {
  return FileOf(fd) != NULL ? 0 : (int)syscall(SYS_fchmod, fd, mode);
}
HOOK int chmod(const char* path, mode_t mode) {
  return OnDisk(AT_FDCWD, path) ? 0 : (int)syscall(SYS_chmod, path, mode);
}
HOOK int posix_fadvise(int fd, off_t from, off_t size, int advice) {
  return FdOf(fd) != NULL ? 0 : (int)-syscall(SYS_fadvise64, fd, from, size, advice);
}
HOOK int posix_fadvise64(int fd, off64_t from, off64_t size, int advice)
    __attribute__((alias("posix_fadvise")));
HOOK int fallocate(int fd, int mode, off_t from, off_t size) {
  if (FileOf(fd) != NULL) return Fail(EOPNOTSUPP);
  return (int)syscall(SYS_fallocate, fd, mode, from, size);
}
HOOK int fallocate64(int fd, int mode, off64_t from, off64_t size)
    __attribute__((alias("fallocate")));
HOOK int posix_fallocate(int fd, off_t from, off_t size) {
  if (FileOf(fd) != NULL) return EOPNOTSUPP;
  return (int)-syscall(SYS_fallocate, fd, 0, from, size);
}
HOOK int posix_fallocate64(int fd, off64_t from, off64_t size)
    __attribute__((alias("posix_fallocate")));

// --- Directories.

typedef struct Listing {
  uint8_t used;
  uint32_t size;
  uint32_t at;
  struct dirent64 entry;
  char names[1 << 16];
} Listing;

static Listing listings[4];

static Listing* ListingOf(DIR* directory) {
  Listing* const listing = (Listing*)directory;
  return listing >= listings && listing < listings + 4 ? listing : NULL;
}

HOOK DIR* opendir(const char* path) {
  if (OnDisk(AT_FDCWD, path)) {
    Listing* listing = listings;
    while (listing->used) {
      if (++listing == listings + 4) Refuse("more than 4 open directories");
    }
    const int64_t size = CallPath(kSandboxCallList, path, 0);
    if (size < 0) {
      errno = (int)-size;
      return NULL;
    }
    if (size > (int64_t)sizeof(listing->names)) Refuse("a directory with too many names");
    memcpy(listing->names, memory->call_bytes, (size_t)size);
    listing->used = 1;
    listing->size = (uint32_t)size;
    listing->at = 0;
    return (DIR*)listing;
  }
  if (Active() && IsHidden(path)) {
    errno = ENOENT;
    return NULL;
  }
  static DIR* (*next)(const char*);
  if (next == NULL) next = (DIR * (*)(const char*)) Next("opendir");
  return next(path);
}
HOOK struct dirent64* readdir64(DIR* directory) {
  Listing* const listing = ListingOf(directory);
  if (listing != NULL) {
    if (listing->at >= listing->size) return NULL;
    struct dirent64* const entry = &listing->entry;
    memset(entry, 0, sizeof(*entry));
    strncpy(entry->d_name, listing->names + listing->at, sizeof(entry->d_name) - 1);
    listing->at += (uint32_t)strlen(entry->d_name) + 1;
    entry->d_type = DT_UNKNOWN;
    entry->d_ino = listing->at;
    return entry;
  }
  static struct dirent64* (*next)(DIR*);
  if (next == NULL) next = (struct dirent64 * (*)(DIR*)) Next("readdir64");
  return next(directory);
}
HOOK struct dirent* readdir(DIR* directory) { return (struct dirent*)readdir64(directory); }
HOOK int closedir(DIR* directory) {
  Listing* const listing = ListingOf(directory);
  if (listing != NULL) {
    listing->used = 0;
    return 0;
  }
  static int (*next)(DIR*);
  if (next == NULL) next = (int (*)(DIR*))Next("closedir");
  return next(directory);
}
