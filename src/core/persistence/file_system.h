#ifndef RESPROBE_CORE_PERSISTENCE_FILE_SYSTEM_H_
#define RESPROBE_CORE_PERSISTENCE_FILE_SYSTEM_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// All input and output of a server's persistence: the system calls that redis 7.0 makes for its
// files (aof.c, rdb.c, rio.c), one function each. `serve` implements it with the real calls, the
// simulation with a simulated disk (sim/disk).
//
// A path is relative to the server's directory: "dump.rdb",
// "appendonlydir/appendonly.aof.manifest". A file is named by a descriptor that Open() returns. A
// result below 0 is an error: the negated errno value, -ENOSPC for instance.
class FileSystem {
 public:
  enum class Mode : uint8_t {
    kRead,     // O_RDONLY: the file must exist
    kReplace,  // O_WRONLY | O_CREAT | O_TRUNC
    kAppend,   // O_WRONLY | O_CREAT | O_APPEND
  };

  virtual ~FileSystem() = default;

  // The descriptor, 0 or above.
  virtual int Open(std::string_view path, Mode mode) = 0;
  // The number of bytes read, which may be fewer than asked for; 0 at the end of the file.
  virtual int64_t Read(int file, std::span<char> into) = 0;
  // The number of bytes written, which may be fewer than given.
  virtual int64_t Write(int file, std::string_view bytes) = 0;
  // fdatasync(): once it returns 0, the contents and the size of the file are durable. Its name is
  // not: SyncDirectory().
  virtual int Sync(int file) = 0;
  // An fsync in a thread makes durable what was written before it began, and perhaps more. The
  // point in time now; and Sync() as if it had begun then.
  virtual uint64_t SyncPoint() { return 0; }
  virtual int SyncUpTo(int file, uint64_t /*point*/) { return Sync(file); }
  virtual int Truncate(int file, int64_t size) = 0;
  // In bytes.
  virtual int64_t Size(int file) = 0;
  // The descriptor is invalid afterwards, also after an error.
  virtual int Close(int file) = 0;

  virtual int Rename(std::string_view from, std::string_view to) = 0;
  virtual int Unlink(std::string_view path) = 0;
  // 0 also if it exists.
  virtual int MakeDirectory(std::string_view path) = 0;
  // fsync() of a directory ("": the server's own): its entries are durable.
  virtual int SyncDirectory(std::string_view path) = 0;
  // The names in a directory, sorted by bytes.
  virtual int List(std::string_view path, std::vector<std::string>* names) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_FILE_SYSTEM_H_
