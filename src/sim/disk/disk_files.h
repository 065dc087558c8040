#ifndef RESPROBE_SIM_DISK_DISK_FILES_H_
#define RESPROBE_SIM_DISK_DISK_FILES_H_

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"
#include "sim/disk/disk.h"

namespace resprobe {

// The file system of the core's persistence, in a directory of a simulated disk.
class DiskFiles : public FileSystem {
 public:
  // `disk` is not owned. `directory` ("": the root) must exist when files are used.
  explicit DiskFiles(Disk* disk, std::string_view directory = "") : disk_(disk) {
    if (!directory.empty()) prefix_ = std::string(directory) + '/';
  }

  int Open(std::string_view path, Mode mode) override {
    constexpr uint32_t kFlags[] = {Disk::kReadOnly,
                                   Disk::kWriteOnly | Disk::kCreate | Disk::kTruncate,
                                   Disk::kWriteOnly | Disk::kCreate | Disk::kAppend};
    return disk_->Open(Full(path, &path_), kFlags[static_cast<size_t>(mode)]);
  }
  int64_t Read(int file, std::span<char> into) override { return disk_->Read(file, into); }
  int64_t Write(int file, std::string_view bytes) override { return disk_->Write(file, bytes); }
  int Sync(int file) override { return disk_->Sync(file); }
  uint64_t SyncPoint() override { return disk_->sync_point(); }
  int SyncUpTo(int file, uint64_t point) override { return disk_->Sync(file, point); }
  int Truncate(int file, int64_t size) override { return disk_->Truncate(file, size); }
  int64_t Size(int file) override { return disk_->Size(file); }
  int Close(int file) override { return disk_->Close(file); }

  int Rename(std::string_view from, std::string_view to) override {
    return disk_->Rename(Full(from, &path_), Full(to, &to_));
  }
  int Unlink(std::string_view path) override { return disk_->Unlink(Full(path, &path_)); }
  int MakeDirectory(std::string_view path) override {
    const int error = disk_->MakeDirectory(Full(path, &path_));
    return error == -EEXIST ? 0 : error;
  }
  int SyncDirectory(std::string_view path) override {
    const int directory = disk_->Open(Full(path, &path_), Disk::kReadOnly | Disk::kDirectory);
    if (directory < 0) return directory;
    const int error = disk_->Sync(directory);
    disk_->Close(directory);
    return error;
  }
  int List(std::string_view path, std::vector<std::string>* names) override {
    return disk_->List(Full(path, &path_), names);
  }

 private:
  std::string_view Full(std::string_view path, std::string* full) const {
    if (prefix_.empty()) return path;
    full->assign(prefix_).append(path);
    return *full;
  }

  Disk* disk_;
  std::string prefix_;
  std::string path_;
  std::string to_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_DISK_FILES_H_
