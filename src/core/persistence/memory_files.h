#ifndef RESPROBE_CORE_PERSISTENCE_MEMORY_FILES_H_
#define RESPROBE_CORE_PERSISTENCE_MEMORY_FILES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"

namespace resprobe {

// Files in memory, without faults: for tests, and for harnesses that are not about disks. A folder
// exists once MakeDirectory() or Set() has named it. Reset() keeps memory.
class MemoryFiles : public FileSystem {
 public:
  void Reset();

  // Replaces a file's contents, or makes it, and its folder.
  void Set(std::string_view path, std::string_view bytes);
  // Nullptr if there is no such file. Valid until the next call that makes a file.
  const std::string* Find(std::string_view path) const;
  // The calls that may have changed a file or a name, except Set().
  uint64_t changes() const { return changes_; }
  // All paths, sorted by bytes.
  std::vector<std::string> Paths() const;

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
  static constexpr size_t kNone = static_cast<size_t>(-1);
  // A file that may be open without having a name.
  struct Inode {
    std::string bytes;
    bool named = false;
    int open = 0;
  };
  struct Entry {
    std::string path;
    size_t inode;
  };
  struct Descriptor {
    size_t inode = kNone;  // not open
    size_t at = 0;
    bool appends = false;
    bool writes = false;
  };

  size_t EntryOf(std::string_view path) const;
  size_t Make(std::string_view path);
  bool HasDirectory(std::string_view path) const;
  // The directory that a path is in: "" if it has no '/'.
  static std::string_view DirectoryOf(std::string_view path);
  Descriptor* Find(int file);

  // The first `*_count_` are in use; the others keep memory.
  std::vector<Inode> inodes_;
  size_t inode_count_ = 0;
  std::vector<Entry> entries_;
  size_t entry_count_ = 0;
  std::vector<std::string> directories_;
  size_t directory_count_ = 0;
  std::vector<Descriptor> descriptors_;
  uint64_t changes_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_MEMORY_FILES_H_
