#ifndef RESPROBE_LIVE_FILES_POSIX_FILES_H_
#define RESPROBE_LIVE_FILES_POSIX_FILES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// The files of a real directory. A path cannot leave it: absolute paths, "..", "." and empty
// components are refused (-EINVAL), symbolic links are not followed (-ELOOP, or -ENOTDIR for a
// directory). Calls that a signal interrupts are repeated.
class PosixFiles : public FileSystem {
 public:
  // `directory` must exist. 0, or the negated errno value; then every call returns -EBADF. The
  // process may change its working directory, and the directory its name, afterwards.
  int Start(const std::string& directory);

  int Open(std::string_view path, Mode mode) override;
  int64_t Read(int file, std::span<char> into) override;
  int64_t Write(int file, std::string_view bytes) override;
  int Sync(int file) override;
  int Truncate(int file, int64_t size) override;
  int64_t Size(int file) override;
  int Close(int file) override;
  int Rename(std::string_view from, std::string_view to) override;
  int Unlink(std::string_view path) override;
  int MakeDirectory(std::string_view path) override;
  int SyncDirectory(std::string_view path) override;
  int List(std::string_view path, std::vector<std::string>* names) override;

 private:
  // The directory that holds the last component of a path.
  struct Parent {
    int error = 0;
    int directory = -1;
    UniqueFd owned;  // if it is not the root
    std::string name;
  };
  Parent ParentOf(std::string_view path) const;
  // Opens a directory; "" is the root.
  int OpenDirectory(std::string_view path, UniqueFd* directory) const;

  UniqueFd root_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_FILES_POSIX_FILES_H_
