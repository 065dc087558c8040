#ifndef RESPROBE_CORE_PERSISTENCE_FORWARDING_FILES_H_
#define RESPROBE_CORE_PERSISTENCE_FORWARDING_FILES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"

namespace resprobe {

// Hands every call on to another file system: the base of those that do one thing wrong.
class ForwardingFiles : public FileSystem {
 public:
  explicit ForwardingFiles(FileSystem* real) : real_(*real) {}  // not owned

  int Open(std::string_view path, Mode mode) override { return real_.Open(path, mode); }
  int64_t Read(int file, std::span<char> into) override { return real_.Read(file, into); }
  int64_t Write(int file, std::string_view bytes) override { return real_.Write(file, bytes); }
  int Sync(int file) override { return real_.Sync(file); }
  uint64_t SyncPoint() override { return real_.SyncPoint(); }
  int SyncUpTo(int file, uint64_t point) override { return real_.SyncUpTo(file, point); }
  int Truncate(int file, int64_t size) override { return real_.Truncate(file, size); }
  int64_t Size(int file) override { return real_.Size(file); }
  int Close(int file) override { return real_.Close(file); }
  int Rename(std::string_view from, std::string_view to) override { return real_.Rename(from, to); }
  int Unlink(std::string_view path) override { return real_.Unlink(path); }
  int MakeDirectory(std::string_view path) override { return real_.MakeDirectory(path); }
  int SyncDirectory(std::string_view path) override { return real_.SyncDirectory(path); }
  int List(std::string_view path, std::vector<std::string>* names) override {
    return real_.List(path, names);
  }

 protected:
  FileSystem& real_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_FORWARDING_FILES_H_
