#ifndef RESPROBE_CORE_PERSISTENCE_AOF_READER_H_
#define RESPROBE_CORE_PERSISTENCE_AOF_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/aof_manifest.h"
#include "core/persistence/file_system.h"
#include "core/persistence/persistence_log.h"
#include "core/table/profile.h"

namespace resprobe {

// What loads the contents of an append-only log: a server, through a client that gets no replies.
class AofSink {
 public:
  virtual ~AofSink() = default;

  // A file begins: the next command runs in database 0.
  virtual void BeginFile() = 0;
  // False for a command, or a subcommand of a container, that the server does not have.
  virtual bool Knows(std::span<const std::string_view> args) = 0;
  // Runs a command that it knows. No command blocks, and none is refused for its client's rights;
  // an error is logged, and loading goes on. MULTI and EXEC never come: commands of a transaction
  // come when its EXEC has been read.
  virtual void Run(std::span<const std::string_view> args) = 0;
  // The EXEC of a transaction has been read, and its commands come. False if they must not be run:
  // a key that the client watches has changed.
  virtual bool BeginTransaction() { return true; }
  // They have been run. No key is watched any more.
  virtual void EndTransaction() {}

  struct Rdb {
    enum class Status : uint8_t {
      kLoaded,
      kRefused,  // the version of the format
      kFatal,    // everything else: the server has logged why, and exits at once
    };
    Status status;
    size_t size = 0;  // of the RDB file that the bytes begin with
  };
  // Loads the RDB file at the beginning of these bytes. Keys are kept whose time has passed.
  virtual Rdb LoadRdb(std::string_view bytes) = 0;
};

// Loads an append-only log (redis 7.0 aof.c, loadAppendOnlyFiles): the base, then the incremental
// files in order. Needs memory for the longest command or transaction, and for an RDB base.
class AofReader {
 public:
  enum class Result : uint8_t {
    kNone,   // there is no log
    kEmpty,  // its files are all empty
    kLoaded,
    kTruncated,  // loaded; the last file has been cut back to its last whole command
    kFailed,     // the server exits; the reason has been logged
  };
  struct Options {
    Profile profile = Profile::kRedis70;
    // aof-load-truncated.
    bool load_truncated = true;
    // Cuts a file back as redis 7.0.15 and valkey 8.0.1 do. They leave an open MULTI if a command
    // of the transaction is short: the next start takes it for the beginning of all that has been
    // written since. They leave a part of an annotation, to which the next command is appended.
    // They cut an RDB file with a short tail back to nothing. Otherwise a file is cut before the
    // MULTI, the annotation, or the tail.
    bool keep_faults = false;
  };

  // Also moves an append-only file of redis 6 into the directory, where it becomes the base.
  Result Load(FileSystem* files, AofManifest* manifest, const Options& options, AofSink* sink,
              PersistenceLog* log);

  // Bytes of the files, and of the open transaction, that are held.
  size_t MemoryUsed() const { return buffer_.size() + queued_bytes_.size(); }
  // Where the last whole command ended, or the transaction that was not: of the file loaded last.
  uint64_t valid_up_to() const { return valid_up_to_; }

 private:
  enum class FileResult : uint8_t { kLoaded, kTruncated, kEmpty, kMissing, kCannotOpen, kFailed };
  enum class Step : uint8_t {
    kOk,
    kEnd,        // of the file, between commands
    kShort,      // the file ends too early
    kReadError,  // the file cannot be read
    kBadFormat,
    kOutOfMemory,  // a length that no server can allocate
    kUnknown,      // a command that the sink does not know
  };
  struct Range {
    size_t begin;
    size_t size;
  };

  bool Upgrade();
  bool NeedsUpgrade();
  bool Exists(std::string_view path);
  // The path of a file of the manifest; valid until the next call.
  const std::string& PathOf(std::string_view name);
  int64_t TotalSize(bool* good);
  int64_t SizeOf(std::string_view name);
  Result LoadFile(const AofFile& file, bool last);
  FileResult ReadFile(std::string_view name);
  FileResult ReadCommands(std::string_view name);
  FileResult ReadBase(std::string_view name);
  FileResult Short(std::string_view name);
  FileResult Fail(Step step, std::string_view name);
  Step ReadCommand();
  Step ReadArguments(int32_t count);
  Step ReadArgument();
  Step TakeArgument(uint64_t size);
  Step RunCommand();
  void RunTransaction();
  bool Fill(size_t bytes);
  std::string_view Line();
  // Reads a line of a type, a few digits, and CRLF, as nearly all are, if it is in buffer_.
  bool PlainLine(char type, uint32_t* number);
  void Forget();
  uint64_t offset() const { return begin_ + at_; }
  void Log(std::initializer_list<std::string_view> parts);

  FileSystem* files_ = nullptr;
  AofManifest* manifest_ = nullptr;
  Options options_;
  AofSink* sink_ = nullptr;
  PersistenceLog* log_ = nullptr;

  // The current file.
  int file_ = -1;
  int64_t error_ = 0;
  bool at_end_ = false;  // no bytes follow those in buffer_
  uint64_t left_ = 0;    // expected to follow
  std::string buffer_;   // a part of the file
  uint64_t begin_ = 0;   // where in the file buffer_ begins
  size_t at_ = 0;        // in buffer_: what is read next
  uint64_t valid_up_to_ = 0;
  uint64_t before_multi_ = 0;
  bool in_multi_ = false;

  std::vector<Range> ranges_;  // of the current command, in buffer_
  std::vector<std::string_view> args_;
  // The commands of the open transaction.
  std::string queued_bytes_;
  std::vector<size_t> queued_sizes_;   // of arguments
  std::vector<size_t> queued_counts_;  // of arguments of each command
  std::string text_;
  std::string path_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_AOF_READER_H_
