#include "core/persistence/file_io.h"

#include <algorithm>
#include <cerrno>
#include <span>

namespace resprobe {
namespace {

constexpr uint64_t kChunk = 64 << 10;

}  // namespace

int64_t ReadMore(FileSystem* files, int file, uint64_t most, std::string* out) {
  int64_t total = 0;
  while (most > 0) {
    const size_t old = out->size();
    out->resize(old + std::min(most, kChunk));
    const int64_t got = files->Read(file, std::span<char>(*out).subspan(old));
    out->resize(old + static_cast<size_t>(std::max<int64_t>(got, 0)));
    if (got == -EINTR) continue;
    if (got < 0) return got;
    if (got == 0) break;
    most -= static_cast<uint64_t>(got);
    total += got;
  }
  return total;
}

int ReadOpenFile(FileSystem* files, int file, std::string* out) {
  out->clear();
  // Asks for one byte more than there are, to see the end without another chunk.
  const int64_t size = std::max<int64_t>(files->Size(file), 0);
  int64_t got = ReadMore(files, file, static_cast<uint64_t>(size) + 1, out);
  if (got > size) got = ReadMore(files, file, UINT64_MAX, out);
  return got < 0 ? static_cast<int>(got) : 0;
}

int ReadFile(FileSystem* files, std::string_view path, std::string* out) {
  out->clear();
  const int file = files->Open(path, FileSystem::Mode::kRead);
  if (file < 0) return file;
  const int error = ReadOpenFile(files, file, out);
  files->Close(file);
  return error;
}

int64_t WriteAll(FileSystem* files, int file, std::string_view bytes) {
  int64_t total = 0;
  while (!bytes.empty()) {
    int64_t put = files->Write(file, bytes);
    if (put == -EINTR) continue;
    if (put == 0) put = -EIO;  // no file system of Linux does that
    if (put < 0) return total > 0 ? total : put;
    bytes.remove_prefix(static_cast<size_t>(put));
    total += put;
  }
  return total;
}

std::string_view FileErrorText(int64_t error) {
  switch (-error) {
    case 0:
      return "Success";
    case ENOENT:
      return "No such file or directory";
    case EINTR:
      return "Interrupted system call";
    case EIO:
      return "Input/output error";
    case EBADF:
      return "Bad file descriptor";
    case ENOMEM:
      return "Cannot allocate memory";
    case EACCES:
      return "Permission denied";
    case EEXIST:
      return "File exists";
    case ENOTDIR:
      return "Not a directory";
    case EISDIR:
      return "Is a directory";
    case EINVAL:
      return "Invalid argument";
    case EMFILE:
      return "Too many open files";
    case EFBIG:
      return "File too large";
    case ENOSPC:
      return "No space left on device";
    case EROFS:
      return "Read-only file system";
    case ENAMETOOLONG:
      return "File name too long";
    case EDQUOT:
      return "Disk quota exceeded";
    default:
      return "Unknown error";
  }
}

}  // namespace resprobe
