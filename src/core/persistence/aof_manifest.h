#ifndef RESPROBE_CORE_PERSISTENCE_AOF_MANIFEST_H_
#define RESPROBE_CORE_PERSISTENCE_AOF_MANIFEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"
#include "core/persistence/persistence_log.h"

namespace resprobe {

// A file of the append-only log.
struct AofFile {
  enum class Type : char { kBase = 'b', kHistory = 'h', kIncr = 'i' };
  std::string name;  // in AofManifest::kDirectory
  int64_t seq = 0;
  Type type = Type::kIncr;
};

// Files of a manifest. What is cleared is kept for the next use, so that a server that starts again
// allocates nothing.
class AofFileList {
 public:
  AofFileList() = default;
  AofFileList(const AofFileList& other) { *this = other; }
  AofFileList& operator=(const AofFileList& other) {
    if (this == &other) return *this;
    Clear();
    for (const AofFile& file : other.files()) Append() = file;
    return *this;
  }

  std::span<const AofFile> files() const { return std::span(slots_).first(used_); }
  bool empty() const { return used_ == 0; }
  size_t size() const { return used_; }
  AofFile& back() { return slots_[used_ - 1]; }

  void Clear() { used_ = 0; }
  // A file whose contents are those of any earlier one.
  AofFile& Append() {
    if (used_ == slots_.size()) slots_.emplace_back();
    return slots_[used_++];
  }
  AofFile& AddFirst(const AofFile& file) {
    Append() = file;
    std::ranges::rotate(slots_.begin(), end() - 1, end());
    return slots_.front();
  }
  void Remove(size_t i) {
    std::ranges::rotate(slots_.begin() + static_cast<std::ptrdiff_t>(i),
                        slots_.begin() + static_cast<std::ptrdiff_t>(i) + 1, end());
    --used_;
  }

 private:
  std::vector<AofFile>::iterator end() {
    return slots_.begin() + static_cast<std::ptrdiff_t>(used_);
  }

  std::vector<AofFile> slots_;
  size_t used_ = 0;
};

// Why a manifest was refused, in the server's words.
struct AofManifestError {
  std::string_view text;
  int line = 0;         // from 1; 0 if the error is not in the contents of a line
  std::string content;  // of that line, without the space around it
};

// The list of the files that are the append-only log (redis 7.0 aof.c, aofManifest): at most one
// base, a snapshot in RDB or AOF format, and the incremental files that continue it, oldest first.
// History files have been replaced by a rewrite, and are to be removed.
//
// Copies are values: a change that may fail is made to a copy, persisted, and then kept.
class AofManifest {
 public:
  static constexpr std::string_view kDirectory = "appendonlydir";
  static constexpr std::string_view kLogName = "appendonly.aof";
  static constexpr std::string_view kPath = "appendonlydir/appendonly.aof.manifest";
  static constexpr std::string_view kTemporaryPath = "appendonlydir/temp-appendonly.aof.manifest";
  // The log's file between CONFIG SET appendonly yes and the end of the first rewrite.
  static constexpr std::string_view kTemporaryIncrPath = "appendonlydir/temp-appendonly.aof.incr";
  static constexpr size_t kMaxLine = 1024;  // with its newline

  // The path of one of its files.
  static std::string PathOf(std::string_view name);

  void Clear();

  // Replaces the list by that of a manifest file; false, with `error`, if the server would refuse
  // to start. Lines are `file NAME seq N type T`; other pairs, and lines that begin with #, are
  // ignored.
  bool Parse(std::string_view bytes, AofManifestError* error);
  // Appends the manifest file's contents.
  void Format(std::string* out) const;

  // Reads the manifest file; without one the list is empty. False if the server exits (logged).
  bool Load(FileSystem* files, PersistenceLog* log);
  // Writes the manifest file, if the list has changed since: a temporary file, synced, renamed, and
  // the directory synced. False after an error (logged); the list is unchanged then, and Persist()
  // may be called again.
  bool Persist(FileSystem* files, PersistenceLog* log);

  // Nullptr without a base.
  const AofFile* base() const { return has_base_ ? &base_ : nullptr; }
  std::span<const AofFile> incrs() const { return incrs_.files(); }
  std::span<const AofFile> history() const { return history_.files(); }
  // No base and no incremental file. (There may be history.)
  bool empty() const { return !has_base_ && incrs_.empty(); }

  // --- Changes. A name that is returned is valid until the next change.

  // Makes the file the base, or the last one of its type.
  void Add(const AofFile& file);
  // Makes a new base of the next number, and the old one history. `rdb`: its format.
  std::string_view NextBase(bool rdb);
  // Appends a new incremental file of the next number.
  std::string_view NextIncr();
  // The last incremental file, or a new one.
  std::string_view LastIncr();
  // Opens LastIncr() to append to it. A new one is empty: a file of its name that an earlier
  // process has left is deleted first. Returns -errno if it cannot be opened.
  //
  // redis 7.0 aof.c aofOpenIfNeededOnServerStart, which appends to such a file, as valkey 8.0 does
  // (docs/findings/aof-stale-incremental-file.md).
  int OpenLastIncr(FileSystem* files);
  // Makes the incremental files history, except the last one if `keep_last` (it is being written).
  void MarkRewritten(bool keep_last);
  void ClearHistory();

 private:
  // Memory that is kept for the next use; not a part of the value.
  struct Scratch {
    Scratch() = default;
    Scratch(const Scratch&) {}
    Scratch& operator=(const Scratch&) { return *this; }

    std::string bytes;
    std::vector<std::string_view> words;
    AofFile file;
  };

  bool ParseLine(std::string_view line, AofManifestError* error);

  bool has_base_ = false;
  bool dirty_ = false;
  AofFile base_;
  AofFileList history_;
  AofFileList incrs_;
  int64_t base_seq_ = 0;
  int64_t incr_seq_ = 0;
  Scratch scratch_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_AOF_MANIFEST_H_
