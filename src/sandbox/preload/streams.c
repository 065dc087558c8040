// Streams of the C library over files of the node's disk. The library would call the system by
// itself; a stream of ours calls the functions of files.c, with as much at a time.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

enum { kMaxStreams = 64, kStreamBytes = 4096 };

typedef struct Stream {
  FILE* file;  // NULL: unused
  int fd;
  char buffer[kStreamBytes];
} Stream;

static Stream streams[kMaxStreams];

static ssize_t ReadStream(void* cookie, char* bytes, size_t size) {
  return read(((Stream*)cookie)->fd, bytes, size);
}
// All of it, as the library does: the rest after a short write, nothing after an error.
static ssize_t WriteStream(void* cookie, const char* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t written = write(((Stream*)cookie)->fd, bytes + done, size - done);
    if (written < 0) break;
    done += (size_t)written;
  }
  return (ssize_t)done;
}
static int SeekStream(void* cookie, off64_t* offset, int whence) {
  const off64_t at = lseek64(((Stream*)cookie)->fd, *offset, whence);
  if (at < 0) return -1;
  *offset = at;
  return 0;
}
static int CloseStream(void* cookie) {
  Stream* const stream = cookie;
  stream->file = NULL;
  return close(stream->fd);
}

// Flags of open() for a mode of fopen(); -1: there is no such mode.
static int FlagsOf(const char* mode) {
  const int plus = strchr(mode, '+') != NULL;
  int flags = 0;
  switch (mode[0]) {
    case 'r':
      flags = plus ? O_RDWR : O_RDONLY;
      break;
    case 'w':
      flags = (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_TRUNC;
      break;
    case 'a':
      flags = (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND;
      break;
    default:
      return -1;
  }
  return strchr(mode, 'x') != NULL ? flags | O_EXCL : flags;
}

static FILE* OpenStream(int fd, const char* mode) {
  Stream* stream = streams;
  while (stream->file != NULL) {
    if (++stream == streams + kMaxStreams) Refuse("more than %d open streams", kMaxStreams);
  }
  const cookie_io_functions_t functions = {
      .read = ReadStream, .write = WriteStream, .seek = SeekStream, .close = CloseStream};
  stream->file = fopencookie(stream, mode, functions);
  if (stream->file == NULL) return NULL;
  stream->fd = fd;
  setvbuf(stream->file, stream->buffer, _IOFBF, sizeof(stream->buffer));
  return stream->file;
}

static Stream* Find(const FILE* file) {
  if (memory == NULL) return NULL;
  for (Stream* stream = streams; stream < streams + kMaxStreams; ++stream) {
    if (stream->file == file && file != NULL) return stream;
  }
  return NULL;
}

HOOK FILE* fopen(const char* restrict path, const char* restrict mode) {
  static FILE* (*next)(const char*, const char*);
  if (next == NULL) next = (FILE * (*)(const char*, const char*)) Next("fopen");
  if (!Active()) return next(path, mode);
  const int flags = FlagsOf(mode);
  if (flags < 0) {
    errno = EINVAL;
    return NULL;
  }
  const int fd = OpenPath(AT_FDCWD, path, flags, 0666);
  if (fd < 0) return NULL;
  return FileOf(fd) != NULL ? OpenStream(fd, mode) : fdopen(fd, mode);
}
HOOK FILE* fopen64(const char* restrict path, const char* restrict mode)
    __attribute__((alias("fopen")));

HOOK FILE* fdopen(int fd, const char* mode) {
  if (FileOf(fd) != NULL) return OpenStream(fd, mode);
  static FILE* (*next)(int, const char*);
  if (next == NULL) next = (FILE * (*)(int, const char*)) Next("fdopen");
  return next(fd, mode);
}

HOOK int fileno(FILE* file) {
  const Stream* const stream = Find(file);
  if (stream != NULL) return stream->fd;
  static int (*next)(FILE*);
  if (next == NULL) next = (int (*)(FILE*))Next("fileno");
  return next(file);
}
HOOK int fileno_unlocked(FILE* file) { return fileno(file); }
