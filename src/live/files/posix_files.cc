#include "live/files/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace resprobe::live {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kFileMode = 0644;  // redis's
constexpr mode_t kDirectoryMode = 0755;

// Repeats a call that a signal has interrupted; the negated errno value if it fails.
template <class Call>
auto Repeated(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(result)>(-errno);
  }
}

}  // namespace

int PosixFiles::Start(const std::string& directory) {
  root_.Reset();
  const int fd =
      Repeated([&] { return open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return fd;
  root_.Reset(fd);
  return 0;
}

PosixFiles::Parent PosixFiles::ParentOf(std::string_view path) const {
  Parent parent{.directory = root_.get(), .owned = {}, .name = {}};
  while (true) {
    const size_t slash = path.find('/');
    parent.name = path.substr(0, slash);
    if (parent.name.empty() || parent.name == "." || parent.name == "..") {
      parent.error = -EINVAL;
      return parent;
    }
    if (slash == std::string_view::npos) return parent;
    path.remove_prefix(slash + 1);
    const int fd =
        Repeated([&] { return openat(parent.directory, parent.name.c_str(), kDirectoryFlags); });
    if (fd < 0) {
      parent.error = fd;
      return parent;
    }
    parent.owned.Reset(fd);
    parent.directory = fd;
  }
}

int PosixFiles::OpenDirectory(std::string_view path, UniqueFd* directory) const {
  int fd = 0;
  if (path.empty()) {
    fd = Repeated([&] { return openat(root_.get(), ".", kDirectoryFlags); });
  } else {
    const Parent parent = ParentOf(path);
    if (parent.error != 0) return parent.error;
    fd = Repeated([&] { return openat(parent.directory, parent.name.c_str(), kDirectoryFlags); });
  }
  if (fd < 0) return fd;
  directory->Reset(fd);
  return 0;
}

int PosixFiles::Open(std::string_view path, Mode mode) {
  const Parent parent = ParentOf(path);
  if (parent.error != 0) return parent.error;
  constexpr int kFlags[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND};
  const int flags = kFlags[static_cast<size_t>(mode)] | O_NOFOLLOW | O_CLOEXEC;
  return Repeated([&] { return openat(parent.directory, parent.name.c_str(), flags, kFileMode); });
}

int64_t PosixFiles::Read(int file, std::span<char> into) {
  return Repeated([&] { return read(file, into.data(), into.size()); });
}

int64_t PosixFiles::Write(int file, std::string_view bytes) {
  return Repeated([&] { return write(file, bytes.data(), bytes.size()); });
}

int PosixFiles::Sync(int file) {
  return Repeated([&] { return fdatasync(file); });
}

int PosixFiles::Truncate(int file, int64_t size) {
  return Repeated([&] { return ftruncate(file, size); });
}

int64_t PosixFiles::Size(int file) {
  struct stat status{};
  return fstat(file, &status) == 0 ? status.st_size : -errno;
}

int PosixFiles::Close(int file) {
  // Linux has closed the file even if it returns EINTR.
  return close(file) == 0 || errno == EINTR ? 0 : -errno;
}

int PosixFiles::Rename(std::string_view from, std::string_view to) {
  const Parent source = ParentOf(from);
  if (source.error != 0) return source.error;
  const Parent target = ParentOf(to);
  if (target.error != 0) return target.error;
  return Repeated([&] {
    return renameat(source.directory, source.name.c_str(), target.directory, target.name.c_str());
  });
}

int PosixFiles::Unlink(std::string_view path) {
  const Parent parent = ParentOf(path);
  if (parent.error != 0) return parent.error;
  return Repeated([&] { return unlinkat(parent.directory, parent.name.c_str(), 0); });
}

int PosixFiles::MakeDirectory(std::string_view path) {
  const Parent parent = ParentOf(path);
  if (parent.error != 0) return parent.error;
  const int result =
      Repeated([&] { return mkdirat(parent.directory, parent.name.c_str(), kDirectoryMode); });
  return result == -EEXIST ? 0 : result;
}

int PosixFiles::SyncDirectory(std::string_view path) {
  UniqueFd directory;
  const int error = OpenDirectory(path, &directory);
  if (error != 0) return error;
  return Repeated([&] { return fsync(directory.get()); });
}

int PosixFiles::List(std::string_view path, std::vector<std::string>* names) {
  names->clear();
  UniqueFd directory;
  if (const int error = OpenDirectory(path, &directory)) return error;
  const int fd = dup(directory.get());
  if (fd < 0) return -errno;
  DIR* stream = fdopendir(fd);
  if (stream == nullptr) {
    const int error = -errno;
    close(fd);
    return error;
  }
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names->emplace_back(name);
  }
  const int error = -errno;
  closedir(stream);
  std::ranges::sort(*names);
  return error;
}

}  // namespace resprobe::live
